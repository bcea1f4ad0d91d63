"""The machine's side, against real operation rows."""

import hashlib

import orjson
import pytest

from ingot.api import app
from ingot.db import event, models
from ingot.db.engine import now
from tests.api.conftest import Client

TOKEN, SESSION = 't' * 43, 's' * 43
OPERATION = '7be26c0b-03f2-4d2e-ae87-c02d7f33c123'
PLAN = {'version': 1, 'operation': OPERATION, 'actions': [{'action': 'inventory'}], 'then': 'power off'}
HELLO = {'version': 1, 'token': TOKEN, 'session': SESSION, 'boot_id': 'b1', 'macs': ['52:54:00:00:00:01']}
BASE = f'/v1/agent/{OPERATION}'


@pytest.fixture
def machine(conf, database, conductor, api):
    api.node(name='n1')
    with database.write() as connection:
        connection.execute(models.operations.insert().values(
            uuid=OPERATION, node_id=1, flow='deploy', status='waiting', created_at=now(), deadline_at=9e9,
            token_hash=hashlib.sha256(TOKEN.encode()).hexdigest(), plan=orjson.dumps(PLAN).decode()))
    return Client(app.build_machine_side(conf, database, conductor))


def say(machine, what, body, session=SESSION):
    return machine.post(f'{BASE}/{what}', body, **({'Authorization': f'Bearer {session}'} if session else {}), version=None)


def test_a_machine_says_hello_tells_and_reports(machine, database, conductor):
    hello = machine.post(f'{BASE}/hello', HELLO, version=None)
    assert (hello.status_code, hello.json) == (200, PLAN)
    assert machine.post(f'{BASE}/hello', HELLO).json == PLAN
    events = [{'seq': 1, 'kind': 'phase', 'data': {'phase': 'write image'}}, {'seq': 2, 'kind': 'log', 'data': {'text': 'x'}}]
    assert say(machine, 'events', {'events': events}).json == {'seq': 2}
    assert say(machine, 'events', {'events': events[:1]}).json == {'seq': 2}
    assert say(machine, 'events', {'events': []}).json == {'seq': 2}
    assert conductor.calls == [], 'events are no news for a conductor'
    report = {'seq': 3, 'result': 'done', 'data': {'inventory': {}}}
    for _ in range(2):
        assert say(machine, 'report', report).json == {'then': 'power off'}
    kinds = [one['kind'] for one in event.since(database, 0)]
    assert kinds == ['node.created', 'agent.phase', 'agent.phase', 'agent.log', 'agent.report']
    assert ('continue_operation', OPERATION) in conductor.calls


def test_a_report_is_taken_though_the_conductor_is_away(machine, conductor):
    machine.post(f'{BASE}/hello', HELLO)
    conductor.error = RuntimeError('gone')
    assert say(machine, 'report', {'seq': 1, 'result': 'done'}).status_code == 200


def test_strangers_are_refused(machine):
    assert machine.post(f'{BASE}/hello', {**HELLO, 'token': 'x' * 43}).status_code == 401
    assert machine.post(f'/v1/agent/{OPERATION[::-1]}/hello', HELLO).status_code in (401, 404)
    assert machine.post('/v1/agent/8be26c0b-03f2-4d2e-ae87-c02d7f33c123/hello', HELLO).status_code == 401
    assert say(machine, 'events', {'events': []}).status_code == 401
    assert machine.post(f'{BASE}/hello', HELLO).status_code == 200
    assert machine.post(f'{BASE}/hello', {**HELLO, 'session': 'y' * 43}).status_code == 401
    for session in ('y' * 43, None, '', 'a b'):
        assert say(machine, 'events', {'events': []}, session).status_code == 401
        assert say(machine, 'report', {'seq': 1, 'result': 'done'}, session).status_code == 401


def test_an_operation_that_is_over_is_gone(machine, database):
    machine.post(f'{BASE}/hello', HELLO)
    with database.write() as connection:
        connection.execute(models.operations.update().values(status='failed'))
    for answer in (machine.post(f'{BASE}/hello', HELLO), say(machine, 'events', {'events': []}),
                   say(machine, 'report', {'seq': 1, 'result': 'done'})):
        assert (answer.status_code, answer.json['code']) == (410, 'operation-ended')


@pytest.mark.parametrize(('what', 'body'), [
    ('hello', {}), ('hello', {**HELLO, 'version': 2}), ('hello', {**HELLO, 'token': 3}), ('hello',
    {**HELLO, 'session': 'short'}),
    ('hello', {**HELLO, 'macs': 'x'}), ('hello', {**HELLO, 'macs': [1]}), ('events', {}), ('events', {'events': {}}),
    ('events', {'events': [1]}), ('events', {'events': [{'seq': 0, 'kind': 'log', 'data': {}}]}),
    ('events', {'events': [{'seq': 2**40, 'kind': 'log', 'data': {}}]}), ('events', {'events': [{'kind': 'log',
    'data': {}}]}),
    ('events', {'events': [{'seq': 1, 'kind': 'shout', 'data': {}}]}), ('events', {'events': [{'seq': 1, 'kind': 'log',
    'data': 3}]}),
    ('report', {}), ('report', {'seq': 1, 'result': 'maybe'}), ('report', {'seq': 1, 'result': 'failed'}), ('report', []),
    ('report', {'seq': True, 'result': 'done'}), ('report', {'seq': 2**40, 'result': 'done'})])
def test_what_a_broken_agent_says_is_refused(machine, what, body):
    machine.post(f'{BASE}/hello', HELLO)
    assert say(machine, what, body).status_code == 400
    refused = say(machine, what, b'{"token": "' + TOKEN.encode())
    assert refused.status_code == 400
    assert TOKEN not in refused.text


def test_machines_and_clients_do_not_meet(machine, api):
    assert machine.get('/v1/nodes').status_code == 404
    assert machine.get(f'/v1/agent/{OPERATION}').status_code == 404
    assert machine.get(f'{BASE}/hello').status_code == 405
    assert api.post(f'{BASE}/hello', HELLO).status_code == 404
