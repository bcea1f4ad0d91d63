"""A chassis as clients write it, and the queries on chassis."""

from wsme import types

from ingot.api.types import scalar
from ingot.api.types.query import PageQuery


class Chassis(types.Base):
    uuid = types.wsattr(scalar.Uuid(is_nullable=False))
    description = types.wsattr(scalar.Text())
    extra = types.wsattr(scalar.Object())


CREATE_ONLY = frozenset({'uuid'})


class ChassisQuery(PageQuery):
    """Nothing but the page."""
