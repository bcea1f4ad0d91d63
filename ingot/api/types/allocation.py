"""An allocation as clients write it, and the queries on allocations."""

from wsme import types

from ingot.api.types import document, scalar
from ingot.api.types.query import PageQuery


class Candidates(scalar.Words):
    """Uuids and names of nodes; none at all are no condition."""

    def validate(self, value):
        return [] if value is None or value == [] else self.check(value)


class Expressions(scalar.Words):
    """What must be true of a node's inventory, or of statistics; docs/scheduling.md has the language."""

    accepts = 'a list of 1 to 32 expressions of 1 to 1000 characters each, such as "cpu.count >= 32"'

    def check(self, value):
        found = super().check(value)
        return found if len(found) <= 32 and all(len(text) <= 1000 for text in found) else self.refuse()


class DeviceRequests(scalar.Scalar):
    """[{"flavors": [names], "count": n, "numa": "same"}]; what they mean is checked by ``scheduler.request``."""

    basetype = list
    name = 'requests for devices'
    accepts = 'a list of 1 to 16 objects {"flavors": [names of PCI flavors], "count": 1 to 64, "numa": "same"}'

    def check(self, value):
        good = isinstance(value, list) and 1 <= len(value) <= 16 and all(map(_is_request, value))
        return value if good else self.refuse()

    def describe(self):
        return {'type': 'array', 'minItems': 1, 'maxItems': 16, 'items': {
            'type': 'object', 'required': ['flavors'], 'additionalProperties': False, 'properties': {
                'flavors': {'type': 'array', 'minItems': 1, 'maxItems': 16, 'items': {'type': 'string', 'minLength': 1}},
                'count': {'type': 'integer', 'minimum': 1, 'maximum': 64}, 'numa': {'const': 'same'}}}}


def _is_request(one):
    if not isinstance(one, dict) or not one.keys() <= {'flavors', 'count', 'numa'}:
        return False
    flavors, count = one.get('flavors'), one.get('count', 1)
    return (isinstance(flavors, list) and 1 <= len(flavors) <= 16
            and all(isinstance(name, str) and 0 < len(name) <= 255 for name in flavors)
            and scalar.is_count(count) and count <= 64 and one.get('numa', 'same') == 'same')


#: In which order nodes are filled, where nothing else decides.
STRATEGIES = ('spread', 'pack', 'sequential_fill')
#: Most allocations that are asked for at once.
MOST = 256


class _Wanted(types.Base):
    """What a request says of the nodes that it wants, beside what clients of Ironic know."""

    preferred_traits = types.wsattr(scalar.Traits())
    forbidden_traits = types.wsattr(scalar.Traits())
    where = types.wsattr(Expressions())
    pci = types.wsattr(DeviceRequests())
    count = types.wsattr(scalar.Integer(1, MOST))
    placement_group = types.wsattr(scalar.Text(shortest=1))
    strategy = types.wsattr(scalar.Choice(*STRATEGIES))


class Allocation(_Wanted):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    name = types.wsattr(scalar.Name())
    resource_class = types.wsattr(scalar.Text(80, shortest=1))
    traits = types.wsattr(scalar.Traits())
    candidate_nodes = types.wsattr(Candidates())
    node = types.wsattr(scalar.Text(shortest=1))
    owner = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())
    priority = types.wsattr(scalar.Integer(-1000, 1000))
    expires_in = types.wsattr(scalar.Integer(1))
    wait = types.wsattr(scalar.Bool())


#: Members that Ironic's clients do not send; answers show them where they were sent.
NEWER = (*document.attributes(_Wanted), 'priority', 'expires_in', 'wait')
#: A patch changes the name and ``extra``, nothing else.
CREATE_ONLY = frozenset({'uuid', 'resource_class', 'traits', 'candidate_nodes', 'node', 'owner', *NEWER})


class AllocationQuery(PageQuery):
    node = types.wsattr(scalar.Text())
    resource_class = types.wsattr(scalar.Text())
    state = types.wsattr(scalar.Text())
    owner = types.wsattr(scalar.Text())


class GangQuery(types.Base):
    gang = types.wsattr(scalar.Bool())


class Decision(_Wanted):
    """What POST /v1/decisions takes: an allocation as it would be asked for, and how many candidates are told."""

    resource_class = types.wsattr(scalar.Text(80, shortest=1))
    traits = types.wsattr(scalar.Traits())
    candidate_nodes = types.wsattr(Candidates())
    owner = types.wsattr(scalar.Text())
    name = types.wsattr(scalar.Name())
    limit = types.wsattr(scalar.Integer(1, 1000))


class Chosen(scalar.Scalar):
    """Candidates as a decision tells them: a node, its generation, and for each request of devices their uuids."""

    basetype = list
    name = 'candidates'
    accepts = (f'a list of 1 to {MOST} candidates as a decision tells them, each with node (a uuid, each another one),'
               ' generation, and devices (for each request a list of uuids)')

    def check(self, value):
        good = isinstance(value, list) and 1 <= len(value) <= MOST and all(map(_is_chosen, value))
        return value if good and len({one['node'].lower() for one in value}) == len(value) else self.refuse()

    def describe(self):
        uuid = {'type': 'string', 'format': 'uuid'}
        return {'type': 'array', 'minItems': 1, 'maxItems': MOST, 'items': {
            'type': 'object', 'required': ['node', 'generation'], 'additionalProperties': False, 'properties': {
                'node': uuid, 'generation': {'type': 'integer', 'minimum': 1}, 'name': {}, 'score': {},
                'devices': {'type': 'array', 'maxItems': 16, 'items': {'type': 'array', 'maxItems': 64, 'items': uuid}}}}}


def _is_chosen(one):
    if not isinstance(one, dict) or not one.keys() <= {'node', 'generation', 'devices', 'name', 'score'}:
        return False
    devices = one.get('devices', [])
    return (_is_uuid(one.get('node')) and scalar.is_count(one.get('generation')) and one['generation'] < 2**31
            and isinstance(devices, list) and len(devices) <= 16
            and all(isinstance(some, list) and len(some) <= 64 and all(map(_is_uuid, some)) for some in devices))


def _is_uuid(value):
    return isinstance(value, str) and scalar.is_uuid(value)


class Claim(types.Base):
    candidates = types.wsattr(Chosen(is_nullable=False), mandatory=True)
    name = types.wsattr(scalar.Name())
    resource_class = types.wsattr(scalar.Text(80, shortest=1))
    traits = types.wsattr(scalar.Traits())
    owner = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())
    placement_group = types.wsattr(scalar.Text(shortest=1))
    priority = types.wsattr(scalar.Integer(-1000, 1000))
    expires_in = types.wsattr(scalar.Integer(1))
