"""Power states as they are found by looking, without the lock: written only where nobody works on the node."""

import sqlalchemy as sa

from ingot.db import clock, event, models, row
from ingot.db import node as nodes
from ingot.db.engine import now

TABLE = models.nodes
FAULT = 'power failure'
#: A machine in these states works for an operation, or nobody has told us yet how to reach it.
SKIPPED = ('enroll', 'wait call-back', 'clean wait', 'inspect wait', 'rescue wait', 'service wait', 'deploy hold',
           'clean hold', 'service hold', 'adopting', 'adopt failed')
_WHOLE = sa.select(TABLE).where(TABLE.c.id.in_(sa.bindparam('ids', expanding=True)))
_SAME = sa.update(TABLE).where(
    TABLE.c.id.in_(sa.bindparam('ids', expanding=True)), TABLE.c.lock_expires_at <= sa.bindparam('present')).values(
    power_checked_at=sa.bindparam('present'))


def _watched(drivers, share):
    """Conditions for the nodes of ``drivers``, or of a ``share`` of the ring, that are looked at, sooner or later."""
    return (TABLE.c.driver.in_(drivers) if share is None else nodes.belongs(share), TABLE.c.provision_state.not_in(SKIPPED),
            sa.or_(sa.not_(TABLE.c.maintenance), TABLE.c.fault == FAULT))


def count(database, drivers, share=None):
    """How many nodes of ``drivers`` (and ``share``: see ``due``) are looked at."""
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(TABLE).where(*_watched(drivers, share))).scalar()


def due(database, seconds, drivers, share=None, *, limit=1000, excluding=()):
    """Nodes (dicts) of ``drivers`` not looked at for ``seconds``, the oldest look first; locked and unfit ones left out.

    So are those whose uuids are in ``excluding``. ``share``: of those that a conductor has by ``Ring.share`` only.
    """
    present = clock.time()
    query = sa.select(TABLE.c.id, TABLE.c.uuid).where(
        TABLE.c.power_checked_at <= present - seconds, TABLE.c.lock_expires_at <= present,
        TABLE.c.target_power_state.is_(None), *_watched(drivers, share)).order_by(TABLE.c.power_checked_at)
    with database.read() as connection:
        found = connection.execute(query.limit(limit + len(excluding))).all()
        ids = [one.id for one in found if one.uuid not in excluding][:limit]
        rows = {one['id']: one for one in connection.execute(_WHOLE, {'ids': ids}).mappings()} if ids else {}
    return [row.parse(TABLE, rows[one]) for one in ids if one in rows]


def record_same(database, ids):
    """The nodes ``ids`` were found as they are known: one write for all of them, which is no change that clients see.

    Those that somebody works on now are left out, and looked at again.
    """
    present = clock.time()
    with database.write() as connection:
        connection.execute(_SAME, {'ids': sorted(ids), 'present': present})


def record(database, node, state):
    """``node`` (as it was read) was found in ``state``; ends a maintenance that a silent BMC was the reason of."""
    values, events = {'power_failures': 0}, []
    if state != node['power_state']:
        values['power_state'] = state
        events.append(('power_state', {'from': node['power_state'], 'to': state, 'reason': 'found by looking'}))
    if node['fault'] == FAULT:
        values |= {'maintenance': False, 'maintenance_reason': None, 'fault': None}
        events.append(('maintenance', {'from': True, 'to': False, 'reason': 'the power state can be read again'}))
    return _write(database, node, values, events)


def record_failure(database, node, reason, *, limit):
    """The power state could not be read because of ``reason``; after ``limit`` times in a row the node is set aside."""
    failures = node['power_failures'] + 1
    values, events = {'power_failures': failures}, []
    if failures >= limit and not node['maintenance']:
        reason = f'Its power state could not be read {failures} times: {reason}'
        values |= {'maintenance': True, 'maintenance_reason': reason, 'fault': FAULT}
        events.append(('maintenance', {'from': False, 'to': True, 'reason': reason}))
    return _write(database, node, values, events)


def _write(database, node, values, events):
    """False when the node was locked since it was read: what was seen may be old news."""
    if events:
        values |= {'generation': TABLE.c.generation + 1, 'updated_at': now()}
    present = clock.time()
    with database.write() as connection:
        done = connection.execute(sa.update(TABLE).where(
            TABLE.c.uuid == node['uuid'], TABLE.c.lock_epoch == node['lock_epoch'], TABLE.c.lock_expires_at <= present,
            TABLE.c.maintenance == node['maintenance']).values(power_checked_at=present, **values)).rowcount
        if done:
            for kind, data in events:
                event.add(connection, kind, node=node['uuid'], data=data)
    return bool(done)
