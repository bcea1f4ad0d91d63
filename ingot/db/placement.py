"""What OpenStack Placement is to be told of nodes, and what it was told last.

Whatever changes what Placement sees of a node writes a row into the outbox, in the transaction of the change itself: it is
told though everything dies right after. ``note`` sits where every event of the change feed is written, and where the holder
of a node's lock writes. A row too many costs one look at the node; a row too few is found by ``drifted``.

Each conductor tells of its own share of nodes, with no lock: a push names the generation of the provider that was read
*before* the node's row, so that of two pushes at once the one with the older facts is refused; ``settle`` sees to the rest.
"""

import re
from typing import NamedTuple

import sqlalchemy as sa

from ingot import ring
from ingot.db import batch, clock, models, one, row

OUTBOX, TOLD, _NODES = models.placement_outbox, models.placement_told, models.nodes
#: Seconds after which a row of the outbox is everybody's: its conductor died, or cannot reach Placement.
OVERDUE = 15
#: Seconds until what Placement refused is tried again: doubled each time, up to the last.
_RETRY, _RETRY_MOST = 2, 300
#: Columns of a node of which Placement sees something, but for those with an event of their own.
_SEEN = frozenset(('resource_class', 'traits', 'instance_uuid', 'retired'))
_COLUMNS = tuple(_NODES.c[name] for name in (
    'uuid', 'resource_class', 'traits', 'provision_state', 'power_state', 'maintenance', 'retired', 'instance_uuid'))
_ONE = sa.select(*_COLUMNS).where(_NODES.c.uuid == sa.bindparam('its_uuid'))
_SEVERAL = sa.select(*_COLUMNS).where(_NODES.c.uuid.in_(sa.bindparam('uuids', expanding=True)))
_INSERT = one.insertion(OUTBOX).inline()
_TOLD = sa.select(TOLD).where(TOLD.c.node == sa.bindparam('its_uuid'))
#: Rows of the database that are read at once.
_CHUNK = 1000


class Result(NamedTuple):
    """What came of telling about one node: ``said`` and the provider's ``generation``, both None when it is forgotten.

    ``before``: the generation that was known. ``is_pushed``: False when there was nothing to tell. ``error``: why Placement
    refused, or what it did not take.
    """

    said: dict | None = None
    generation: int | None = None
    before: int | None = None
    is_pushed: bool = True
    error: str | None = None
    is_refused: bool = False


# Which changes are told.

_ALTERS = {
    'node.created': lambda data: True,
    'node.deleted': lambda data: True,
    'maintenance': lambda data: True,
    'node.updated': lambda data: bool(_SEEN & set(data.get('changed', ()))),
    'power_state': lambda data: is_powered(data['from']) is not is_powered(data['to']),
    'provision_state': lambda data: 'available' in (data['from'], data['to']),
}


def alters(kind, data):
    """Whether an event of this kind may change what Placement sees of its node."""
    return kind in _ALTERS and _ALTERS[kind](data)


def note(connection, node, events):
    """Remember, in this transaction, that Placement is to hear of ``node`` if one of ``events`` (kind, data) says so.

    Where Placement is told nothing, this is not one statement.
    """
    if connection.get_execution_options().get('tells_placement'):
        for write in writing(node, events):
            write.execute(connection)


def writing(node, events):
    """As ``note``, where it is known that Placement is told: a list of none or one batch.Write."""
    is_altered = any(alters(kind, data) for kind, data in events)
    return [batch.Write(_INSERT, {'node': node, 'at': clock.time()})] if is_altered else []


# What is told.

def is_powered(state):
    """As Nova sees it: a machine whose power state is not known, or an error, is of no use."""
    return state not in (None, 'error')


def is_schedulable(node):
    """Whether an instance can be put on ``node`` (a row) now."""
    return (node['provision_state'] == 'available' and is_powered(node['power_state']) and not node['maintenance']
            and not node['retired'] and node['instance_uuid'] is None)


#: The same as a condition.
SCHEDULABLE = sa.and_(
    _NODES.c.provision_state == 'available', _NODES.c.power_state != 'error', ~_NODES.c.maintenance, ~_NODES.c.retired,
    _NODES.c.instance_uuid.is_(None))


def class_name(resource_class):
    """'CUSTOM_BAREMETAL_GOLD' for 'baremetal.gold', as Nova and os-resource-classes write it; None for none."""
    return 'CUSTOM_' + re.sub('[^0-9A-Za-z]+', '_', resource_class).upper() if resource_class else None


def wanted(node):
    """What Placement is to hold of ``node`` (a row, JSON parsed): one of its class, reserved unless it is schedulable."""
    return {'resource_class': class_name(node['resource_class']), 'reserved': 0 if is_schedulable(node) else 1,
            'traits': sorted(node['traits'])}


# The outbox.

def waiting(database):
    """Rows (id, node, at) of the outbox, the oldest first, so many as are read at once."""
    with database.read() as connection:
        return connection.execute(sa.select(OUTBOX.c.id, OUTBOX.c.node, OUTBOX.c.at).order_by(OUTBOX.c.id).limit(_CHUNK)).all()


def look(database, uuid):
    """(what Placement is to hold, or None without such a node; the row of what it was told last, or None).

    In this order: see above.
    """
    with database.read() as connection:
        told = connection.execute(_TOLD, {'its_uuid': uuid}).mappings().one_or_none()
        node = connection.execute(_ONE, {'its_uuid': uuid}).mappings().one_or_none()
    return node and wanted(row.parse(_NODES, node)), told and row.parse(TOLD, told)


def settle(database, ids, results):
    """The rows ``ids`` of the outbox are done with; {node: Result} is what came of them.

    A node of which another conductor told meanwhile, or that is not any more what was told, is looked at again: its row may
    have been taken, before we stored this, by somebody who thought that there was nothing to tell.
    """
    with database.write() as connection:
        for start in range(0, len(ids), _CHUNK):
            connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id.in_(ids[start:start + _CHUNK])))
        stored = {node for node in sorted(results) if _settle(connection, node, results[node])}
        told = {node: result for node, result in results.items() if not result.is_refused}
        rows = connection.execute(_SEVERAL, {'uuids': sorted(told)}).mappings() if told else ()
        present = {found['uuid']: wanted(row.parse(_NODES, found)) for found in rows}
        again = [node for node in told if node not in stored or told[node].said != present.get(node)]
        if again:
            connection.execute(one.insertion(OUTBOX), [{'node': node, 'at': clock.time()} for node in again])


def _settle(connection, node, result):
    """Whether it is stored: what was told after us stays."""
    if result.is_refused:
        return _store(connection, node, {
            'error': result.error, 'failures': TOLD.c.failures + 1, 'provider_generation': None}, first={'failures': 1})
    if result.said is None:
        one.remove(connection, TOLD, node, 'node')
        return True
    known = TOLD.c.provider_generation
    is_ours = known == result.before
    if result.is_pushed:
        is_ours = sa.or_(is_ours, known.is_(None), known < result.generation)
    return _store(connection, node, {'said': result.said, 'provider_generation': result.generation, 'failures': 0,
                                     'error': result.error}, is_ours)


def _store(connection, node, values, *conditions, first=()):
    """False when there is a row, and it does not meet ``conditions``. ``first``: values of a row that is new."""
    values = row.dump(TOLD, {**values, 'told_at': clock.time()})
    if connection.execute(sa.update(TOLD).where(TOLD.c.node == node, *conditions).values(values)).rowcount:
        return True
    if connection.execute(_TOLD, {'its_uuid': node}).first() is not None:
        return False
    connection.execute(one.insertion(TOLD), {'node': node, **values, **dict(first)})
    return True


# What is told once more.

def enqueue(database, nodes):
    """Placement is to hear of ``nodes`` (uuids), whatever it was told last: nothing is taken for known."""
    for start in range(0, len(nodes), _CHUNK):
        some = nodes[start:start + _CHUNK]
        with database.write() as connection:
            connection.execute(sa.update(TOLD).where(TOLD.c.node.in_(some)).values(provider_generation=None))
            connection.execute(one.insertion(OUTBOX), [{'node': node, 'at': clock.time()} for node in some])


def refused(database):
    """Uuids of nodes that Placement refused to hear of, and that are to be tried again by now."""
    with database.read() as connection:
        rows = connection.execute(sa.select(TOLD.c.node, TOLD.c.failures, TOLD.c.told_at).where(TOLD.c.failures > 0)).all()
    present = clock.time()
    return [node for node, failures, at in rows if at + min(_RETRY ** min(failures, 20), _RETRY_MOST) < present]


def drifted(database, providers, is_mine):
    """Uuids of nodes, of those that ``is_mine`` says, of which Placement holds something else than it should.

    :param providers: {uuid: generation} of everything that it holds. What others have changed has another generation.
    """
    found = []
    with database.read() as connection:
        told = {node: (said, generation) for node, said, generation in connection.execute(
            sa.select(TOLD.c.node, TOLD.c.said, TOLD.c.provider_generation)) if is_mine(node)}
        for node in _every(connection):
            uuid = node['uuid']
            if is_mine(uuid):
                said, generation = told.pop(uuid, (None, None))
                should = row.dump(TOLD, {'said': wanted(row.parse(_NODES, node))})['said']
                if said != should or generation is None or generation != providers.get(uuid):
                    found.append(uuid)
    return found + list(told)           # and nodes that are no more


def _every(connection):
    """All nodes, some at once: a cursor of the server would need a transaction."""
    query, last = sa.select(_NODES.c.id, *_COLUMNS).order_by(_NODES.c.id).limit(_CHUNK), 0
    while rows := connection.execute(query.where(_NODES.c.id > last)).mappings().all():
        yield from rows
        last = rows[-1]['id']


def is_share(uuid, host, hosts):
    """Whether ``host``, one of ``hosts`` (sorted), is the one that tells of the node; who is alone tells of all."""
    return host not in hosts or hosts[ring.slot(uuid) % len(hosts)] == host


# For operators.

def status(database, *, limit=100):
    """{'waiting': nodes, 'lag': seconds, 'refused': number, 'nodes': [the first that were refused]}."""
    with database.read() as connection:
        waits, oldest = connection.execute(sa.select(
            sa.func.count(OUTBOX.c.node.distinct()), sa.func.min(OUTBOX.c.at))).one()
        told = connection.execute(sa.select(sa.func.count()).where(TOLD.c.said.is_not(None))).scalar()
        number = connection.execute(sa.select(sa.func.count()).where(TOLD.c.failures > 0)).scalar()
        rows = connection.execute(sa.select(TOLD.c.node, TOLD.c.failures, TOLD.c.error, TOLD.c.told_at).where(
            TOLD.c.error.is_not(None)).order_by(TOLD.c.id).limit(limit)).mappings().all()
    return {'told': told, 'waiting': waits, 'lag': max(0.0, round(clock.time() - oldest, 3)) if oldest else 0.0,
            'refused': number, 'nodes': [dict(found) for found in rows]}
