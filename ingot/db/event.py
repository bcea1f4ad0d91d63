"""The change feed: every change is a row with a global, rising ``seq``.

Kinds: node.created node.updated node.deleted, provision_state power_state maintenance (data: from, to ...), step (data:
flow, step, attempt), undo (data: flow, step), agent.phase agent.progress agent.log agent.report, inventory.changed, error.

MariaDB and PostgreSQL give a seq when a row is inserted and show it when its transaction ends: 7 may be seen before 6. Who
had read on from 7 would never see 6, so nothing behind a young gap is told yet.
"""

import itertools

import orjson
import sqlalchemy as sa

from ingot.db import models, one
from ingot.db.engine import now

#: Plain strings: orjson takes no others as keys.
_EVENTS = models.events.c
#: Seconds in which a transaction that took a seq has ended: after that its seq is not used by anybody.
SETTLING = 3
#: Events among which a gap is looked for.
_TAIL = 1000
_NAMES = tuple(''.join(column.key) for column in models.events.columns)


def add(connection, kind, *, node=None, operation=None, data=None):
    """Record a change in the transaction of the change itself. ``data`` is JSON and holds no secret."""
    connection.execute(one.insertion(models.events), _row(kind, node, operation, data))


def add_all(connection, node, events):
    """As ``add``, for pairs (kind, data) of one node; ``data`` names the operation."""
    rows = [_row(kind, node, data.get('operation'), data) for kind, data in events]
    if rows:
        connection.execute(one.insertion(models.events), rows if len(rows) > 1 else rows[0])


def _row(kind, node, operation, data):
    return {'at': now(), 'kind': kind, 'node': node, 'operation': operation, 'data': orjson.dumps(data or {}).decode()}


def since(database, seq, *, node=None, limit=1000):
    """Events after ``seq``, oldest first, as dicts with ``data`` as an orjson.Fragment."""
    query = sa.select(models.events).where(models.events.c.seq > seq).order_by(models.events.c.seq).limit(limit)
    if node is not None:
        query = query.where(models.events.c.node == node)
    with database.read() as connection:
        rows = connection.execute(query).all()
        if rows and not _is_old(rows[-1].at):
            settled = _settled(connection)         # first, and then read: what ends in between must not be passed
            rows = connection.execute(query.where(_EVENTS.seq <= settled)).all()
    return [{**dict(zip(_NAMES, row, strict=True)), 'data': orjson.Fragment(row.data)} for row in rows]


def newest(database):
    """The highest seq that can be told so far, 0 when there is none."""
    with database.read() as connection:
        return _settled(connection)


def _settled(connection):
    """The highest seq below which no event can turn up any more."""
    rows = connection.execute(sa.select(_EVENTS.seq, _EVENTS.at).order_by(_EVENTS.seq.desc()).limit(_TAIL)).all()
    settled = rows[0].seq if rows else 0
    for after, before in itertools.pairwise(rows):
        if _is_old(after.at):
            break
        if after.seq - before.seq > 1:
            settled = before.seq
    return settled


def _is_old(at):
    return at < now(-SETTLING)
