import base64
import time

import pytest

from ingot import states
from tests.api.conftest import fault, set_columns

DRIVE = base64.b64encode(b'\x1f\x8b drive').decode()


@pytest.fixture
def uuid(api):
    return api.node(name='n1')['uuid']


def provision(api, target, version='1.115', ident='n1', **arguments):
    return api.put(f'/v1/nodes/{ident}/states/provision', {'target': target, **arguments}, version=version)


def test_states_show_what_the_version_knows(api, uuid):
    assert api.get('/v1/nodes/n1/states').json == {
        'console_enabled': False, 'last_error': None, 'power_state': None, 'target_power_state': None,
        'provision_state': 'enroll', 'target_provision_state': None, 'provision_updated_at': None, 'raid_config': {},
        'target_raid_config': {}, 'boot_mode': None, 'secure_boot': None}
    assert 'boot_mode' not in api.get('/v1/nodes/n1/states', version='1.74').json


@pytest.mark.parametrize('target', ['power on', 'power off', 'rebooting', 'soft power off', 'soft rebooting'])
def test_power_goes_to_the_conductor(api, conductor, uuid, target):
    answer = api.put('/v1/nodes/n1/states/power', {'target': target, 'timeout': 30})
    assert (answer.status_code, answer.body) == (202, b'')
    assert answer.headers['Location'] == 'http://localhost:80/v1/nodes/n1/states'
    assert conductor.calls == [('power', uuid, target, 30)]


@pytest.mark.parametrize('body', [{}, {'target': 'up'}, {'target': None}, {'target': 1}, {'target': 'power on', 'timeout': 0},
                                  {'target': 'power on', 'timeout': '9'}, {'target': 'power on', 'timeout': 1.5},
                                  {'target': 'power on', 'timeout': True}, {'target': 'power on', 'more': 1}, []])
def test_bad_power_requests_are_refused(api, conductor, uuid, body):
    assert api.put('/v1/nodes/n1/states/power', body).status_code == 400
    assert conductor.calls == []


def test_power_has_versions_and_limits(api, database, conductor, uuid):
    assert api.put('/v1/nodes/n1/states/power', {'target': 'soft power off'}, version='1.26').status_code == 406
    assert api.put('/v1/nodes/n1/states/power', {'target': 'power off', 'timeout': 5}, version='1.26').status_code == 406
    set_columns(database, uuid, provision_state='clean wait')
    assert api.put('/v1/nodes/n1/states/power', {'target': 'power off'}).status_code == 400
    set_columns(database, uuid, provision_state='active', disable_power_off=True)
    assert api.put('/v1/nodes/n1/states/power', {'target': 'power off'}).status_code == 409
    assert conductor.calls == []
    assert api.put('/v1/nodes/n1/states/power', {'target': 'power on'}).status_code == 202


@pytest.mark.parametrize('state', sorted(states.STATES))
def test_a_verb_is_taken_where_the_table_has_a_move(api, database, conductor, uuid, state):
    for verb in states.VERBS:
        conductor.calls.clear()
        set_columns(database, uuid, provision_state=state, lock_expires_at=0)
        check_verb(api, database, conductor, uuid, state, verb)


def check_verb(api, database, conductor, uuid, state, verb):
    steps = {f'{verb}_steps': [{'interface': 'deploy', 'step': 'erase'}]} if verb in ('clean', 'service') else {}
    arguments = {'rescue_password': 'p'} if verb == 'rescue' else steps
    answer = provision(api, verb, **arguments)
    if (state, states.VERBS[verb]) in states.MOVES:
        assert answer.status_code == 202
        same = {'deploy': 'active', 'undeploy': 'deleted'}.get(verb, verb)
        assert conductor.calls == [('provision', uuid, same, arguments)]
    else:
        assert answer.status_code == 400
        assert answer.json['code'] == 'invalid-state'
        assert f'"{state}"' in fault(answer)
        set_columns(database, uuid, lock_owner='c9', lock_purpose='work', lock_expires_at=time.time() + 60)
        assert provision(api, verb, **arguments).status_code == 409
        assert conductor.calls == []


@pytest.mark.parametrize(('target', 'minor', 'state', 'arguments'), [
    ('manage', 4, 'enroll', {}), ('provide', 4, 'manageable', {}), ('inspect', 6, 'manageable', {}),
    ('abort', 13, 'clean wait', {}),
    ('abort', 41, 'inspect wait', {}), ('abort', 110, 'wait call-back', {}), ('adopt', 17, 'manageable', {}),
    ('clean', 15, 'manageable', {'clean_steps': [{'interface': 'deploy', 'step': 'erase'}]}),
    ('rescue', 38, 'active', {'rescue_password': 'p'}), ('deploy', 73, 'available', {}), ('undeploy', 73, 'active', {}),
    ('unhold', 85, 'clean hold', {}), ('active', 56, 'available', {'configdrive': {'meta_data': {}}}),
    ('active', 59, 'available', {'configdrive': {'vendor_data': {}}}), ('rebuild', 35, 'active', {'configdrive': DRIVE}),
    ('active', 69, 'available', {'deploy_steps': []}), ('active', 1, 'available', {}), ('deleted', 1, 'active', {})])
def test_verbs_and_arguments_have_versions(api, database, uuid, target, minor, state, arguments):
    set_columns(database, uuid, provision_state=state)
    assert provision(api, target, f'1.{minor}', uuid, **arguments).status_code == 202
    if minor > 1:
        refused = 400 if 'configdrive' in arguments else 406
        assert provision(api, target, f'1.{minor - 1}', uuid, **arguments).status_code == refused


@pytest.mark.parametrize(('target', 'state', 'arguments'), [
    ('zzz', 'enroll', {}), ('manage', 'enroll', {'configdrive': DRIVE}), ('active', 'available',
    {'configdrive': 'not base64!'}),
    ('active', 'available', {'configdrive': {}}), ('active', 'available', {'configdrive': {'zzz': 1}}),
    ('active', 'available', {'configdrive': 3}), ('active', 'available', {'configdrive': [1]}), ('clean', 'manageable', {}),
    ('clean', 'manageable', {'clean_steps': []}), ('clean', 'manageable', {'clean_steps': {}}),
    ('clean', 'manageable', {'clean_steps': ['erase']}), ('clean', 'manageable', {'clean_steps': [{'step': 'erase'}]}),
    ('clean', 'manageable', {'clean_steps': [{'interface': 1, 'step': 'x'}]}), ('rescue', 'active', {}),
    ('clean', 'manageable', {'clean_steps': [{'interface': 'a', 'step': 'x', 'args': []}]}), ('rescue', 'active',
    {'rescue_password': ''}),
    ('clean', 'manageable', {'clean_steps': [{'interface': 'a', 'step': 'x'}], 'runbook': 'r'}), ('manage', 'enroll',
    {'zzz': 1}),
    ('active', 'available', {'deploy_steps': [{'interface': 'a', 'step': 'x'}]}), ('active', 'available', {'runbook': 'r'})])
def test_bad_provision_requests_are_refused(api, database, conductor, uuid, target, state, arguments):
    set_columns(database, uuid, provision_state=state)
    assert provision(api, target, **arguments).status_code == 400
    assert conductor.calls == []


def test_the_order_of_checks_is_the_known_one(api, database, uuid):
    set_columns(database, uuid, provision_state='enroll', maintenance=True, maintenance_reason='broken')
    assert provision(api, 'unhold', version='1.84').status_code == 406           # version before state
    refused = provision(api, 'active', configdrive='bad!')
    assert (refused.status_code, 'broken' in fault(refused)) == (400, True)      # maintenance before state
    assert 'deploy' not in fault(provision(api, 'clean'))                        # state before arguments
    assert provision(api, 'clean').json['code'] == 'invalid-state'
    set_columns(database, uuid, maintenance=False, provision_state='manageable', retired=True)
    assert 'retired' in fault(provision(api, 'provide'))


def test_a_config_drive_may_be_large(api, database, conductor, uuid):
    set_columns(database, uuid, provision_state='available')
    drive = base64.b64encode(bytes(20 << 20)).decode()
    assert provision(api, 'active', configdrive=drive).status_code == 202
    assert conductor.calls[0][3] == {'configdrive': drive}


def test_what_the_conductor_raises_is_told(api, database, conductor, uuid, locked):
    conductor.error = locked
    answer = provision(api, 'manage')
    assert (answer.status_code, answer.headers['Retry-After']) == (409, '2')
    assert answer.json['remedy'] == 'Send the request again in some seconds.'
    conductor.error = RuntimeError('password hunter2')
    answer = provision(api, 'manage')
    assert answer.status_code == 500
    assert 'hunter2' not in answer.text
    assert answer.headers['openstack-request-id'] in fault(answer)


def test_boot_devices(api, conductor, uuid):
    assert api.get('/v1/nodes/n1/management/boot_device').json == {'boot_device': 'pxe', 'persistent': False}
    assert api.get('/v1/nodes/n1/management/boot_device/supported').json == {'supported_boot_devices': ['pxe', 'disk']}
    assert api.put('/v1/nodes/n1/management/boot_device', {'boot_device': 'disk', 'persistent': True}).status_code == 204
    assert api.put('/v1/nodes/n1/management/boot_device', {'boot_device': 'disk'}).status_code == 204
    assert [call for call in conductor.calls if call[0] == 'set_boot_device'] == [
        ('set_boot_device', uuid, 'disk', True), ('set_boot_device', uuid, 'disk', False)]
    for body in ({}, {'boot_device': 'tape'}, {'boot_device': 'pxe', 'persistent': None}, {'boot_device': 'pxe', 'x': 1}):
        assert api.put('/v1/nodes/n1/management/boot_device', body).status_code == 400
