"""A chassis as clients write it, and the queries on chassis."""

from wsme import types

from ingot.api.types import scalar


class Chassis(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    description = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())


CREATE_ONLY = frozenset({'uuid'})


class ChassisQuery(types.Base):
    fields = types.wsattr(scalar.Words())
    detail = types.wsattr(scalar.Bool())
    limit = types.wsattr(scalar.Integer(1))
    marker = types.wsattr(scalar.Text())
    sort_key = types.wsattr(scalar.Text(64))
    sort_dir = types.wsattr(scalar.Choice('asc', 'desc'))
