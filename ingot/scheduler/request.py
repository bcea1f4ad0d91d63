"""What is asked for: read from a plain dict, so strictly that a decision has nothing left to refuse but unknown names."""

import difflib
from typing import NamedTuple

from ingot import errors
from ingot.scheduler import expression

STRATEGIES = ('spread', 'pack', 'sequential_fill')
POLICIES = ('affinity', 'anti-affinity', 'spread')
SCOPES = ('node', 'chassis', 'rack', 'switch', 'zone')
ENTRIES, FLAVORS, DEVICES, NODES, TRAITS, WHERE, CANDIDATES = 16, 32, 256, 1000, 100, 32, 10_000


class Devices(NamedTuple):
    """``count`` devices of any of the ``flavors`` (names or uuids); ``is_near``: all of them on one NUMA node."""

    flavors: tuple
    count: int = 1
    is_near: bool = False

    @property
    def words(self):
        return f'{self.count} of {" or ".join(self.flavors)}'


class Request(NamedTuple):
    """A request for ``count`` nodes, all or none; ``expires_in`` in seconds. ``name``: a node of that name is preferred.

    ``owner``: only nodes that it owns or has been lent count; None: all nodes.
    """

    resource_class: str | None = None
    traits: tuple = ()
    preferred_traits: tuple = ()
    forbidden_traits: tuple = ()
    where: tuple = ()               # of expression.Expression
    pci: tuple = ()                 # of Devices
    candidate_nodes: tuple = ()     # uuids or names; none: any node
    count: int = 1
    placement_group: str | None = None
    strategy: str | None = None
    priority: int = 0
    expires_in: float | None = None
    owner: str | None = None
    name: str | None = None


def read(value):
    """The Request that a dict of JSON values means; errors.Invalid names the member, its value and what is accepted.

    null is the same as leaving a member out. Names of flavors, groups and nodes are looked up by the decision.
    """
    if not isinstance(value, dict):
        raise errors.Invalid(f'A request is an object, not {value!r}.')
    if strangers := sorted(value.keys() - READERS.keys()):
        near = difflib.get_close_matches(strangers[0], READERS, 1)
        raise errors.Invalid(f'{strangers[0]!r} is nothing that a request may say{f"; did you mean {near[0]}" if near else ""}.',
                             remedy=f'Accepted: {", ".join(READERS)}.')
    found = Request(**{name: READERS[name](name, given) for name, given in value.items() if given is not None})
    _check_contradictions(found)
    return found


def _check_contradictions(request):
    """Refuse what no site could ever give."""
    for kind in ('traits', 'preferred_traits'):
        if both := sorted(set(getattr(request, kind)) & set(request.forbidden_traits)):
            raise errors.Invalid(f'Trait {both[0]} is in {kind} and in forbidden_traits.', remedy='Name it in one of them.')
    if request.candidate_nodes and request.count > len(request.candidate_nodes):
        raise errors.Invalid(f'{request.count} nodes are asked for, among {len(request.candidate_nodes)} candidate_nodes.',
                             remedy='Each node is given once: name more of them, or lower count.')


def _text(name, value, most=255):
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise errors.Invalid(f'{name} is text of 1 to {most} characters, not {value!r}.')
    return value


def _integer(name, value, least, most):
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise errors.Invalid(f'{name} is a whole number from {least} to {most}, not {value!r}.')
    return value


def _texts(name, value, most):
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise errors.Invalid(f'{name} is a list of at most {most} names, not {value!r:.60}.')
    found = tuple(_text(f'{name}[{number}]', one) for number, one in enumerate(value))
    if double := next((one for number, one in enumerate(found) if one in found[:number]), None):
        raise errors.Invalid(f'{name} names {double!r} twice.', remedy='Each name counts once.')
    return found


def _where(name, value):
    if not isinstance(value, (list, tuple)) or len(value) > WHERE:
        raise errors.Invalid(f'{name} is a list of at most {WHERE} expressions such as "cpu.count >= 32", not {value!r:.60}.')
    return tuple(expression.parse(one, name=f'{name}[{number}]') for number, one in enumerate(value))


def _pci(name, value):
    if not isinstance(value, (list, tuple)) or len(value) > ENTRIES:
        raise errors.Invalid(f'{name} is a list of at most {ENTRIES} objects, not {value!r:.60}.',
                             remedy='Such as [{"flavors": ["fastNIC"], "count": 2, "numa": "same"}].')
    found = tuple(_devices(f'{name}[{number}]', one) for number, one in enumerate(value))
    if (count := sum(entry.count for entry in found)) > DEVICES:
        raise errors.Invalid(f'{name} asks for {count} devices of a node; at most {DEVICES} are accepted.')
    return found


def _devices(name, value):
    if not isinstance(value, dict) or not value.keys() <= {'flavors', 'count', 'numa'} or not value.get('flavors'):
        raise errors.Invalid(f'{name} is an object of flavors (at least one name), count and numa, not {value!r:.80}.')
    if value.get('numa') not in (None, 'same'):
        raise errors.Invalid(f'{name}.numa is "same" (all of its devices on one NUMA node), not {value["numa"]!r}.')
    count = value.get('count')
    return Devices(_texts(f'{name}.flavors', value['flavors'], FLAVORS),
                   1 if count is None else _integer(f'{name}.count', count, 1, DEVICES), value.get('numa') == 'same')


def _strategy(name, value):
    if value not in STRATEGIES:
        raise errors.Invalid(f'{name} is one of {", ".join(STRATEGIES)}, not {value!r}.')
    return value


def _seconds(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 10 * 365 * 86400:
        raise errors.Invalid(f'{name} is a number of seconds above 0, at most ten years, not {value!r}.')
    return value


def _traits(name, value):
    return _texts(name, value, TRAITS)


READERS = {
    'resource_class': lambda name, value: _text(name, value, 80), 'traits': _traits, 'preferred_traits': _traits,
    'forbidden_traits': _traits, 'where': _where, 'pci': _pci,
    'candidate_nodes': lambda name, value: _texts(name, value, CANDIDATES),
    'count': lambda name, value: _integer(name, value, 1, NODES),
    'placement_group': _text, 'strategy': _strategy,
    'priority': lambda name, value: _integer(name, value, -1_000_000, 1_000_000), 'expires_in': _seconds,
    'owner': _text, 'name': _text,
}
