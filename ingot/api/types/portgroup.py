"""A port group as clients write it, and the queries on port groups."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery


class Portgroup(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    node_uuid = types.wsattr(scalar.Uuid(is_nullable=False), mandatory=True)
    address = types.wsattr(scalar.Mac())
    name = types.wsattr(scalar.Name())
    mode = types.wsattr(scalar.Text(shortest=1))
    properties = types.wsattr(scalar.Object())
    standalone_ports_supported = types.wsattr(scalar.Bool(is_nullable=False))
    physical_network = types.wsattr(scalar.Text(64, shortest=1))
    category = types.wsattr(scalar.Text(80))
    extra = types.wsattr(scalar.Object())


CREATE_ONLY = frozenset({'uuid', 'node_uuid'})


class PortgroupQuery(PageQuery):
    node = types.wsattr(scalar.Text())
    address = types.wsattr(scalar.Mac())
    shard = types.wsattr(scalar.Words())
    conductor_groups = types.wsattr(scalar.Words(0))       # the default group has no name
