"""The change feed: every change is a row with a global, rising ``seq``.

Kinds: node.created node.updated node.deleted, provision_state power_state maintenance (data: from, to ...), step (data:
flow, step, attempt), undo (data: flow, step), agent.phase agent.progress agent.log agent.report, inventory.changed,
allocation.expired (data: allocation, name), error.

MariaDB and PostgreSQL give a seq when a row is inserted and show it when its transaction ends: 7 may be seen before 6. Who
had read on from 7 would never see 6, so nothing behind a young gap is told yet.

What OpenStack Placement must hear of goes through here as well: no change of a node gets around ``placement.note``.
"""

import functools
import itertools

import orjson
import sqlalchemy as sa

from ingot.db import batch, models, one, placement
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
    placement.note(connection, node, [(kind, data or {})])


def writing(node, events):
    """As ``add``, for pairs (kind, data) of one node, as a list of none or one batch.Write; ``data`` names the operation."""
    rows = [_row(kind, node, data.get('operation'), data) for kind, data in events]
    values = {f'{name}_{number}': value for number, row in enumerate(rows) for name, value in row.items()}
    return [batch.Write(_insertion(len(rows)), values)] if rows else []


@functools.cache
def _insertion(count):
    """INSERT of so many at once."""
    names = [name for name in _NAMES if name != 'seq']
    return sa.insert(models.events).inline().values([
        {name: sa.bindparam(f'{name}_{number}') for name in names} for number in range(count)])


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
            limit = settled(connection)            # first, and then read: what ends in between must not be passed
            rows = connection.execute(query.where(_EVENTS.seq <= limit)).all()
    return [{**dict(zip(_NAMES, row, strict=True)), 'data': orjson.Fragment(row.data)} for row in rows]


def newest(database):
    """The highest seq that can be told so far, 0 when there is none."""
    with database.read() as connection:
        return settled(connection)


def settled(connection):
    """The highest seq below which no event can turn up any more."""
    rows = connection.execute(sa.select(_EVENTS.seq, _EVENTS.at).order_by(_EVENTS.seq.desc()).limit(_TAIL)).all()
    highest = rows[0].seq if rows else 0
    for after, before in itertools.pairwise(rows):
        if _is_old(after.at):
            break
        if after.seq - before.seq > 1:
            highest = before.seq
    return highest


def nodes_after(connection, seq, *, without=(), most=1000):
    """Uuids of the nodes that have an event after ``seq``, of kinds that are not in ``without``; those that may not be the last
    as well. None: more than ``most`` nodes, or events that are not kept any more."""
    oldest, newest = connection.execute(sa.select(sa.func.min(_EVENTS.seq), sa.func.max(_EVENTS.seq))).one()
    if oldest is not None and oldest > seq + 1:
        return None
    if newest is None or newest <= seq:
        return []
    query = sa.select(_EVENTS.node).distinct().where(_EVENTS.seq > seq, _EVENTS.node.is_not(None), _EVENTS.kind.not_in(without))
    found = connection.execute(query.limit(most + 1)).scalars().all()
    return None if len(found) > most else found


def _is_old(at):
    return at < now(-SETTLING)
