import time

import pytest

from tests.api.conftest import fault, set_columns

MAC = '52:54:00:00:00:01'


@pytest.fixture
def uuid(api):
    return api.node(name='n1', shard='s1', conductor_group='g1')['uuid']


@pytest.fixture
def port(api, uuid):
    return api.post('/v1/ports', {'node_uuid': uuid, 'address': MAC, 'name': 'p1'}).json


def test_a_port_is_created_for_a_node(api, uuid):
    answer = api.post('/v1/ports', {'node_uuid': uuid, 'address': '52-54-00-AB-CD-EF', 'extra': {'a': 1}})
    port = answer.json
    assert answer.status_code == 201
    assert answer.headers['Location'] == f'http://localhost:80/v1/ports/{port["uuid"]}'
    assert (port['address'], port['node_uuid'], port['pxe_enabled'], port['is_smartnic'], port['extra']) == (
        '52:54:00:ab:cd:ef', uuid, True, False, {'a': 1})
    assert api.get(f'/v1/ports/{port["uuid"]}').json == port
    by_name = api.post('/v1/ports', {'node_ident': 'n1', 'address': MAC})
    assert by_name.json['node_uuid'] == uuid
    assert api.get('/v1/feed?since=0').text.count('"changed":["ports"]') == 2


@pytest.mark.parametrize('body', [
    {'address': MAC}, {'node_uuid': 'n1', 'address': MAC}, {'node_ident': 'nobody', 'address': MAC}, {'node_ident': 'n1'},
    {'node_ident': 'n1', 'address': 'zz:54:00:00:00:01'}, {'node_ident': 'n1', 'address': '52:54:00:00:00'},
    {'node_ident': 'n1', 'address': '52:54-00:00:00:01'}, {'node_ident': 'n1', 'address': MAC + '\n'},
    {'node_ident': 'n1', 'address': 5},
    {'node_ident': 'n1', 'address': MAC, 'pxe_enabled': 'maybe'}, {'node_ident': 'n1', 'address': MAC, 'zzz': 1},
    {'node_ident': 'n1', 'address': MAC, 'physical_network': 'x' * 65}, {'node_ident': 'n1',
    'address': MAC, 'internal_info': {}},
    {'node_ident': 'n1', 'node_uuid': '1be26c0b-03f2-4d2e-ae87-c02d7f33c123', 'address': MAC},
    {'node_uuid': '1be26c0b-03f2-4d2e-ae87-c02d7f33c123', 'address': MAC}, {'node_ident': None, 'address': MAC}])
def test_a_bad_port_is_refused(api, uuid, body):
    assert api.post('/v1/ports', body).status_code == 400
    assert api.get('/v1/ports').json == {'ports': []}


def test_a_mac_or_name_that_is_taken_is_a_conflict(api, uuid, port):
    answer = api.post('/v1/ports', {'node_uuid': uuid, 'address': MAC.upper()})
    assert (answer.status_code, MAC in fault(answer)) == (409, True)
    assert api.post('/v1/ports', {'node_uuid': uuid, 'address': '52:54:00:00:00:02', 'name': 'p1'}).status_code == 409


def test_lists_and_filters(api, uuid, port):
    other = api.node(name='n2')
    api.post('/v1/ports', {'node_uuid': other['uuid'], 'address': '52:54:00:00:00:02', 'description': 'second'})

    def addresses(path):
        return [one['address'][-1] for one in api.get(path).json['ports']]
    for path, expected in {
            '/v1/ports': '12', '/v1/ports?node=n1': '1', f'/v1/ports?node={uuid}': '1', f'/v1/ports?node_uuid={uuid}': '1',
            '/v1/ports?address=52:54:00:00:00:02': '2', '/v1/ports?shard=s1,s2': '1', '/v1/ports?conductor_groups=g1': '1',
            '/v1/ports?description_contains=eco': '2', '/v1/nodes/n2/ports': '2', f'/v1/nodes/{uuid}/ports': '1',
            '/v1/ports?node=n1&address=52:54:00:00:00:02': '', '/v1/ports?node=n2&address=52:54:00:00:00:02': '2',
            '/v1/ports/detail?node=n1': '1', '/v1/nodes/n1/ports/detail': '1',
            '/v1/ports?sort_key=address&sort_dir=desc': '21'}.items():
        assert addresses(path) == list(expected), path
    for query in ('node=nobody', 'portgroup=nobody', 'node_uuid=5be26c0b-03f2-4d2e-ae87-c02d7f33c123'):
        assert api.get(f'/v1/ports?{query}').status_code == 404
    assert api.get('/v1/ports').json['ports'][0].keys() == {'uuid', 'address', 'links'}
    assert api.get('/v1/ports/detail').json['ports'][0] == api.get('/v1/ports/p1').json
    page = api.get('/v1/nodes/n1/ports?limit=1').json
    assert f'/v1/nodes/n1/ports?limit=1&marker={port["uuid"]}' in page['next']


def test_a_port_is_patched(api, uuid, port):
    other = api.node(name='n2', maintenance=True)['uuid']
    answer = api.patch('/v1/ports/p1', [{'op': 'replace', 'path': '/node_uuid', 'value': other},
                                        {'op': 'add', 'path': '/extra/a', 'value': 1},
                                        {'op': 'replace', 'path': '/address', 'value': '52:54:00:AA:00:01'}])
    assert (answer.json['node_uuid'], answer.json['extra'], answer.json['address']) == (other, {'a': 1}, '52:54:00:aa:00:01')
    assert answer.headers['ETag'] == '"2"'
    back = api.patch('/v1/ports/p1', [{'op': 'replace', 'path': '/pxe_enabled', 'value': False}])
    assert back.json['pxe_enabled'] is False
    assert api.patch('/v1/ports/p1', [{'op': 'remove', 'path': '/pxe_enabled'}]).json['pxe_enabled'] is True
    assert api.patch('/v1/ports/p1', [], If_Match='"1"').status_code == 412
    for operation in ({'op': 'remove', 'path': '/address'}, {'op': 'replace', 'path': '/uuid', 'value': other},
                      {'op': 'replace', 'path': '/node_uuid', 'value': '1be26c0b-03f2-4d2e-ae87-c02d7f33c123'},
                      {'op': 'remove', 'path': '/node_uuid'}, {'op': 'add', 'path': '/node_ident', 'value': 'n1'}):
        assert api.patch('/v1/ports/p1', [operation]).status_code == 400, operation


def test_connectivity_changes_only_while_nothing_runs(api, database, uuid, port):
    change = [{'op': 'replace', 'path': '/pxe_enabled', 'value': False}]
    set_columns(database, uuid, provision_state='active')
    assert api.patch('/v1/ports/p1', change).status_code == 409
    assert api.patch('/v1/ports/p1', [{'op': 'add', 'path': '/extra/a', 'value': 1}]).status_code == 200
    set_columns(database, uuid, maintenance=True)
    assert api.patch('/v1/ports/p1', change).status_code == 200


def test_a_port_is_deleted_by_uuid_or_name(api, database, uuid, port):
    set_columns(database, uuid, lock_owner='c9', lock_expires_at=time.time() + 60)
    assert api.delete('/v1/ports/p1').status_code == 409
    set_columns(database, uuid, lock_expires_at=0, instance_uuid=uuid)
    assert api.delete('/v1/ports/p1').status_code == 409
    set_columns(database, uuid, instance_uuid=None)
    assert api.delete('/v1/ports/p1').status_code == 204
    assert api.delete(f'/v1/ports/{port["uuid"]}').status_code == 404
    assert api.get('/v1/ports/p1').status_code == 404
