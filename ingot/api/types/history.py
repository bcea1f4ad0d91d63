"""The query on a node's history."""

from wsme import types

from ingot.api.types import scalar


class HistoryQuery(types.Base):
    detail = types.wsattr(scalar.Bool())
    limit = types.wsattr(scalar.Integer(1))
    marker = types.wsattr(scalar.Uuid())
