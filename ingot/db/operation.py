"""Operations: one row a flow that was asked for, seen from the conductor. It outlives its conductor.

An operation is *live* while its status is queued, running, waiting (for its machine) or held (by an operator). ``error``
is set as soon as something failed: a running operation with an error is being undone. The machine's side of it (hello,
record, report) stands below.
"""

import hashlib
import hmac
import uuid as uuidlib

import orjson
import sqlalchemy as sa

from ingot import errors
from ingot.db import batch, clock, event, models, one, row
from ingot.db.engine import now

_ops = models.operations
LIVE = ('queued', 'running', 'waiting', 'held')
#: Uuids that one statement asks for.
_BATCH = 1000
_WITH_NODE = sa.select(_ops, models.nodes.c.uuid.label('node')).join(models.nodes, models.nodes.c.id == _ops.c.node_id)
_CHANGE = sa.update(_ops).where(_ops.c.uuid == sa.bindparam('its_uuid'))
_NAME = _CHANGE.where(_ops.c.step == sa.bindparam('its_step'), _ops.c.status == 'running')
_INSERT = one.insertion(_ops).inline()
_MINT = _CHANGE.where(_ops.c.session_hash.is_(None))
_FORGET = sa.update(_ops).where(_ops.c.node_id == sa.bindparam('its_node')).values(configdrive=None)
_END = _CHANGE.where(sa.or_(*(_ops.c.status == status for status in LIVE))).values(
    status='failed', error=sa.func.coalesce(_ops.c.error, sa.bindparam('reason')), finished_at=sa.bindparam('present'), plan=None,
    admitted_at=None)
_ONE = _WITH_NODE.where(_ops.c.uuid == sa.bindparam('its_uuid'))
#: What a new one has in columns that nobody spoke of.
_EMPTY = {column.name: column.default.arg if column.default else None for column in _ops.columns if column.name != 'id'}
#: What is forgotten of a machine that is to boot anew.
UNHEARD = {'session_hash': None, 'report': None, 'agent_seq': 0, 'heard_at': None}
EVENT_KINDS = ('phase', 'progress', 'log')


def new(node, flow, *, seconds, arguments=None, configdrive=None):
    """Values of a new running operation of ``node``, with a uuid; not stored yet. ``seconds``: its first deadline."""
    return {'uuid': str(uuidlib.uuid4()), 'node_id': node['id'], 'flow': flow, 'status': 'running', 'created_at': now(),
            'state_before': node['provision_state'],
            'deadline_at': clock.time() + seconds, 'arguments': arguments or {}, 'configdrive': configdrive}


# Changes that belong to the transaction of a change of the node: as batch.Write, or carried out at once.


def inserting(values):
    """([Write], row): what stores a new operation, and its row, JSON parsed. Of a node's config drives the newest stays."""
    values = _EMPTY | row.dump(_ops, values)
    old = [batch.Write(_FORGET, {'its_node': values['node_id']})] if values['configdrive'] else []
    return [*old, batch.Write(_INSERT, values)], row.parse(_ops, values)


def insert(connection, values):
    """Store a new operation."""
    for write in inserting(values)[0]:
        write.execute(connection)


def changing(uuid, values):
    """(Write, values): what changes an operation, and what it has then, JSON parsed."""
    values = row.dump(_ops, values)
    return batch.Write(_CHANGE, values | {'its_uuid': uuid}), row.parse(_ops, values)


def change(connection, uuid, values):
    """Change an operation."""
    changing(uuid, values)[0].execute(connection)


def naming(values, before):
    """Name the step of ``values`` (an operation that runs), unless it has gone on since the row named ``before``.

    Attempts are counted on: who takes over begins with the step before.
    """
    return batch.Write(_NAME, {'its_uuid': values['uuid'], 'its_step': before, 'step': values['step'],
                               'deadline_at': values['deadline_at']})


def ending(uuid, error):
    """End a live operation as failed: its machine is told to stop (410). The plan is forgotten.

    It was asked for, so it does not count among the failures that pause a queue.
    """
    return batch.Write(_END, {'its_uuid': uuid, 'reason': error, 'present': now()})


def minting(uuid, token, host):
    """Make ``token`` the one that is valid, as long as none was spent; its boot record is at conductor ``host`` from now on.

    Conflict when the machine is at work already.
    """
    return batch.Write(_MINT, {'its_uuid': uuid, 'token_hash': _digest(token), 'boot_host': host},
                       errors.Conflict(f'Operation {uuid}: the machine has called home already.'))


def mint(connection, uuid, token, host):
    """As ``minting``."""
    minting(uuid, token, host).execute(connection)


def get(database, uuid):
    """The operation as a dict, its JSON parsed, with ``node``: the uuid of its node; NotFound."""
    with database.read() as connection:
        found = connection.execute(_ONE, {'its_uuid': uuid}).mappings().one_or_none()
    if found is None:
        raise errors.NotFound(f'Operation {uuid} could not be found.')
    return row.parse(_ops, found)


def current(database, node):
    """The operation under way on ``node`` (a dict), or None."""
    return get(database, node['operation']) if node['operation'] else None


def waiting(database, silence=None, longest=0, gone=()):
    """Operations whose machine is at work: dicts of uuid, node (uuid), flow, deadline_at, heard_at, boot_host, is_reported, and
    of the node slot, conductor_group and driver.

    :param silence: only those that reported, whose deadline is over, or whose machine may have been silent for so many seconds,
        when no machine has more than ``longest`` seconds in all (what was heard of it counts from its start on), or whose
        machine is to boot from a host in ``gone``, and did not call home yet.
    """
    nodes = models.nodes
    query = sa.select(_ops.c.uuid, nodes.c.uuid.label('node'), nodes.c.slot, nodes.c.conductor_group, nodes.c.driver,
                      _ops.c.flow, _ops.c.deadline_at, _ops.c.heard_at, _ops.c.boot_host,
                      _ops.c.report.is_not(None).label('is_reported')).join(
        nodes, models.under_way()).where(_ops.c.status == 'waiting')
    if silence is not None:
        limit = clock.time() - silence
        query = query.where(sa.or_(
            _ops.c.report.is_not(None), _ops.c.deadline_at < clock.time(),
            sa.and_(_ops.c.heard_at.is_(None), _ops.c.boot_host.in_(gone)),
            sa.and_(sa.func.coalesce(_ops.c.heard_at, 0) < limit, _ops.c.deadline_at < limit + longest)))
    with database.read() as connection:
        return [dict(found) for found in connection.execute(query).mappings()]


def live(database, among=None, *, nodes=None):
    """{uuid: node uuid} of live operations: those ``among`` these (uuids), or else of these ``nodes`` (uuids), or else all."""
    column, wanted = (models.nodes.c.uuid, nodes) if among is None else (_ops.c.uuid, among)
    query = sa.select(_ops.c.uuid, models.nodes.c.uuid).join(models.nodes, models.nodes.c.id == _ops.c.node_id).where(
        _ops.c.status.in_(LIVE))
    with database.read() as connection:
        if wanted is None:
            return dict(connection.execute(query).all())
        wanted = list(wanted)
        return {uuid: node for start in range(0, len(wanted), _BATCH)
                for uuid, node in connection.execute(query.where(column.in_(wanted[start:start + _BATCH])))}


def is_reported(database, uuid):
    """Whether the machine's report is there."""
    with database.read() as connection:
        return bool(connection.execute(sa.select(_ops.c.report.is_not(None)).where(_ops.c.uuid == uuid)).scalar())


def configdrive(database, node):
    """The config drive of the node's newest deployment, or None: a rebuild without one of its own keeps it."""
    query = sa.select(_ops.c.configdrive).where(_ops.c.node_id == node['id'], _ops.c.configdrive.is_not(None))
    with database.read() as connection:
        return connection.execute(query.order_by(_ops.c.id.desc()).limit(1)).scalar()


def forgetting_configdrives(node):
    """Config drives hold secrets of an instance: drop them with it."""
    return batch.Write(_FORGET, {'its_node': node['id']})


def last_phase(database, uuid):
    """What the machine said last that it does ('write image'), or None."""
    query = sa.select(models.events.c.data).where(
        models.events.c.node == _node_of(uuid), models.events.c.operation == uuid, models.events.c.kind.in_(
            ('agent.phase', 'agent.progress'))).order_by(models.events.c.seq.desc()).limit(1)
    with database.read() as connection:
        data = connection.execute(query).scalar()
    return orjson.loads(data).get('phase') if data else None


def begun(database, uuid, step):
    """How often ``step`` of an operation was begun, by whom ever."""
    query = sa.select(models.events.c.data).where(
        models.events.c.node == _node_of(uuid), models.events.c.operation == uuid, models.events.c.kind == 'step')
    with database.read() as connection:
        return sum(orjson.loads(data)['step'] == step for data in connection.execute(query).scalars())


def _node_of(uuid):
    """The uuid of its node, to find events by an index."""
    return sa.select(models.nodes.c.uuid).join(_ops, _ops.c.node_id == models.nodes.c.id).where(
        _ops.c.uuid == uuid).scalar_subquery()


# The machine's side: docs/agent-protocol.md.


def hello(database, operation, token, session, boot_id=None, macs=()):
    """The machine calls home: its one-time token is spent on ``session``; returns the plan as JSON text.

    NotAuthorized for an unknown operation, a wrong token, or a token spent on another session; OperationEnded.
    """
    with database.write() as connection:
        found = _authorized(connection, operation, 'token_hash', token)
        _check_live(found)
        if found['report'] is not None:
            raise errors.OperationEnded(f'Operation {operation}: the machine has reported already.')
        if found['session_hash'] is None:
            change(connection, operation, {'session_hash': _digest(session), 'heard_at': clock.time()})
            event.add(connection, 'agent.phase', node=found['node'], operation=operation,
                      data={'phase': 'call home', 'boot_id': boot_id, 'macs': list(macs)})
        elif not hmac.compare_digest(found['session_hash'], _digest(session)):
            raise errors.NotAuthorized(f'Operation {operation}: its token is spent.')
        return found['plan']


def record(database, operation, session, events):
    """Store the machine's ``events`` that are news, in order; returns the highest seq that is stored.

    What is not newer than that is ignored. NotAuthorized, OperationEnded, and Invalid for an event of no known shape.
    """
    for told in events:
        _check_event(told)
    with database.write() as connection:
        found = _authorized(connection, operation, 'session_hash', session)
        _check_live(found)
        highest = found['agent_seq']
        for told in sorted(events, key=lambda told: told['seq']):
            if told['seq'] > highest:
                highest = told['seq']
                event.add(connection, f'agent.{told["kind"]}', node=found['node'], operation=operation, data=told['data'])
        change(connection, operation, {'agent_seq': highest, 'heard_at': clock.time()})
    return highest


def report(database, operation, session, report):
    """Store the machine's last word; the first one counts. Returns what it is to do: {'then': 'power off'}.

    NotAuthorized, OperationEnded, and Invalid for a report of no known shape.
    """
    _check_report(report)
    with database.write() as connection:
        found = _authorized(connection, operation, 'session_hash', session)
        if found['report'] is None or found['error'] is not None:
            _check_live(found)
        then = orjson.loads(found['plan'])['then'] if found['plan'] else 'power off'
        if found['report'] is None:
            # The plan's secrets (CHAP, config drive) are of no use any more.
            change(connection, operation, {'report': report, 'plan': {'then': then}, 'heard_at': clock.time(),
                                           'agent_seq': max(found['agent_seq'], report.get('seq', 0))})
            event.add(connection, 'agent.report', node=found['node'], operation=operation,
                      data={'result': report['result'], 'error': report.get('error'),
                            'timings': (report.get('data') or {}).get('timings')})
    return {'then': then}


def _authorized(connection, operation, column, secret):
    """The row of an operation (with its node's uuid) whose ``column`` is the digest of ``secret``; locked, without its node.

    A conductor locks the node first and the operation then: whoever locked both the other way round would meet it.
    """
    connection.execute(sa.select(_ops.c.id).where(_ops.c.uuid == operation).with_for_update())
    found = connection.execute(_WITH_NODE.where(_ops.c.uuid == operation)).mappings().one_or_none()
    expected = (found[column] if found else None) or ''
    if not hmac.compare_digest(expected, _digest(secret)):
        raise errors.NotAuthorized('Operation or secret is not known.')
    return found


def _check_live(found):
    if found['status'] not in LIVE or found['error'] is not None:
        raise errors.OperationEnded(f'Operation {found["uuid"]} is over.')


def _check_event(one):
    if not (isinstance(one, dict) and type(one.get('seq')) is int and one['seq'] > 0
            and one.get('kind') in EVENT_KINDS and isinstance(one.get('data'), dict)):
        raise errors.Invalid(f'An event is {{"seq": 1.., "kind": {" or ".join(EVENT_KINDS)}, "data": {{}}}}.')


def _check_report(report):
    failure = report.get('error')
    if report.get('result') not in ('done', 'failed') or not isinstance(report.get('data', {}), dict | None) \
            or type(report.get('seq', 0)) is not int or not isinstance(failure, dict | None) \
            or (report['result'] == 'failed' and not failure):
        raise errors.Invalid('A report has "result" (done, or failed with "error": {code, message}), "seq" and "data".')


def _digest(secret):
    return hashlib.sha256(str(secret).encode()).hexdigest()
