"""Ramdisks of Ironic's kind: they look their node up, get a token once, tell that they live, report an inventory."""

import hashlib

import orjson
import pytest
import sqlalchemy as sa

from ingot.db import lookup, models, operation
from tests.api.conftest import fault, set_columns

MAC, OTHER = '52:54:00:12:34:56', '52:54:00:12:34:57'
NOBODY = '1be26c0b-03f2-4d2e-ae87-c02d7f33c123'


@pytest.fixture
def node(api, database):
    """A node with a port, whose machine is being cleaned."""
    made = api.node(name='n1', driver='ipmi', driver_info={'ipmi_address': '192.0.2.9', 'ipmi_password': 'sesame'})
    api.post('/v1/ports', {'node_uuid': made['uuid'], 'address': MAC})
    set_columns(database, made['uuid'], provision_state='clean wait')
    return made['uuid']


def token_of(api, **kwargs):
    return api.get(f'/v1/lookup?addresses={MAC}', **kwargs).json['config']['agent_token']


def beat(api, token, *, ident='n1', url='http://192.0.2.50:9999', version='1.115', **more):
    body = {'callback_url': url, 'agent_version': '13.0.0', 'agent_token': token, **more}
    return api.post(f'/v1/heartbeat/{ident}', {name: value for name, value in body.items() if value is not None}, version=version)


def told(api):
    return api.get('/v1/nodes/n1').json['driver_internal_info']


def test_a_ramdisk_finds_its_node(api, node):
    answer = api.get(f'/v1/lookup?addresses=nonsense,{OTHER},{MAC.upper()}')
    found, config = answer.json['node'], answer.json['config']
    assert found.keys() == {'uuid', 'properties', 'instance_info', 'driver_internal_info', 'links'}
    assert (answer.status_code, found['uuid']) == (200, node)
    assert (config['heartbeat_timeout'], config['agent_token_required']) == (300, True)
    assert api.get(f'/v1/lookup?node_uuid={node}').json['node']['uuid'] == node


def test_a_token_is_handed_out_once_and_stored_as_its_hash(api, node, database):
    token = token_of(api)
    assert len(token) >= 40
    assert (token_of(api), api.get(f'/v1/lookup?node_uuid={node}').json['config']['agent_token']) == ('******', '******')
    with database.read() as connection:
        [row] = connection.execute(sa.select(models.nodes)).mappings().all()
    assert row['agent_token_hash'] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(dict(row))


def test_the_next_start_of_a_ramdisk_gets_a_token_of_its_own(api, node, database):
    first = token_of(api)
    beat(api, first)
    forgotten = lookup.forgotten({'driver_internal_info': {**told(api), 'bmc': {}}})
    assert forgotten == {'agent_token_hash': None, 'driver_internal_info': {'bmc': {}}}
    set_columns(database, node, agent_token_hash=None, driver_internal_info='{}')
    second = token_of(api)
    assert second not in (first, '******')
    assert beat(api, first).status_code == 400
    assert beat(api, second).status_code == 202


@pytest.mark.parametrize('version', ['1.22', '1.61'])
def test_older_ramdisks_are_given_no_token(api, node, version):
    assert token_of(api, version=version) is None
    assert token_of(api) != '******'


def test_nobody_learns_why_there_is_nothing(api, node, database):
    stranger = api.node(name='n2')['uuid']
    api.post('/v1/ports', {'node_uuid': stranger, 'address': OTHER})
    answers = [api.get(f'/v1/lookup?{query}') for query in (
        f'addresses={OTHER}', f'node_uuid={stranger}', f'node_uuid={NOBODY}', 'addresses=52:54:00:00:00:01',
        f'addresses={MAC},{OTHER}')]
    answers += [beat(api, 'x', ident=NOBODY), beat(api, 'x', ident='nobody')]
    assert [answer.status_code for answer in answers] == [404] * 7
    assert {fault(answer) for answer in answers} == {'Resource could not be found.'}
    set_columns(database, node, provision_state='active')
    assert api.get(f'/v1/lookup?addresses={MAC}').status_code == 404


def test_a_look_up_for_nothing_is_refused(api):
    assert api.get('/v1/lookup').status_code == 400
    assert api.get('/v1/lookup?addresses=nonsense').status_code == 400
    assert api.get('/v1/lookup?node_uuid=n1').status_code == 400
    assert api.get(f'/v1/lookup?addresses={MAC}', version='1.21').status_code == 404


def test_a_heartbeat_is_recorded(api, node):
    token = token_of(api)
    assert beat(api, token, agent_status='start', agent_status_message='on it').status_code == 202
    found = told(api)
    assert found.pop('agent_last_heartbeat')
    assert found == {'agent_url': 'http://192.0.2.50:9999', 'agent_version': '13.0.0', 'agent_status': 'start',
                     'agent_status_message': 'on it'}
    assert beat(api, token, ident=node, agent_version='13.0.1').status_code == 202
    assert told(api)['agent_version'] == '13.0.1'


@pytest.mark.parametrize('more', [
    {'token': 'wrong'}, {'token': ''}, {'token': None}, {'url': 'http://203.0.113.66:9999'}, {'url': ''}, {'url': 'file:///etc'},
    {'url': None}, {'agent_version': None}, {'agent_status': 'lost'}, {'version': '1.35'},
    {'version': '1.67', 'agent_verify_ca': 'PEM'}, {'version': '1.71', 'agent_status': 'end'}, {'unknown': 1}])
def test_heartbeats_that_are_refused_change_nothing(api, node, more):
    token = token_of(api)
    assert beat(api, token).status_code == 202
    before = api.get('/v1/nodes/n1').json
    assert beat(api, **{'token': token, **more}).status_code == 400
    assert api.get('/v1/nodes/n1').json == before


def test_no_token_is_valid_before_one_was_handed_out_and_after_the_work(api, node, database):
    assert beat(api, '').status_code == 400
    token = token_of(api)
    set_columns(database, node, provision_state='available')
    assert beat(api, token).status_code == 400
    assert beat(api, token, version='1.21').status_code == 404


def test_a_heartbeat_is_the_last_one_of_the_node(api, node, database):
    assert api.get(f'/v1/nodes/{node}?fields=last_heartbeat_at').json['last_heartbeat_at'] is None
    assert beat(api, token_of(api)).status_code == 202
    told = api.get(f'/v1/nodes/{node}').json
    assert told['last_heartbeat_at'] == told['driver_internal_info']['agent_last_heartbeat']


# Inspection.

FOUND = {'interfaces': [{'name': 'eth0', 'mac_address': MAC}], 'bmc_address': '192.0.2.9', 'cpu': {'count': 8}}


def inspect(api, query='', version='1.115', **more):
    return api.post(f'/v1/continue_inspection{query}', {'inventory': {**FOUND, **more.pop('inventory', {})}, **more},
                    version=version)


@pytest.fixture
def inspected(api, node, database):
    """The node, with an inspection that waits for its machine; returns the operation's uuid."""
    with database.write() as connection:
        row = connection.execute(sa.select(models.nodes)).mappings().one()
        work = operation.new(row, 'inspect', seconds=100)
        operation.insert(connection, {**work, 'status': 'waiting'})
    set_columns(database, node, provision_state='inspect wait', operation=work['uuid'])
    return work['uuid']


def test_an_inventory_becomes_the_report_that_the_conductor_waits_for(api, node, inspected, database, conductor):
    answer = inspect(api, f'?node_uuid={node}', pci_devices=[1])
    assert (answer.status_code, answer.json['node']['uuid']) == (202, node)
    assert len(answer.json['config']['agent_token']) >= 40
    report = operation.get(database, inspected)['report']
    assert (report['result'], report['data']) == ('done', {'inventory': FOUND, 'plugin_data': {'pci_devices': [1]}})
    assert conductor.calls == [('continue_operation', inspected)]
    assert inspect(api).status_code == 404, 'the first report counts'


def test_the_very_first_version_gets_the_uuid_alone(api, node, inspected):
    assert inspect(api, version='1.83').status_code == 404
    assert inspect(api, f'?node_uuid={node}', version='1.1').status_code == 404
    answer = inspect(api, version='1.1')
    assert (answer.status_code, answer.json) == (202, {'uuid': node})


@pytest.mark.parametrize('inventory', [
    {'interfaces': [{'mac_address': OTHER}]}, {'bmc_address': None}, {'bmc_address': None, 'bmc_v6address': '2001:db8::1'},
    {'bmc_address': '0.0.0.0'}])
def test_cards_or_the_bmc_are_enough(api, node, inspected, inventory):
    assert inspect(api, inventory=inventory).status_code == 202


def test_what_does_not_agree_is_nobody(api, node, inspected, database):
    other = api.node(name='n2', driver='ipmi', driver_info={'ipmi_address': 'https://192.0.2.10/'})['uuid']
    api.post('/v1/ports', {'node_uuid': other, 'address': OTHER})
    set_columns(database, other, provision_state='inspect wait')
    for answer in (inspect(api, f'?node_uuid={other}'), inspect(api, inventory={'bmc_address': '192.0.2.10'}),
                   inspect(api, f'?node_uuid={NOBODY}'),
                   inspect(api, inventory={'interfaces': [{'mac_address': MAC}, {'mac_address': OTHER}], 'bmc_address': None}),
                   inspect(api, inventory={'interfaces': [{'mac_address': '52:54:00:00:00:01'}], 'bmc_address': '127.0.0.1'}),
                   inspect(api, inventory={'interfaces': [{'mac_address': OTHER}], 'bmc_address': None})):
        assert (answer.status_code, fault(answer)) == (404, 'Resource could not be found.')
    set_columns(database, node, provision_state='manageable')
    assert inspect(api).status_code == 404


def test_the_machine_of_our_own_agent_is_not_spoken_for(api, node, inspected, database):
    with database.write() as connection:
        operation.change(connection, inspected, {'session_hash': 'x' * 64})
    assert inspect(api).status_code == 404
    assert operation.get(database, inspected)['report'] is None


@pytest.mark.parametrize('body', [[], {}, {'inventory': []}, {'inventory': {}}, {'inventory': {'interfaces': []}},
                                  {'inventory': {'interfaces': [{}]}}, {'inventory': {'interfaces': [{'mac_address': 1}]}},
                                  {'inventory': {**FOUND, 'bmc_address': 4}}])
def test_inventories_that_are_none_are_refused(api, body):
    assert api.post('/v1/continue_inspection', orjson.dumps(body)).status_code == 400


def test_they_are_listed(api):
    assert {'lookup', 'heartbeat', 'continue_inspection'} <= api.get('/v1').json.keys()
    assert not {'lookup', 'heartbeat', 'continue_inspection'} & api.get('/v1', version='1.21').json.keys()
