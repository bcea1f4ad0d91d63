"""A policy of the queue as clients write it, and the query on the queue."""

from wsme import types

from ingot import queue
from ingot.api.types import scalar


class QueuePolicy(types.Base):
    mode = types.wsattr(scalar.Choice(*queue.MODES, is_nullable=False))
    max_in_flight = types.wsattr(scalar.Integer())
    points = types.wsattr(scalar.Integer(queue.MOST_POINTS))
    order = types.wsattr(scalar.Choice(*queue.ORDERS, is_nullable=False))
    pause_on_failure_ratio = types.wsattr(scalar.Share())
    failure_window = types.wsattr(scalar.Integer(1, 1000, is_nullable=False))


class QueueQuery(types.Base):
    node = types.wsattr(scalar.Text())
    scope = types.wsattr(scalar.Text())
    limit = types.wsattr(scalar.Integer(1))
    marker = types.wsattr(scalar.Text(36))
