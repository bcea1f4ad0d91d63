"""What other implementations of this API get wrong, one test each: here it is right.

Where a whole file is about one of them, it is named: writers that lose nothing (tests/clients/test_writers.py), conductors that
die (tests/conductor/test_kill.py, test_flows.py), leases whose holder comes back under another name (tests/db/test_lease.py),
the pages of lists (tests/http/listing.yaml).
"""

import concurrent.futures
import json
import uuid

import pytest

from ingot import concurrency
from ingot.db import lease
from tests.api.conftest import fault

NODE = '/v1/nodes/n1'
STEP = {'interface': 'deploy', 'step': 'nonsense'}


@pytest.fixture
def node(whole):
    return whole.node(name='n1', resource_class='large')


def settled(api, path=NODE):
    """The node, once nothing is under way."""
    def look():
        found = api.get(path).json
        return found if found['reservation'] is None and found['target_power_state'] is None and not found[
            'provision_state'].endswith('ing') else None
    return concurrency.wait_for(look, 60)


def move(api, *verbs):
    for verb in verbs:
        answer = api.put(f'{NODE}/states/provision', {'target': verb})
        assert answer.status_code == 202, answer.text
        found = settled(api)
    return found


def test_patches_of_different_keys_at_once_all_stay(whole, node):
    """Acknowledged patches are lost when somebody else writes at the same time."""
    def patch(number):
        return whole.patch(NODE, [{'op': 'add', 'path': f'/extra/k{number}', 'value': number}]).status_code
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(patch, range(80))) == {200}
    assert whole.get(NODE).json['extra'] == {f'k{number}': number for number in range(80)}


@pytest.mark.parametrize(('body', 'kind', 'status'), [(b'{bad', 'application/json', 400), (b'driver: x', 'text/plain', 415)])
def test_a_body_that_is_no_json_is_the_clients_fault(api, body, kind, status):
    """Malformed JSON, or text, gives 500."""
    assert api.post('/v1/nodes', body, Content_Type=kind).status_code == status
    assert api.get('/v1/nodes').json['nodes'] == []


@pytest.mark.parametrize('query', ['resource_class=a', 'provision_state=enroll&resource_class=a', 'owner=me', 'driver=ipmi',
                                   'description_contains=a%20b', 'conductor_group=g', 'shard=s,t', 'lessee=you'])
def test_the_next_page_keeps_every_filter(api, query):
    """The link to the next page forgets most filters, and shows what nobody asked for."""
    for number in range(6):
        ours = {'resource_class': 'a', 'owner': 'me', 'driver': 'ipmi', 'description': 'a b', 'conductor_group': 'g',
                'shard': 's', 'lessee': 'you'}
        api.node(name=f'n{number}', **(ours if number % 2 else {'resource_class': 'b', 'shard': 'u'}))
    page, names = api.get(f'/v1/nodes?{query}&limit=1&fields=name').json, []
    while page['nodes']:
        names += [one['name'] for one in page['nodes']]
        if 'next' not in page:
            break
        page = api.get(page['next']).json
    assert names == ['n1', 'n3', 'n5']


def test_what_belongs_to_a_node_is_found_by_its_name(api):
    """Ports and port groups of a node are not found by the node's name, nor ports of a group by that of the group."""
    node = api.node(name='n1')
    group = api.post('/v1/portgroups', {'node_uuid': node['uuid'], 'name': 'g1'}).json['uuid']
    api.post('/v1/ports', {'node_ident': 'n1', 'address': '52:54:00:00:00:01', 'portgroup_uuid': group})
    for path, plural in ((f'{NODE}/ports', 'ports'), (f'{NODE}/ports/detail', 'ports'), (f'{NODE}/portgroups', 'portgroups'),
                         (f'{NODE}/portgroups/detail', 'portgroups'), ('/v1/portgroups/g1/ports', 'ports')):
        answer = api.get(path)
        assert answer.status_code == 200, path
        assert len(answer.json[plural]) == 1, path


def test_inspection_rules_can_be_deleted_all_at_once(api):
    """DELETE of all inspection rules gives 500."""
    action = {'op': 'set-attribute', 'args': {'path': '/extra/a', 'value': 1}}
    for _ in range(2):
        assert api.post('/v1/inspection_rules', {'actions': [action]}).status_code == 201
    assert api.delete('/v1/inspection_rules').status_code == 204
    assert api.get('/v1/inspection_rules').json['inspection_rules'] == []


def test_an_inspection_rule_without_conditions_is_made_and_told_so(api):
    """POST of a rule without conditions gives 500, and yet makes it."""
    answer = api.post('/v1/inspection_rules', {'actions': [{'op': 'log', 'args': {'msg': 'x'}}]})
    assert answer.status_code == 201
    assert answer.json['conditions'] == []
    assert [one['uuid'] for one in api.get('/v1/inspection_rules').json['inspection_rules']] == [answer.json['uuid']]
    assert api.post('/v1/inspection_rules', {'actions': []}).status_code == 400
    assert len(api.get('/v1/inspection_rules').json['inspection_rules']) == 1


def test_links_lead_somewhere(api):
    """The links of inspection rules, and those to their next page, lead nowhere."""
    for _ in range(2):
        api.post('/v1/inspection_rules', {'actions': [{'op': 'log', 'args': {'msg': 'x'}}]})
    page = api.get('/v1/inspection_rules?limit=1').json
    [rule] = page['inspection_rules']
    for link in rule['links']:
        assert api.get(link['href']).json['uuid'] == rule['uuid']
    [other] = api.get(page['next']).json['inspection_rules']
    assert other['uuid'] != rule['uuid']


def test_a_path_of_a_patch_may_have_any_character(api):
    """The escapes ~0 and ~1, announced for years, are refused."""
    api.node(name='n1')
    answer = api.patch(NODE, [{'op': 'add', 'path': '/extra/a~1b~0c.d e:ü', 'value': 1}])
    assert answer.json['extra'] == {'a/b~c.d e:ü': 1}


def test_links_of_a_chassis_to_its_nodes_are_a_flat_list(api):
    """They come as a list inside of a list."""
    assert [link['rel'] for link in api.post('/v1/chassis', {}).json['nodes']] == ['self', 'bookmark']


@pytest.mark.parametrize(('method', 'path', 'status'), [
    ('GET', f'{NODE}/zzz', 404), ('GET', f'{NODE}/detail', 404), ('POST', NODE, 405), ('DELETE', '/v1/nodes', 405),
    ('PUT', '/v1/nodes', 405), ('PATCH', '/v1/nodes', 405), ('GET', '/v1/ports/p1/zzz', 404), ('HEAD', '/v1/nodes', 200),
    ('HEAD', '/v1/ports', 200), ('DELETE', '/v1/ports/p1', 204), ('GET', '/v1/zzz', 404)])
def test_a_place_that_is_not_there_is_not_found(api, method, path, status):
    """Unknown places below a resource are taken for bad arguments, HEAD of a list is refused, a port is not deleted by name."""
    api.node(name='n1')
    api.post('/v1/ports', {'node_ident': 'n1', 'name': 'p1', 'address': '52:54:00:00:00:01'})
    assert api(method, path, {} if method in ('POST', 'PUT') else [] if method == 'PATCH' else None).status_code == status


def test_a_conductor_that_lives_is_alive(whole):
    """In a single process, or on SQLite, conductors are never alive."""
    assert [(one['hostname'], one['alive']) for one in whole.get('/v1/conductors').json['conductors']] == [('here', True)]


def test_who_meets_a_lock_is_told_at_once_by_whom_what_for_and_since_when(house, whole, node):
    """A locked node is refused after seconds of waiting on the server, and nobody learns whose lock it is."""
    lease.take(house.database, node['uuid'], 'other', 'firmware update', 60)
    for method, path, body in (
            ('PUT', 'states/power', {'target': 'power on'}), ('PUT', 'states/provision', {'target': 'manage'}),
            ('PUT', 'management/boot_device', {'boot_device': 'pxe'}), ('PUT', 'states/boot_mode', {'target': 'bios'}),
            ('POST', 'vifs', {'id': 'v'}), ('PUT', 'management/inject_nmi', {}), ('DELETE', '', None)):
        answer = whole(method, f'{NODE}/{path}'.rstrip('/'), body)
        assert answer.status_code == 409, path
        assert 'locked by other for "firmware update" since 0 s' in fault(answer)
        assert int(answer.headers['Retry-After']) > 0
        assert (answer.json['code'], answer.json['retryable']) == ('locked', True)
        assert answer.json['remedy']
    assert whole.get(NODE).json['reservation'] == 'other'


def test_forty_allocations_at_once_all_find_a_node(whole):
    """Of many allocations at once some end in error, some stay "allocating" for ever, and connections are reset."""
    for number in range(40):
        whole.node(name=f'm{number}', resource_class='gang', driver='fake-hardware')
        path = f'/v1/nodes/m{number}/states/provision'
        for verb, state in (('manage', 'manageable'), ('provide', 'available')):
            assert whole.put(path, {'target': verb}).status_code == 202
            assert concurrency.wait_for(lambda: whole.get(f'/v1/nodes/m{number}').json['provision_state'] == state, 60)  # noqa: B023

    def allocate(number):
        return whole.post('/v1/allocations', {'name': f'a{number}', 'resource_class': 'gang'}).status_code
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        assert set(pool.map(allocate, range(40))) == {201}
    found = whole.get('/v1/allocations').json['allocations']
    assert {one['state'] for one in found} == {'active'}
    assert len({one['node_uuid'] for one in found}) == 40


@pytest.mark.parametrize(('verb', 'argument', 'state'), [
    ('clean', 'clean_steps', 'manageable'), ('service', 'service_steps', 'active')])
def test_a_step_that_does_not_exist_is_refused_before_anything_begins(whole, node, verb, argument, state):
    """Unknown steps are accepted, and then leave the node in a state of failure."""
    move(whole, 'manage')
    if state == 'active':
        move(whole, 'provide')
        assert move(whole, 'active')['provision_state'] == 'active'
    answer = whole.put(f'{NODE}/states/provision', {'target': verb, argument: [STEP]})
    assert answer.status_code == 400
    assert 'deploy.nonsense' in fault(answer)
    found = whole.get(NODE).json
    assert (found['provision_state'], found['maintenance'], found['last_error']) == (state, False, None)


def test_what_is_accepted_of_a_deploy_template_is_shown(api):
    """The description of a deploy template is taken, and never seen again."""
    steps = [{'interface': 'bios', 'step': 'apply_configuration', 'args': {}, 'priority': 10}]
    answer = api.post('/v1/deploy_templates', {'name': 'CUSTOM_A', 'description': 'why', 'steps': steps})
    if answer.status_code == 201:
        assert api.get('/v1/deploy_templates/CUSTOM_A').json['description'] == 'why'
    else:
        assert 'description' in fault(answer)


def test_the_last_error_stays_as_long_as_the_failure_and_no_longer(house, whole, node):
    """A look at the power erases it while the node is still failed, and recovery does not."""
    whole.patch(NODE, [{'op': 'add', 'path': '/driver_info/fake', 'value': {'power.state': {'fail': 'no luck'}}}])
    assert 'no luck' in move(whole, 'manage')['last_error']
    whole.patch(NODE, [{'op': 'remove', 'path': '/driver_info/fake'}])
    assert whole.put(f'{NODE}/states/power', {'target': 'power on'}).status_code in (202, 409)
    found = settled(whole)
    assert found['provision_state'] == 'enroll'
    assert move(whole, 'manage')['last_error'] is None


def test_an_error_is_readable_once_decoded_and_has_what_programs_need(api):
    """Errors are JSON inside of a string inside of JSON, and nothing else."""
    answer = api.get('/v1/nodes/nobody')
    assert json.loads(answer.json['error_message'])['faultstring'] == 'Node nobody could not be found.'
    assert {name: answer.json[name] for name in ('code', 'remedy', 'retryable')} == {
        'code': 'not-found', 'remedy': None, 'retryable': False}


@pytest.mark.parametrize('bad', ['x', '', 1, '1be26c0b'])
def test_an_allocation_takes_no_uuid_that_is_none(api, bad):
    """It is taken, and the allocation can never be deleted again."""
    assert api.post('/v1/allocations', {'uuid': bad, 'resource_class': 'c'}).status_code == 400
    assert api.get('/v1/allocations').json['allocations'] == []


def test_a_rebuild_needs_no_image_where_the_driver_needs_none(whole, node):
    """A rebuild without an image that can be read gives 500."""
    assert move(whole, 'manage', 'provide', 'active')['provision_state'] == 'active'
    whole.patch(NODE, [{'op': 'add', 'path': '/instance_info/image_source', 'value': str(uuid.uuid4())}])
    assert move(whole, 'rebuild')['provision_state'] == 'active'


def test_a_conductor_can_be_asked_for_with_other_fields(whole, node):
    """fields=uuid,conductor gives 500."""
    [found] = whole.get('/v1/nodes?fields=uuid,conductor').json['nodes']
    assert (found['uuid'], found['conductor']) == (node['uuid'], 'here')


@pytest.mark.parametrize('plural', ['ports', 'portgroups'])
@pytest.mark.parametrize('tail', ['', '/detail'])
def test_node_and_address_are_one_condition(api, plural, tail):
    """A list by node and address is refused, or shows other addresses of the node."""
    nodes = [api.node(name=f'n{number}')['uuid'] for number in range(2)]
    for number in range(4):
        answer = api.post(f'/v1/{plural}', {'node_uuid': nodes[number % 2], 'address': f'52:54:00:00:00:0{number}'})
        assert answer.status_code == 201, answer.text
    found = api.get(f'/v1/{plural}{tail}?node={nodes[0]}&address=52:54:00:00:00:02')
    assert [one['address'] for one in found.json[plural]] == ['52:54:00:00:00:02']
    assert api.get(f'/v1/{plural}{tail}?node={nodes[1]}&address=52:54:00:00:00:02').json[plural] == []


def test_a_verb_answers_at_once_however_long_its_work_takes(whole, node):
    """Requests that wait for machines run into the time limits of proxies."""
    whole.patch(NODE, [{'op': 'add', 'path': '/driver_info/fake', 'value': {'power.state': {'delay': 3}}}])
    assert whole.put(f'{NODE}/states/provision', {'target': 'manage'}).status_code == 202
    assert whole.get(NODE).json['provision_state'] == 'verifying'
    assert settled(whole)['provision_state'] == 'manageable'


def test_a_node_can_always_be_read_and_annotated_while_it_is_worked_on(house, whole, node):
    """Reading, or changing what is nobody's business but the client's, is refused because the node is busy."""
    lease.take(house.database, node['uuid'], 'other', 'inspection', 60)
    assert whole.get(f'{NODE}/states').status_code == 200
    assert whole.get(f'{NODE}/management/boot_device').status_code == 200
    assert whole.get(f'{NODE}/validate').status_code == 200
    assert whole.patch(NODE, [{'op': 'add', 'path': '/extra/a', 'value': 1}]).status_code == 200
    assert whole.put(f'{NODE}/maintenance', {'reason': 'a disk is on its way'}).status_code == 202
