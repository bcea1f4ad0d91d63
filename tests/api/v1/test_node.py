import concurrent.futures
import time

import orjson
import pytest

from ingot import states
from ingot.db import event, models
from tests.api.conftest import fault, set_columns


def events(database):
    return [{**one, 'data': orjson.loads(orjson.dumps(one['data']))} for one in event.since(database, 0)]


def test_a_node_is_created_with_its_drivers_defaults(api, database):
    answer = api.post('/v1/nodes', {'driver': 'fake-hardware', 'name': 'n1', 'extra': {'a': 1}, 'deploy_interface': 'fake'})
    node = answer.json
    assert answer.status_code == 201
    assert answer.headers['Location'] == f'http://localhost:80/v1/nodes/{node["uuid"]}'
    assert answer.headers['ETag'] == '"1"'
    assert node['provision_state'] == 'enroll'
    assert (node['power_interface'], node['boot_interface'], node['deploy_interface']) == ('fake', 'fake', 'fake')
    assert node['bios_interface'] is None
    assert (node['extra'], node['properties'], node['traits'], node['name']) == ({'a': 1}, {}, [], 'n1')
    assert api.get('/v1/nodes/n1').json == node == api.get(f'/v1/nodes/{node["uuid"]}').json == api.get('/nodes/n1').json
    assert [(one['kind'], one['node'], one['data']) for one in events(database)] == [
        ('node.created', node['uuid'], {'name': 'n1', 'driver': 'fake-hardware'})]


def test_older_clients_get_their_new_nodes_ready(api):
    assert api.post('/v1/nodes', {'driver': 'ipmi'}, version='1.11').json['provision_state'] == 'enroll'
    assert api.post('/v1/nodes', {'driver': 'ipmi'}, version='1.10').json['provision_state'] == 'available'
    assert api.post('/v1/nodes', {'driver': 'ipmi'}, version='1.1').json['provision_state'] is None


@pytest.mark.parametrize(('body', 'word'), [
    ({}, 'driver'), ({'driver': None}, 'driver'), ({'driver': 'redfish'}, 'fake-hardware, ipmi'),
    ({'driver': 'ipmi', 'boot_interface': 'fake'}, 'it has: ipxe'), ({'driver': 'ipmi', 'bios_interface': 'x'}, 'none'),
    ({'driver': 'ipmi', 'name': 'no spaces'}, 'name'), ({'driver': 'ipmi', 'name': 'detail'}, 'detail'),
    ({'driver': 'ipmi', 'name': '..'}, 'name'),
    ({'driver': 'ipmi', 'name': 'a/../b'}, 'name'), ({'driver': 'ipmi', 'name': 'n\0'}, 'name'),
    ({'driver': 'ipmi', 'name': '1be26c0b-03f2-4d2e-ae87-c02d7f33c123'}, 'name'), ({'driver': 'ipmi', 'name': 'x' * 256},
    'name'),
    ({'driver': 'ipmi', 'uuid': 'x'}, 'uuid'), ({'driver': 'ipmi', 'uuid': None}, 'uuid'), ({'driver': 'ipmi',
    'uuid': 3}, 'uuid'),
    ({'driver': 'ipmi', 'extra': []}, 'extra'), ({'driver': 'ipmi', 'extra': 's'}, 'extra'), ({'driver': 1}, 'driver'),
    ({'driver': 'ipmi', 'maintenance': 2}, 'maintenance'), ({'driver': 'ipmi', 'maintenance': 'maybe'}, 'maintenance'),
    ({'driver': 'ipmi', 'resource_class': 'x' * 81}, 'resource_class'), ({'driver': 'ipmi', 'description': 'x' * 4097},
    'desc'),
    ({'driver': 'ipmi', 'conductor_group': 'no spaces'}, 'conductor_group'), ({'driver': 'ipmi', 'unknown': 1}, 'unknown'),
    ({'driver': 'ipmi', 'power_state': 'power on'}, 'power_state'), ({'driver': 'ipmi', 'id': 1}, 'id'),
    ({'driver': 'ipmi', 'protected': True}, 'PATCH'), ({'driver': 'ipmi', 'parent_node': 'nobody'}, 'nobody'),
    ({'driver': 'ipmi', 'chassis_uuid': '1be26c0b-03f2-4d2e-ae87-c02d7f33c123'}, 'Chassis 1be26c0b'),
])
def test_a_bad_node_is_refused_and_nothing_is_stored(api, database, body, word):
    answer = api.post('/v1/nodes', body)
    assert answer.status_code == 400
    assert word in fault(answer)
    assert api.get('/v1/nodes').json == {'nodes': []}
    assert events(database) == []


def test_a_name_or_uuid_that_is_taken_is_a_conflict(api):
    node = api.node(name='n1', instance_uuid='5be26c0b-03f2-4d2e-ae87-c02d7f33c123')
    for taken in ({'name': 'n1'}, {'uuid': node['uuid']}, {'instance_uuid': node['instance_uuid']}):
        answer = api.post('/v1/nodes', {'driver': 'ipmi', **taken})
        assert answer.status_code == 409
        assert next(iter(taken.values())) in fault(answer)


def test_conductor_group_is_lower_case(api):
    assert api.node(conductor_group='Rack-A')['conductor_group'] == 'rack-a'
    assert len(api.get('/v1/nodes?conductor_group=RACK-a').json['nodes']) == 1
    assert api.get('/v1/nodes?conductor_group=').json['nodes'] == []


@pytest.mark.parametrize('ident', ['nobody', '1be26c0b-03f2-4d2e-ae87-c02d7f33c123'])
@pytest.mark.parametrize(('method', 'tail', 'body'), [
    ('GET', '', None), ('DELETE', '', None), ('PATCH', '', []), ('GET', '/states', None), ('GET', '/validate', None),
    ('PUT', '/states/power', {'target': 'power on'}), ('PUT', '/states/provision', {'target': 'manage'}), ('GET',
    '/ports', None),
    ('PUT', '/maintenance', {}), ('DELETE', '/maintenance', None), ('GET', '/management/boot_device', None),
    ('GET', '/management/boot_device/supported', None), ('PUT', '/management/boot_device', {'boot_device': 'pxe'}),
    ('GET', '/inventory', None), ('GET', '/traits', None), ('GET', '/ports/detail', None)])
def test_a_node_that_is_not_there_is_not_found(api, method, tail, body, ident):
    answer = api(method, f'/v1/nodes/{ident}{tail}', body)
    assert answer.status_code == 404
    assert ident in fault(answer)


@pytest.mark.parametrize('path', ['/v1/nodes/n1/zzz', '/v1/nodes/n1/detail', '/v2', '/v1/nodes/n1/states/zzz',
                                  '/v1/nodes/n1/n2', '/v1/nodes/a%20b', '/v1/nodes/..%2f..%2fetc', '/v1/nodes/%00', '/v1/v1'])
def test_unknown_paths_are_not_found(api, path):
    api.node(name='n1')
    assert api.get(path).status_code == 404


def test_methods_that_are_not_there_say_which_are(api):
    answer = api('POST', '/v1/nodes/n1', {})
    assert answer.status_code == 405
    assert answer.headers['Allow'] == 'HEAD, GET, PATCH, DELETE, OPTIONS'
    assert api('DELETE', '/v1/nodes').status_code == 405


# Lists


def test_a_list_shows_some_fields_and_detail_all(api):
    uuid = api.node(name='n1')['uuid']
    [brief] = api.get('/v1/nodes').json['nodes']
    assert brief.keys() == {'instance_uuid', 'maintenance', 'power_state', 'provision_state', 'uuid', 'name', 'links'}
    assert brief['links'][0] == {'href': f'http://localhost:80/v1/nodes/{uuid}', 'rel': 'self'}
    everything = api.get('/v1/nodes/n1').json
    assert api.get('/v1/nodes/detail').json['nodes'] == [everything] == api.get('/v1/nodes?detail=yes').json['nodes']
    [chosen] = api.get('/v1/nodes?fields=name,driver&fields=extra').json['nodes']
    assert chosen.keys() == {'name', 'driver', 'extra', 'links'}
    assert api.get('/v1/nodes/n1?fields=driver').json.keys() == {'driver', 'links'}


def test_every_field_can_be_asked_for_alone(api):
    api.node(name='n1')
    for field, value in api.get('/v1/nodes/n1').json.items():
        assert api.get(f'/v1/nodes?fields={field}').json['nodes'][0][field] == value


@pytest.mark.parametrize('query', [
    'fields=zzz', 'fields=', 'fields=,', 'fields=name&detail=true', 'limit=0', 'limit=-1', 'limit=x', 'limit=', 'limit=1.5',
    'limit=99999999999999999999', 'sort_key=zzz', 'sort_key=extra', 'sort_dir=up', 'zzz=1', 'maintenance=maybe',
    'maintenance=',
    'associated=2', 'instance_uuid=x', 'chassis_uuid=x', 'driver=%ff', 'driver=a%00b', 'driver=a&driver=b', 'shard=',
    'fields=generation', 'fields=lock_owner', 'sort_key=lock_owner', 'sort_key=chassis_id', 'provision_state=zzz', 'fault=zzz'])
def test_a_bad_query_is_refused(api, query):
    answer = api.get(f'/v1/nodes?{query}')
    assert answer.status_code == 400
    assert answer.json['code'] == 'invalid'


def test_filters_choose_and_combine(api, database):
    nodes = {name: api.node(name=name, **values) for name, values in {
        'a': {'resource_class': 'gold', 'driver': 'ipmi', 'owner': 'o1', 'shard': 's1', 'description': 'in 50% use'},
        'b': {'resource_class': 'gold', 'lessee': 'o1', 'maintenance': True, 'shard': 's2'},
        'c': {'instance_uuid': '5be26c0b-03f2-4d2e-ae87-c02d7f33c123', 'instance_name': 'web', 'retired': True}}.items()}
    set_columns(database, nodes['b']['uuid'], provision_state='active', fault='power failure')

    def names(query):
        return ''.join(node['name'] for node in api.get(f'/v1/nodes?{query}').json['nodes'])
    for query, expected in {
            'resource_class=gold': 'ab', 'driver=ipmi': 'a', 'maintenance=true': 'b', 'maintenance=0': 'ac',
            'associated=True': 'c',
            'associated=f': 'ab', 'provision_state=active': 'b', 'fault=power failure': 'b', 'owner=o1': 'a',
            'lessee=o1': 'b',
            'project=o1': 'ab', 'shard=s1,s2': 'ab', 'shard=s1&shard=s2': 'ab', 'sharded=no': 'c', 'sharded=yes': 'ab',
            'description_contains=50%25': 'a', 'description_contains=5_': '', 'instance_name=web': 'c', 'retired=on': 'c',
            'instance_uuid=5be26c0b-03f2-4d2e-ae87-c02d7f33c123': 'c', 'resource_class=gold&maintenance=false': 'a',
            'conductor=c1': 'abc', 'conductor=c2': '', 'provision_state=error': '',
            'sort_key=name&sort_dir=desc': 'cba'}.items():
        assert names(query.replace(' ', '%20')) == expected, query


def test_children_are_listed_on_request(api):
    parent = api.node(name='parent')
    api.node(name='child', parent_node='parent')
    assert [node['name'] for node in api.get('/v1/nodes').json['nodes']] == ['parent']
    assert [node['name'] for node in api.get('/v1/nodes?include_children=true').json['nodes']] == ['parent', 'child']
    assert [node['name'] for node in api.get(f'/v1/nodes?parent_node={parent["uuid"]}').json['nodes']] == ['child']


@pytest.mark.parametrize('sort', ['id', 'name', 'resource_class', 'provision_state', 'created_at', 'maintenance', 'owner'])
@pytest.mark.parametrize('direction', ['asc', 'desc'])
def test_pages_show_every_node_once_and_keep_the_filters(api, sort, direction):
    expected = {api.node(name=f'n{number}', resource_class='xyx'[number % 3], shard='s', driver='ipmi',
                         **({'owner': f'o{number % 2}'} if number % 3 else {}))['uuid'] for number in range(7)}
    api.node(shard='other')
    path, seen = f'/v1/nodes?shard=s,t&driver=ipmi&limit=2&sort_key={sort}&sort_dir={direction}&fields=uuid', []
    for _ in range(10):
        page = api.get(path).json
        assert all(node.keys() == {'uuid', 'links'} for node in page['nodes'])
        seen += [node['uuid'] for node in page['nodes']]
        if 'next' not in page:
            break
        path = page['next'].removeprefix('http://localhost:80')
    assert len(seen) == 7
    assert set(seen) == expected


def test_sorting_sorts(api):
    for name in 'bca':
        api.node(name=name)
    assert [node['name'] for node in api.get('/v1/nodes?sort_key=name').json['nodes']] == ['a', 'b', 'c']
    assert [node['name'] for node in api.get('/v1/nodes?sort_key=name&sort_dir=desc').json['nodes']] == ['c', 'b', 'a']


def test_no_next_page_below_the_limit_and_a_bad_marker_is_not_found(api, conf):
    api.node()
    assert 'next' not in api.get('/v1/nodes?limit=2').json
    assert api.get('/v1/nodes?marker=1be26c0b-03f2-4d2e-ae87-c02d7f33c123').status_code == 404
    assert api.get('/v1/nodes?marker=zzz').status_code == 404


def test_max_limit_is_the_most(api, conf):
    conf.set_override('max_limit', 2, 'api')
    for _ in range(3):
        api.node()
    for path in ('/v1/nodes', '/v1/nodes?limit=3'):
        page = api.get(path).json
        assert len(page['nodes']) == 2
        assert 'next' in page


# Changes


def patch(*operations):
    return [dict(zip(('op', 'path', 'value'), operation, strict=False)) for operation in operations]


def test_a_patch_changes_the_node_and_says_so(api, database):
    node = api.node(name='n1', extra={'a': 1})
    answer = api.patch('/v1/nodes/n1', patch(('add', '/extra/b~1c', 2), ('replace', '/name', 'n2'), ('remove', '/extra/a')))
    assert answer.status_code == 200
    assert answer.headers['ETag'] == '"2"'
    assert (answer.json['extra'], answer.json['name']) == ({'b/c': 2}, 'n2')
    assert answer.json == api.get('/v1/nodes/n2').json
    last = events(database)[-1]
    assert (last['kind'], last['node'], last['data']) == ('node.updated', node['uuid'], {'changed': ['extra', 'name']})


def test_a_patch_that_changes_nothing_leaves_no_trace(api, database):
    api.node(name='n1')
    before = api.get('/v1/nodes/n1')
    for operations in ([], patch(('replace', '/name', 'n1'))):
        answer = api.patch('/v1/nodes/n1', operations)
        assert answer.json == before.json
        assert answer.headers['ETag'] == before.headers['ETag']
    assert [one['kind'] for one in events(database)] == ['node.created']


def test_removing_an_attribute_resets_it(api):
    api.node(name='n1', extra={'a': 1}, owner='o', retired=True, retired_reason='old', boot_interface='other',
             conductor_group='g')
    node = api.patch('/v1/nodes/n1', patch(*(('remove', f'/{name}') for name in (
        'name', 'extra', 'owner', 'retired', 'boot_interface', 'conductor_group')))).json
    assert (node['name'], node['extra'], node['owner'], node['retired'], node['retired_reason'], node['boot_interface'],
            node['conductor_group']) == (None, {}, None, False, None, 'fake', '')


@pytest.mark.parametrize('operations', [
    patch(('replace', '/uuid', 'x')), patch(('remove', '/uuid')), patch(('remove', '/driver')), patch(('replace',
    '/driver', None)),
    patch(('add', '/power_state', 'power on')), patch(('add', '/zzz', 1)), patch(('replace', '/name', 'a b')),
    patch(('replace', '/extra', [])), patch(('replace', '/maintenance', 'maybe')), patch(('remove', '/extra/none')),
    patch(('add', '/extra/x', 1), ('replace', '/owner', 3)), patch(('add', '/links', [])), patch(('add', '/generation', 9)),
    patch(('replace', '/driver', 'redfish')), patch(('replace', '/power_interface', 'ipmitool')),
    patch(('add', '/protected_reason', 'because')), patch(('replace', '/maintenance', None)), patch(('add',
    '/lock_owner', 'me'))])
def test_a_bad_patch_changes_nothing(api, operations):
    before = api.node(name='n1')
    answer = api.patch('/v1/nodes/n1', operations)
    assert answer.status_code == 400, answer.text
    assert api.get('/v1/nodes/n1').json == before


def test_a_body_that_is_no_patch_is_refused(api):
    api.node(name='n1')
    for body in ({'name': 'n2'}, b'null', b'"s"', b'3', [1], b'[', b''):
        assert api.patch('/v1/nodes/n1', body).status_code == 400, body


def test_the_driver_changes_with_interfaces_that_fit(api):
    api.node(name='n1')
    assert 'boot_interface "fake"' in fault(api.patch('/v1/nodes/n1', patch(('replace', '/driver', 'ipmi'))))
    node = api.patch('/v1/nodes/n1?reset_interfaces=True', patch(('replace', '/driver', 'ipmi'))).json
    assert (node['driver'], node['power_interface'], node['boot_interface']) == ('ipmi', 'ipmitool', 'ipxe')
    assert node['inspect_interface'] is None
    assert api.patch('/v1/nodes/n1?reset_interfaces=True', patch(('replace', '/owner', 'o'))).status_code == 400
    assert api.patch('/v1/nodes/n1?reset_interfaces=True', [], version='1.44').status_code == 406


def test_a_driver_of_a_dead_conductor_is_none(api, database):
    with database.write() as connection:
        connection.execute(models.conductors.update().values(alive_until=time.time() - 1))
    assert 'there are: none' in fault(api.post('/v1/nodes', {'driver': 'ipmi'}))


def test_if_match_lets_only_the_current_generation_pass(api):
    api.node(name='n1')
    change = patch(('add', '/extra/a', 1))
    assert api.patch('/v1/nodes/n1', change, If_Match='"1"').status_code == 200
    stale = api.patch('/v1/nodes/n1', patch(('add', '/extra/a', 2)), If_Match='"1"')
    assert (stale.status_code, stale.json['code']) == (412, 'stale')
    assert api.get('/v1/nodes/n1').json['extra'] == {'a': 1}
    assert api.patch('/v1/nodes/n1', change, If_Match='"7", "2"').status_code == 200
    assert api.patch('/v1/nodes/n1', change, If_Match='*').status_code == 200
    assert api.patch('/v1/nodes/n1', change, If_Match='rubbish').status_code == 412
    assert api.delete('/v1/nodes/n1', If_Match='"1"').status_code == 412
    assert api.delete('/v1/nodes/n1', If_Match='"2"').status_code == 204


@pytest.mark.parametrize('state', sorted(states.STATES))
def test_a_node_on_its_way_is_not_changed(api, database, state):
    uuid = api.node(name='n1')['uuid']
    set_columns(database, uuid, provision_state=state, target_provision_state=states.TARGET.get(state))
    moving = state in {'deploying', 'wait call-back', 'deploy hold', 'cleaning', 'clean wait', 'clean hold', 'deleting',
        'inspecting',
                       'adopting', 'rescuing', 'rescue wait', 'unrescuing', 'servicing', 'service wait'}
    assert api.patch('/v1/nodes/n1', patch(('add', '/extra/a', 1))).status_code == (409 if moving else 200)


def test_an_instance_leaves_a_node_in_maintenance_whatever_it_does(api, database):
    uuid = api.node(name='n1', instance_uuid='5be26c0b-03f2-4d2e-ae87-c02d7f33c123')['uuid']
    set_columns(database, uuid, provision_state='cleaning')
    leave = patch(('remove', '/instance_uuid'))
    assert api.patch('/v1/nodes/n1', leave).status_code == 409
    set_columns(database, uuid, maintenance=True)
    assert api.patch('/v1/nodes/n1', [*leave, *patch(('add', '/extra/a', 1))]).status_code == 409
    assert api.patch('/v1/nodes/n1', leave).json['instance_uuid'] is None


def test_an_associated_node_is_not_claimed_again(api):
    api.node(name='n1')
    claims = ['5be26c0b-03f2-4d2e-ae87-c02d7f33c123', '6be26c0b-03f2-4d2e-ae87-c02d7f33c123']
    assert api.patch('/v1/nodes/n1', patch(('replace', '/instance_uuid', claims[0]))).status_code == 200
    refused = api.patch('/v1/nodes/n1', patch(('replace', '/instance_uuid', claims[1])))
    assert refused.status_code == 409
    assert claims[0] in fault(refused)
    assert api.patch('/v1/nodes/n1', patch(('replace', '/instance_uuid', claims[0]))).status_code == 200


@pytest.mark.parametrize(('columns', 'operation'), [
    ({'provision_state': 'active'}, ('replace', '/power_interface', 'fake')),
    ({'provision_state': 'available'}, ('replace', '/retired', True)),
    ({'console_enabled': True}, ('replace', '/driver', 'ipmi'))])
def test_what_the_state_forbids_is_a_conflict(api, database, columns, operation):
    uuid = api.node(name='n1', boot_interface='other')['uuid']
    set_columns(database, uuid, **columns, **({'power_interface': 'older'} if 'power' in operation[1] else {}))
    query = '?reset_interfaces=true' if operation[1] == '/driver' else ''
    assert api.patch(f'/v1/nodes/n1{query}', patch(operation)).status_code == 409


def test_sixteen_clients_patch_one_node_and_nothing_is_lost(api):
    api.node(name='n1')
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(
            lambda number: api.patch('/v1/nodes/n1', patch(('add', f'/extra/k{number}', number))).status_code, range(160)))
    assert answers == [200] * 160
    answer = api.get('/v1/nodes/n1')
    assert answer.json['extra'] == {f'k{number}': number for number in range(160)}
    assert answer.headers['ETag'] == '"161"'


def test_one_of_sixteen_claims_wins(api):
    api.node(name='n1')
    claims = [f'{number:08x}-03f2-4d2e-ae87-c02d7f33c123' for number in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(
            lambda claim: api.patch('/v1/nodes/n1', patch(('replace', '/instance_uuid', claim))).status_code, claims))
    assert sorted(answers) == [200] + [409] * 15
    assert api.get('/v1/nodes/n1').json['instance_uuid'] == claims[answers.index(200)]


# Maintenance, deletion


def test_maintenance_comes_and_goes(api, database):
    uuid = api.node(name='n1')['uuid']
    answer = api.put('/v1/nodes/n1/maintenance', {'reason': 'disk'})
    assert (answer.status_code, answer.body) == (202, b'')
    node = api.get('/v1/nodes/n1').json
    assert (node['maintenance'], node['maintenance_reason']) == (True, 'disk')
    set_columns(database, uuid, fault='clean failure')
    assert api.delete('/v1/nodes/n1/maintenance').status_code == 202
    node = api.get('/v1/nodes/n1').json
    assert (node['maintenance'], node['maintenance_reason'], node['fault']) == (False, None, None)
    assert [one['data'] for one in events(database) if one['kind'] == 'maintenance'] == [
        {'from': False, 'to': True}, {'from': True, 'to': False}]
    assert api.put('/v1/nodes/n1/maintenance').status_code == 202
    assert api.put('/v1/nodes/n1/maintenance', {'reasons': 'x'}).status_code == 400
    assert api.put('/v1/nodes/n1/maintenance', {'reason': 5}).status_code == 400
    set_columns(database, uuid, fault='power failure')
    assert api.patch('/v1/nodes/n1', patch(('replace', '/maintenance', False))).json['fault'] is None


@pytest.mark.parametrize('state', sorted(states.STATES))
def test_nodes_are_deleted_at_rest_or_in_maintenance(api, database, state):
    uuid = api.node(name='n1')['uuid']
    api.post('/v1/ports', {'node_uuid': uuid, 'address': '52:54:00:00:00:01'})
    set_columns(database, uuid, provision_state=state)
    if state not in states.DELETABLE:
        assert api.delete('/v1/nodes/n1').status_code == 409
        set_columns(database, uuid, maintenance=True)
    assert api.delete('/v1/nodes/n1').status_code == 204
    assert api.get('/v1/nodes/n1').status_code == 404
    assert api.get('/v1/ports').json == {'ports': []}
    assert events(database)[-1]['kind'] == 'node.deleted'


def test_protected_associated_and_locked_nodes_are_not_deleted(api, database):
    uuid = api.node(name='n1')['uuid']
    protect = patch(('add', '/protected', True), ('add', '/protected_reason', 'precious'))
    assert api.patch('/v1/nodes/n1', protect).status_code == 409, 'it is not in use'
    set_columns(database, uuid, provision_state='active')
    api.patch('/v1/nodes/n1', protect)
    refused = api.delete('/v1/nodes/n1')
    assert (refused.status_code, 'precious' in fault(refused)) == (403, True)
    set_columns(database, uuid, provision_state='enroll', protected=False, instance_uuid='5be26c0b-03f2-4d2e-ae87-c02d7f33c123')
    assert api.delete('/v1/nodes/n1').status_code == 409
    set_columns(database, uuid, instance_uuid=None, lock_owner='c9', lock_purpose='deploy', lock_expires_at=time.time() + 60,
                locked_at=time.time() - 30)
    refused = api.delete('/v1/nodes/n1')
    assert (refused.status_code, refused.json['code'], refused.json['retryable']) == (409, 'locked', True)
    assert refused.headers['Retry-After'] == '2'
    assert 'c9' in fault(refused)
    assert '"deploy" since 30 s' in fault(refused)
    set_columns(database, uuid, lock_expires_at=time.time() - 1)
    assert api.delete('/v1/nodes/n1').status_code == 204


def test_reservation_is_the_holder_of_a_valid_lock(api, database):
    uuid = api.node(name='n1')['uuid']
    set_columns(database, uuid, lock_owner='c9', lock_expires_at=time.time() + 60)
    node = api.get('/v1/nodes/n1').json
    assert (node['reservation'], node['conductor']) == ('c9', 'c9')
    set_columns(database, uuid, lock_expires_at=time.time() - 1)
    node = api.get('/v1/nodes/n1').json
    assert (node['reservation'], node['conductor']) == (None, 'c1')


# The rest


def test_secrets_are_never_shown(api):
    api.node(name='n1', driver_info={'ipmi_password': 'hunter2', 'ipmi_address': '10.0.0.1'},
             instance_info={'configdrive': 'hunter2', 'image_source': 'http://u:hunter2@h/i'})
    for path in ('/v1/nodes/n1', '/v1/nodes/detail', '/v1/nodes?fields=driver_info,instance_info', '/v1/feed?since=0'):
        answer = api.get(path)
        assert answer.status_code == 200
        assert 'hunter2' not in answer.text
    assert api.get('/v1/nodes/n1').json['driver_info'] == {'ipmi_password': '******', 'ipmi_address': '10.0.0.1'}
    for body in ({'driver': 'ipmi', 'driver_info': {'ipmi_password': 'hunter2'}, 'hunter': 2}, {'driver': 'ipmi',
        'driver_info': 'hunter2'},
                 b'{"driver_info": {"p": "hunter2"'):
        refused = api.post('/v1/nodes', body)
        assert refused.status_code == 400
        assert 'hunter2' not in refused.text


def test_validation_is_the_conductors(api, conductor):
    uuid = api.node(name='n1')['uuid']
    assert api.get('/v1/nodes/n1/validate').json['deploy'] == {'result': False, 'reason': 'no image_source'}
    assert conductor.calls == [('validate', uuid)]


def test_the_inventory_is_what_inspection_found(api, database):
    api.node(name='n1')
    assert api.get('/v1/nodes/n1/inventory').status_code == 404
    with database.write() as connection:
        connection.execute(models.node_inventory.insert().values(
            node_id=1, created_at='2026-01-01T00:00:00+00:00', inventory='{"cpu":{"count":4}}', plugin_data='{}'))
    assert api.get('/v1/nodes/n1/inventory').json == {'inventory': {'cpu': {'count': 4}}, 'plugin_data': {}}
    assert api.delete('/v1/nodes/n1').status_code == 204


def test_traits_are_an_empty_list(api):
    api.node(name='n1')
    assert api.get('/v1/nodes/n1/traits').json == {'traits': []}


def test_an_instance_without_a_name_gets_the_one_that_is_displayed(api):
    node = api.node(name='n1')
    path = f'/v1/nodes/{node["uuid"]}'
    patch = [{'op': 'add', 'path': '/instance_info', 'value': {'display_name': 'first'}}]
    assert api.patch(path, patch).json['instance_name'] == 'first'
    assert api.patch(path, [{'op': 'replace', 'path': '/instance_name', 'value': 'mine'}]).json['instance_name'] == 'mine'
    patch[0]['value'] = {'display_name': 'second'}
    assert api.patch(path, patch).json['instance_name'] == 'mine'
