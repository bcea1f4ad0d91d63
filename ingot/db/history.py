"""What is over and was kept for a while: the words on each node, events, operations that ended. What is old is forgotten."""

import uuid as uuidlib

import sqlalchemy as sa

from ingot.db import batch, models, one
from ingot.db.engine import now
from ingot.db.operation import LIVE
from ingot.db.page import page

#: Rows that one transaction deletes: others wait no longer than that takes.
BATCH = 1000
_DAY = 86400
TABLE = models.node_history
_INSERT = one.insertion(TABLE).inline()
#: What is told of an entry: plain strings, orjson takes no others as keys.
FIELDS = tuple(''.join(column.name) for column in TABLE.columns if column.name not in ('id', 'node_id'))


def record(connection, node, event, *, kind, conductor=None, severity='ERROR', seconds=None):
    """Add words to the history of ``node`` (a dict with the columns of nodes), in the transaction of what they tell.

    :param kind: 'provisioning', 'cleaning', ...  :param seconds: how long what they tell of took.
    """
    recording(node, event, kind=kind, conductor=conductor, severity=severity, seconds=seconds).execute(connection)


def recording(node, event, *, kind, conductor=None, severity='ERROR', seconds=None):
    """As ``record``, as batch.Write."""
    return batch.Write(_INSERT, {
        'uuid': str(uuidlib.uuid4()), 'node_id': node['id'], 'created_at': now(), 'severity': severity, 'event': event,
        'event_type': kind, 'conductor': conductor, 'state': node['provision_state'],
        'target_provision_state': node['target_provision_state'], 'duration_seconds': seconds})


def of_node(database, node_uuid, **paging):
    """A page of the node's entries as dicts, the oldest first unless ``paging`` (see ``page``) wants it otherwise."""
    return [dict(row._mapping) for row in page(database, TABLE, TABLE.columns, {'node': node_uuid}, {'node': _of}, **paging)]


def one_of_node(database, node_uuid, wanted):
    """The entry ``wanted`` of the node as a dict, or None."""
    with database.read() as connection:
        found = connection.execute(sa.select(TABLE).where(TABLE.c.uuid == wanted, _of(node_uuid))).mappings().first()
    return found and dict(found)


def _of(node_uuid):
    return TABLE.c.node_id == sa.select(models.nodes.c.id).where(models.nodes.c.uuid == node_uuid).scalar_subquery()


def prune(database, days):
    """Delete events and ended operations older than ``days``; returns how many rows went. Repeats as nothing.

    The operation that holds a node's config drive stays: a rebuild may need it.
    """
    limit = now(-days * _DAY)
    return sum(_repeat(database, old, limit) for old in (_old_events, _old_operations, _old_words))


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


def _old_words(connection, limit):
    return TABLE.c.id, list(connection.execute(
        sa.select(TABLE.c.id).where(TABLE.c.created_at < limit).order_by(TABLE.c.id).limit(BATCH)).scalars())


def _old_operations(connection, limit):
    table = models.operations
    return table.c.id, list(connection.execute(sa.select(table.c.id).where(
        table.c.status.not_in(LIVE), table.c.finished_at < limit, table.c.configdrive.is_(None)).limit(BATCH)).scalars())
