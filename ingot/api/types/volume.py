"""Volume connectors and targets as clients write them, and the queries on them."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery


class Connector(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    node_uuid = types.wsattr(scalar.Uuid(is_nullable=False), mandatory=True)
    type = types.wsattr(scalar.Text(32, shortest=1, is_nullable=False), mandatory=True)
    connector_id = types.wsattr(scalar.Text(shortest=1, is_nullable=False), mandatory=True)
    extra = types.wsattr(scalar.Object())


class Target(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    node_uuid = types.wsattr(scalar.Uuid(is_nullable=False), mandatory=True)
    volume_type = types.wsattr(scalar.Text(64, shortest=1, is_nullable=False), mandatory=True)
    boot_index = types.wsattr(scalar.Integer(-2**31, is_nullable=False), mandatory=True)
    volume_id = types.wsattr(scalar.Text(shortest=1, is_nullable=False), mandatory=True)
    properties = types.wsattr(scalar.Object())
    extra = types.wsattr(scalar.Object())


CREATE_ONLY = frozenset({'uuid'})


class VolumeQuery(PageQuery):
    node = types.wsattr(scalar.Text())
