"""A port as clients write it, and the queries on ports."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery


class Port(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    address = types.wsattr(scalar.Mac(is_nullable=False), mandatory=True)
    node_uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    node_ident = types.wsattr(scalar.Text(is_nullable=False))
    name = types.wsattr(scalar.Name())
    description = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())
    local_link_connection = types.wsattr(scalar.Object())
    pxe_enabled = types.wsattr(scalar.Bool(is_nullable=False))
    physical_network = types.wsattr(scalar.Text(64, shortest=1))
    is_smartnic = types.wsattr(scalar.Bool(is_nullable=False))
    vendor = types.wsattr(scalar.Text(32))
    category = types.wsattr(scalar.Text(80))


#: ``node_uuid`` is what answers show; to move a port to another node, patch it.
CREATE_ONLY = frozenset({'uuid', 'node_ident'})


class PortQuery(PageQuery):
    node = types.wsattr(scalar.Text())
    node_uuid = types.wsattr(scalar.Uuid())
    address = types.wsattr(scalar.Mac())
    shard = types.wsattr(scalar.Words())
    conductor_groups = types.wsattr(scalar.Words())
    description_contains = types.wsattr(scalar.Text())
