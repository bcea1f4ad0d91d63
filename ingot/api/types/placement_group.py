"""A placement group as clients write it, and the query on placement groups."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery

POLICIES = ('affinity', 'anti-affinity', 'spread')
SCOPES = ('node', 'chassis', 'rack', 'switch', 'zone')


class PlacementGroup(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    name = types.wsattr(scalar.Name(is_nullable=False), mandatory=True)
    policy = types.wsattr(scalar.Choice(*POLICIES, is_nullable=False), mandatory=True)
    scope = types.wsattr(scalar.Choice(*SCOPES, is_nullable=False))
    hard = types.wsattr(scalar.Bool(is_nullable=False))
    owner = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())


CREATE_ONLY = frozenset({'uuid'})


class PlacementGroupQuery(PageQuery):
    owner = types.wsattr(scalar.Text())
    policy = types.wsattr(scalar.Choice(*POLICIES, is_nullable=False))
