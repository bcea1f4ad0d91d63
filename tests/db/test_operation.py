"""Operations, and the machine's side of them: tokens, sessions, events, reports."""

import hashlib
import time
import uuid

import orjson
import pytest
import sqlalchemy as sa

from ingot import errors
from ingot.db import event, models, node, operation
from ingot.db.engine import now

TOKEN, SESSION = 'the token', 'the session'
PLAN = {'version': 1, 'actions': [{'action': 'inventory', 'secret': 'chap'}], 'then': 'reboot'}


@pytest.fixture
def row(database):
    ident = str(uuid.uuid4())
    with database.write() as connection:
        connection.execute(sa.insert(models.nodes).values(uuid=ident, driver='fake-hardware', created_at=now()))
    return node.get(database, ident)


@pytest.fixture
def op(database, row):
    """Uuid of an operation whose machine was just started."""
    work = operation.new(row, 'deploy', seconds=60, arguments={'a': 1}, configdrive='abc')
    with database.write() as connection:
        operation.insert(connection, work)
        operation.change(connection, work['uuid'], {'plan': PLAN, 'status': 'waiting'})
        operation.mint(connection, work['uuid'], TOKEN, 'here')
        connection.execute(sa.update(models.nodes).values(operation=work['uuid']))
    return work['uuid']


def change(database, op, **values):
    with database.write() as connection:
        operation.change(connection, op, values)


def say(seq, kind='phase', **data):
    return {'seq': seq, 'kind': kind, 'data': data or {'phase': f'p{seq}'}}


def feed(database):
    return [(one['kind'], orjson.loads(orjson.dumps(one['data']))) for one in event.since(database, 0)]


def test_a_new_operation(database, row, op):
    found = operation.get(database, op)
    assert (found['flow'], found['arguments'], found['node'], found['attempt']) == ('deploy', {'a': 1}, row['uuid'], 0)
    assert time.time() < found['deadline_at'] <= time.time() + 60
    assert operation.current(database, node.get(database, row['uuid']))['uuid'] == op
    assert operation.live(database) == {op: row['uuid']}
    assert operation.live(database, [op, 'another']) == {op: row['uuid']}
    assert operation.live(database, nodes=[row['uuid'], 'another']) == {op: row['uuid']}
    assert operation.live(database, []) == operation.live(database, nodes=['another']) == {}
    [waiting] = operation.waiting(database)
    assert (waiting['uuid'], waiting['node'], bool(waiting['is_reported'])) == (op, row['uuid'], False)
    with pytest.raises(errors.NotFound, match='Operation nothing'):
        operation.get(database, 'nothing')


@pytest.mark.parametrize(('values', 'times', 'is_seen'), [
    ({}, {}, False), ({'report': {'result': 'done'}}, {}, True), ({}, {'deadline_at': -1}, True),
    ({}, {'heard_at': -200}, False),                       # silent, but not for as long as it has been at work
    ({}, {'heard_at': -200, 'deadline_at': 700}, True),
    ({}, {'heard_at': -50, 'deadline_at': 700}, False),
    ({}, {'deadline_at': 700}, True), ({'status': 'running'}, {'deadline_at': -1}, False)])
def test_machines_that_need_a_look(database, op, values, times, is_seen):
    """Of those that have 1,000 s in all, and must not be silent for 100 s. ``times``: seconds from now."""
    times = {name: time.time() + seconds for name, seconds in ({'deadline_at': 950} | times).items()}
    with database.write() as connection:
        operation.change(connection, op, values | times)
    assert [one['uuid'] for one in operation.waiting(database, 100, 1000)] == [op] * is_seen


def test_secrets_are_stored_as_hashes(database, op):
    operation.hello(database, op, TOKEN, SESSION)
    found = operation.get(database, op)
    assert found['token_hash'] == hashlib.sha256(TOKEN.encode()).hexdigest()
    assert found['session_hash'] == hashlib.sha256(SESSION.encode()).hexdigest()


def test_hello_gives_the_plan_and_is_heard(database, row, op):
    assert orjson.loads(operation.hello(database, op, TOKEN, SESSION, 'boot', ['52:54:00:00:00:01'])) == PLAN
    assert operation.get(database, op)['heard_at'] > time.time() - 10
    assert feed(database) == [('agent.phase', {'phase': 'call home', 'boot_id': 'boot', 'macs': ['52:54:00:00:00:01']})]


def test_the_same_hello_gets_the_same_plan_again(database, op):
    first = operation.hello(database, op, TOKEN, SESSION)
    assert operation.hello(database, op, TOKEN, SESSION) == first
    assert len(feed(database)) == 1


def test_a_token_is_good_for_one_session(database, op):
    operation.hello(database, op, TOKEN, SESSION)
    with pytest.raises(errors.NotAuthorized):
        operation.hello(database, op, TOKEN, 'another session')
    assert operation.record(database, op, SESSION, [say(1)]) == 1
    with pytest.raises(errors.NotAuthorized):
        operation.record(database, op, 'another session', [say(2)])


@pytest.mark.parametrize('token', ['', 'wrong', None, SESSION, hashlib.sha256(TOKEN.encode()).hexdigest()])
def test_a_wrong_token(database, op, token):
    with pytest.raises(errors.NotAuthorized):
        operation.hello(database, op, token, SESSION)
    assert operation.get(database, op)['session_hash'] is None


def test_what_is_unknown_is_not_told_apart_from_what_is_wrong(database, op):
    for uuid_, token in (('unknown', TOKEN), (op, 'wrong')):
        with pytest.raises(errors.NotAuthorized, match=r'^Operation or secret is not known\.$'):
            operation.hello(database, uuid_, token, SESSION)


@pytest.mark.parametrize('session', ['', None, 'x'])
def test_nobody_speaks_before_hello(database, op, session):
    """No session is bound yet: an empty one must not match it."""
    with pytest.raises(errors.NotAuthorized):
        operation.record(database, op, session, [say(1)])
    with pytest.raises(errors.NotAuthorized):
        operation.report(database, op, session, {'seq': 1, 'result': 'done'})


def test_no_token_no_hello(database, op):
    change(database, op, token_hash=None)
    for token in ('', None, 'None'):
        with pytest.raises(errors.NotAuthorized):
            operation.hello(database, op, token, SESSION)


def test_a_new_token_replaces_the_old_until_one_is_spent(database, op):
    with database.write() as connection:
        operation.mint(connection, op, 'new', 'here')
    with pytest.raises(errors.NotAuthorized):
        operation.hello(database, op, TOKEN, SESSION)
    operation.hello(database, op, 'new', SESSION)
    with pytest.raises(errors.Conflict, match='called home already'), database.write() as connection:
        operation.mint(connection, op, 'newer', 'here')


def test_events_are_stored_once_and_in_order(database, op):
    operation.hello(database, op, TOKEN, SESSION)
    assert operation.record(database, op, SESSION, [say(2), say(1)]) == 2
    assert operation.record(database, op, SESSION, [say(1), say(2), say(3)]) == 3
    assert operation.record(database, op, SESSION, [say(2)]) == 3
    assert operation.record(database, op, SESSION, [say(7, 'progress', done=1), say(8, 'log', text='x')]) == 8
    assert operation.record(database, op, SESSION, []) == 8
    assert feed(database)[1:] == [('agent.phase', {'phase': 'p1'}), ('agent.phase', {'phase': 'p2'}),
                                  ('agent.phase', {'phase': 'p3'}), ('agent.progress', {'done': 1}),
                                  ('agent.log', {'text': 'x'})]


@pytest.mark.parametrize('bad', [
    7, {}, {'seq': 0, 'kind': 'phase', 'data': {}}, {'seq': True, 'kind': 'phase', 'data': {}},
    {'seq': '1', 'kind': 'phase', 'data': {}}, {'seq': 1, 'kind': 'dance', 'data': {}}, {'seq': 1, 'kind': 'phase', 'data': []}])
def test_strange_events_are_refused_whole(database, op, bad):
    operation.hello(database, op, TOKEN, SESSION)
    with pytest.raises(errors.Invalid):
        operation.record(database, op, SESSION, [say(1), bad])
    assert operation.get(database, op)['agent_seq'] == 0


def test_a_word_of_the_machine_is_heard(database, op):
    operation.hello(database, op, TOKEN, SESSION)
    change(database, op, heard_at=1.0)
    operation.record(database, op, SESSION, [])
    assert operation.get(database, op)['heard_at'] > time.time() - 10
    change(database, op, heard_at=1.0)
    operation.report(database, op, SESSION, {'seq': 1, 'result': 'done'})
    assert operation.get(database, op)['heard_at'] > time.time() - 10


def test_the_first_report_counts(database, op):
    operation.hello(database, op, TOKEN, SESSION)
    first = {'seq': 5, 'result': 'done', 'data': {'timings': {'write image': 4.2}, 'inventory': {'x': 1}}}
    assert operation.report(database, op, SESSION, first) == {'then': 'reboot'}
    assert operation.is_reported(database, op)
    assert operation.report(database, op, SESSION, first) == {'then': 'reboot'}
    failed = {'seq': 6, 'result': 'failed', 'error': {'code': 'internal', 'message': 'x'}}
    assert operation.report(database, op, SESSION, failed) == {'then': 'reboot'}
    found = operation.get(database, op)
    assert (found['report'], found['agent_seq']) == (first, 5)
    assert feed(database)[-1] == ('agent.report', {'result': 'done', 'error': None, 'timings': {'write image': 4.2}})
    assert len(feed(database)) == 2
    assert 'chap' not in str(found['plan'])


def test_no_plan_after_the_report(database, op):
    operation.hello(database, op, TOKEN, SESSION)
    operation.report(database, op, SESSION, {'seq': 5, 'result': 'done'})
    with pytest.raises(errors.OperationEnded):
        operation.hello(database, op, TOKEN, SESSION)


@pytest.mark.parametrize('bad', [{}, {'result': 'fine'}, {'result': 'failed'}, {'result': 'done', 'data': 7},
                                 {'result': 'done', 'seq': 'x'}, {'result': 'failed', 'error': 'text'}])
def test_strange_reports(database, op, bad):
    operation.hello(database, op, TOKEN, SESSION)
    with pytest.raises(errors.Invalid):
        operation.report(database, op, SESSION, bad)
    assert not operation.is_reported(database, op)


@pytest.mark.parametrize('end', [{'status': 'failed'}, {'status': 'done'}, {'error': 'aborted'}])
def test_when_it_is_over_the_machine_is_told_to_stop(database, op, end):
    operation.hello(database, op, TOKEN, SESSION)
    change(database, op, **end)
    for word in (lambda: operation.hello(database, op, TOKEN, SESSION),
                 lambda: operation.record(database, op, SESSION, [say(1)]),
                 lambda: operation.report(database, op, SESSION, {'seq': 1, 'result': 'done'})):
        with pytest.raises(errors.OperationEnded):
            word()
    with pytest.raises(errors.NotAuthorized):
        operation.hello(database, op, 'wrong', SESSION)


def test_a_report_whose_answer_was_lost_is_answered_after_the_end(database, op):
    operation.hello(database, op, TOKEN, SESSION)
    operation.report(database, op, SESSION, {'seq': 1, 'result': 'done'})
    change(database, op, status='done', plan=None)
    assert operation.report(database, op, SESSION, {'seq': 1, 'result': 'done'}) == {'then': 'power off'}


def test_end_keeps_the_first_error_and_touches_no_other(database, op):
    change(database, op, error='the first')
    with database.write() as connection:
        operation.ending(op, 'the second').execute(connection)
    found = operation.get(database, op)
    assert (found['status'], found['error'], found['plan']) == ('failed', 'the first', None)
    change(database, op, status='done', error=None)
    with database.write() as connection:
        operation.ending(op, 'too late').execute(connection)
    assert operation.get(database, op)['error'] is None


def test_config_drives(database, row, op):
    assert operation.configdrive(database, row) == 'abc'
    with database.write() as connection:
        operation.forgetting_configdrives(row).execute(connection)
    assert operation.configdrive(database, row) is None


def test_last_phase(database, op):
    assert operation.last_phase(database, op) is None
    operation.hello(database, op, TOKEN, SESSION)
    operation.record(database, op, SESSION, [say(1, 'progress', phase='write image', done=1), say(2, 'log', text='x')])
    assert operation.last_phase(database, op) == 'write image'


def test_only_the_newest_config_drive_is_kept(database, row, op):
    """Older ones are never read again, and hold secrets."""
    later = operation.new(row, 'rebuild', seconds=60, configdrive='newer')
    none = operation.new(row, 'rebuild', seconds=60)
    with database.write() as connection:
        operation.insert(connection, later)
        operation.insert(connection, none)
    assert operation.configdrive(database, row) == 'newer'
    assert operation.get(database, op)['configdrive'] is None
