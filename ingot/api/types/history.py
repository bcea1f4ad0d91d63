"""The query on a node's history."""

from wsme import types

from ingot.api.types import scalar
from ingot.db import history


class HistoryQuery(types.Base):
    detail = types.wsattr(scalar.Bool())
    limit = types.wsattr(scalar.Integer(1))
    marker = types.wsattr(scalar.Uuid())
    sort_key = types.wsattr(scalar.Choice('id', *history.FIELDS))
    sort_dir = types.wsattr(scalar.Choice('asc', 'desc'))
