"""The devices of a node that may be given, in one form for all nodes that are built alike.

Of a hundred thousand nodes most are equal but for the uuids of their devices, so that what one can give is found out once.
"""

from typing import NamedTuple

from ingot.scheduler import match

#: States in which somebody has the device.
HELD = frozenset({'claimed', 'in_use', 'draining'})
_NAMES = tuple(name for name in match.ATTRIBUTES if name not in ('address', 'unit'))
#: What Linux writes where it does not know: numa_node -1 (Documentation/ABI/testing/sysfs-bus-pci).
_UNKNOWN = (None, -1)


class Kind:
    """What equal devices have in common; ``flavors``: bits of the flavors that mean them, as of ``version``."""

    __slots__ = ('attributes', 'flavors', 'numa', 'version')

    def __init__(self, attributes, numa):
        self.attributes, self.numa, self.version, self.flavors = attributes, numa, -1, 0


class Shape(NamedTuple):
    """What excludes what on a board, by the places of its devices.

    ``parents``: of each the place of its PF, or None; ``units``: of each the number of its unit, or None;
    ``is_flat``: the machine tells no NUMA node of any device, so it has one.
    """

    parents: tuple
    units: tuple
    is_flat: bool


class Board:
    """Kinds and addresses of devices, in order of their address, and the numbers of the ``nodes`` that have such a board."""

    __slots__ = ('addresses', 'kinds', 'nodes', 'shape')

    def __init__(self, kinds, addresses, shape):
        self.kinds, self.addresses, self.shape, self.nodes = kinds, addresses, shape, set()


class Boards:
    """All boards and kinds of a site, each once."""

    def __init__(self):
        self.boards, self.kinds = {}, {}

    def find(self, devices, is_free=True):
        """(Board, the uuids of its devices in order) of a node's devices as rows of the table, or dicts like them.

        Of a node that is not free: of the devices that it could give when it were, so that ``why`` can tell what to wait for.
        """
        given = available(devices if is_free else [*map(released, devices)])
        given.sort(key=_address)
        kinds = tuple(map(self._kind, given))
        addresses = tuple(map(_address, given))
        has_structure = any(device.get('parent') or device.get('unit') for device in given)
        is_flat = all(device.get('numa_node') in _UNKNOWN for device in devices)
        shape = _shape(given, addresses, is_flat) if has_structure else Shape((None,) * len(given), (None,) * len(given), is_flat)
        key = tuple(map(id, kinds)), addresses, shape
        if (found := self.boards.get(key)) is None:
            found = self.boards[key] = Board(kinds, addresses, shape)
        return found, tuple(device['uuid'] for device in given)

    def leave(self, board, number):
        """A node has this board no more."""
        board.nodes.discard(number)
        if not board.nodes:
            del self.boards[tuple(map(id, board.kinds)), board.addresses, board.shape]

    def _kind(self, device):
        get = device.get
        extra, labels = get('extra_info'), get('labels')
        key = (*map(get, _NAMES), get('unit'), repr(extra) if extra else None, repr(labels) if labels else None)
        if (found := self.kinds.get(key)) is None:
            attributes = match.attributes(device)
            attributes.pop('address', None)
            numa = attributes.get('numa_node')
            found = self.kinds[key] = Kind(attributes, None if numa in _UNKNOWN else numa)
        return found


def released(device):
    """The device as it will be when its allocation ends."""
    return {**device, 'state': 'ready', 'allocation_id': None} if device.get('state') in ('claimed', 'in_use') else device


def available(devices):
    """The devices that may be given: ready, offered, of nobody; no PF or VF of what is held, nothing of a broken unit."""
    given = [device for device in devices if device.get('state') == 'ready' and device.get('offered')
             and device.get('allocation_id') is None and not device.get('reserved_for')]
    if not any(device.get('parent') or device.get('unit') for device in devices):
        return given
    held = {device['address'] for device in devices
            if device.get('state') in HELD or device.get('allocation_id') is not None}
    kept = {device['address'] for device in devices if device.get('reserved_for')}
    blocked = {device.get('parent') for device in devices if device['address'] in held | kept}
    given = [device for device in given if device['address'] not in blocked and device.get('parent') not in held]
    while True:
        here = {device['address'] for device in given}
        broken = {device['unit'] for device in devices
                  if device.get('unit') and device['address'] not in here and device.get('state') != 'removed'}
        if not any(device.get('unit') in broken for device in given):
            return given
        given = [device for device in given if device.get('unit') not in broken]


def _shape(given, addresses, is_flat):
    places = {address: place for place, address in enumerate(addresses)}
    units = {unit: number for number, unit in enumerate(sorted({device['unit'] for device in given if device.get('unit')}))}
    parents = (places.get(device.get('parent')) for device in given)
    return Shape(tuple(None if parent == place else parent for place, parent in enumerate(parents)),
                 tuple(units.get(device.get('unit')) for device in given), is_flat)


def _address(device):
    return device['address']
