"""The change feed: every change is a row with a global, rising ``seq``.

Kinds: node.created node.updated node.deleted, provision_state power_state maintenance (data: from, to ...), step (data:
flow, step, attempt), undo (data: flow, step), agent.phase agent.progress agent.log agent.report, error.
"""

import orjson
import sqlalchemy as sa

from ingot.db import models
from ingot.db.engine import now

#: Plain strings: orjson takes no others as keys.
_NAMES = tuple(''.join(column.key) for column in models.events.columns)


def add(connection, kind, *, node=None, operation=None, data=None):
    """Record a change in the transaction of the change itself. ``data`` is JSON and holds no secret."""
    connection.execute(sa.insert(models.events).values(
        at=now(), kind=kind, node=node, operation=operation, data=orjson.dumps(data or {}).decode()))


def since(database, seq, *, node=None, limit=1000):
    """Events after ``seq``, oldest first, as dicts with ``data`` as an orjson.Fragment."""
    query = sa.select(models.events).where(models.events.c.seq > seq).order_by(models.events.c.seq).limit(limit)
    if node is not None:
        query = query.where(models.events.c.node == node)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [{**dict(zip(_NAMES, row, strict=True)), 'data': orjson.Fragment(row.data)} for row in rows]


def newest(database):
    """The highest seq so far, 0 when there is none."""
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.max(models.events.c.seq))).scalar() or 0
