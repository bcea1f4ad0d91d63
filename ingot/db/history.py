"""What is over and was kept for a while: events, and operations that ended. Whatever is old enough is forgotten."""

import sqlalchemy as sa

from ingot.db import models
from ingot.db.engine import now
from ingot.db.operation import LIVE

#: Rows that one transaction deletes: others wait no longer than that takes.
BATCH = 1000
_DAY = 86400


def prune(database, days):
    """Delete events and ended operations older than ``days``; returns how many rows went. Repeats as nothing.

    The operation that holds a node's config drive stays: a rebuild may need it.
    """
    limit = now(-days * _DAY)
    return sum(_repeat(database, old, limit) for old in (_old_events, _old_operations))


def _repeat(database, old, limit):
    total = 0
    while True:
        with database.write() as connection:
            column, found = old(connection, limit)
            connection.execute(sa.delete(column.table).where(column.in_(found)))
        total += len(found)
        if len(found) < BATCH:
            return total


def _old_events(connection, limit):
    """(key, keys) of the oldest events: ``at`` has no index, but rises with ``seq``."""
    seq, at = models.events.c.seq, models.events.c.at
    rows = connection.execute(sa.select(seq, at).order_by(seq).limit(BATCH)).all()
    return seq, [row.seq for row in rows if row.at < limit]


def _old_operations(connection, limit):
    table = models.operations
    return table.c.id, list(connection.execute(sa.select(table.c.id).where(
        table.c.status.not_in(LIVE), table.c.finished_at < limit, table.c.configdrive.is_(None)).limit(BATCH)).scalars())
