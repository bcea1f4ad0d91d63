"""An allocation as clients write it, and the queries on allocations."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery


class Candidates(scalar.Words):
    """Uuids and names of nodes; none at all are no condition."""

    def validate(self, value):
        return [] if value is None or value == [] else self.check(value)


class Allocation(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    name = types.wsattr(scalar.Name())
    resource_class = types.wsattr(scalar.Text(80, shortest=1))
    traits = types.wsattr(scalar.Traits())
    candidate_nodes = types.wsattr(Candidates())
    node = types.wsattr(scalar.Text(shortest=1))
    owner = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())


#: A patch changes the name and ``extra``, nothing else.
CREATE_ONLY = frozenset({'uuid', 'resource_class', 'traits', 'candidate_nodes', 'node', 'owner'})


class AllocationQuery(PageQuery):
    node = types.wsattr(scalar.Text())
    resource_class = types.wsattr(scalar.Text())
    state = types.wsattr(scalar.Text())
    owner = types.wsattr(scalar.Text())
