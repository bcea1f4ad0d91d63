"""Allocations: who asks for a node gets one that fits, or is told why there is none; no node is given twice."""

import threading
import uuid

import pytest

from tests.api.conftest import set_columns


@pytest.fixture
def make(api, database):
    """A function that makes an available node."""
    def make(**values):
        node = api.node(**{'resource_class': 'gold', **values})
        set_columns(database, node['uuid'], provision_state='available', power_state='power off')
        return node['uuid']
    return make


def allocate(api, **values):
    """The allocation, decided on, as the API shows it."""
    answer = api.post('/v1/allocations', {'resource_class': 'gold', **values})
    assert answer.status_code == 201, answer.text
    return api.get(f'/v1/allocations/{answer.json["uuid"]}').json


def set_traits(api, node, *traits):
    assert api.put(f'/v1/nodes/{node}/traits', {'traits': list(traits)}).status_code == 204


def test_the_answer_says_allocating_and_the_next_look_active(api, make):
    node = make()
    answer = api.post('/v1/allocations', {'resource_class': 'gold', 'name': 'mine', 'extra': {'a': 1}})
    made = answer.json
    assert (answer.status_code, made['state'], made['node_uuid'], made['last_error']) == (201, 'allocating', None, None)
    assert answer.headers['Location'].endswith(f'/v1/allocations/{made["uuid"]}')
    found = api.get('/v1/allocations/mine').json
    assert (found['state'], found['node_uuid'], found['extra'], found['traits']) == ('active', node, {'a': 1}, [])
    shown = api.get(f'/v1/nodes/{node}').json
    assert (shown['instance_uuid'], shown['allocation_uuid']) == (made['uuid'], made['uuid'])
    assert api.get(f'/v1/nodes/{node}/allocation').json == found


def test_forty_at_once_get_forty_nodes(api, make):
    nodes = {make(name=f'n{number}') for number in range(40)}
    found, start = [], threading.Barrier(40)

    def ask():
        start.wait(30)
        found.append(allocate(api))
    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [one['state'] for one in found] == ['active'] * 40
    assert {one['node_uuid'] for one in found} == nodes
    assert allocate(api)['state'] == 'error'


def test_a_node_must_fit(api, make, database):
    others = {'maintenance': True}, {'power_state': None}, {'instance_uuid': str(uuid.uuid4())}, {'provision_state': 'manageable'}
    for values in others:
        set_columns(database, make(), **values)
    make(resource_class='silver')
    rich, poor = make(), make()
    set_traits(api, rich, 'CUSTOM_A', 'CUSTOM_B')
    set_traits(api, poor, 'CUSTOM_AB')
    assert allocate(api, traits=['CUSTOM_A'])['node_uuid'] == rich
    none = allocate(api, traits=['CUSTOM_A'])
    assert (none['state'], none['node_uuid']) == ('error', None)
    assert allocate(api)['node_uuid'] == poor
    assert 'gold' in none['last_error']
    assert '0 with trait CUSTOM_A' in none['last_error']


def test_the_error_tells_what_left_no_node(api, make, database):
    make(resource_class='silver')
    set_columns(database, make(), maintenance=True)
    error = allocate(api)['last_error']
    assert 'no available nodes match resource class gold' in error
    assert '1 available, powered and not in maintenance' in error
    assert '0 of resource class gold' in error


def test_candidates_owners_and_the_name(api, make):
    nodes = [make(name=name, owner=owner) for name, owner in (('n0', None), ('n1', 'alice'), ('n2', 'bob'), ('n3', None))]
    lent = make(lessee='alice')
    assert allocate(api, candidate_nodes=['n3', nodes[2]])['candidate_nodes'] == [nodes[3], nodes[2]]
    assert {allocate(api, owner='alice')['node_uuid'] for _ in range(2)} == {nodes[1], lent}
    assert allocate(api, owner='alice')['state'] == 'error'
    assert allocate(api, candidate_nodes=['n1'])['state'] == 'error'
    named = make(name='web')
    assert allocate(api, name='web')['node_uuid'] == named


@pytest.mark.parametrize('body', [
    {}, {'uuid': 'x', 'resource_class': 'gold'}, {'resource_class': ''}, {'resource_class': 'x' * 81}, {'node': 'nobody'},
    {'resource_class': 'gold', 'candidate_nodes': ['nobody']}, {'resource_class': 'gold', 'traits': ['gold']},
    {'resource_class': 'gold', 'name': 'a b'}, {'resource_class': 'gold', 'state': 'active'},
    {'resource_class': 'gold', 'candidate_nodes': 'n1'}])
def test_bad_allocations_are_refused(api, body):
    assert api.post('/v1/allocations', body).status_code == 400
    assert api.get('/v1/allocations').json == {'allocations': []}


def test_no_candidates_are_no_condition(api, make):
    node = make()
    assert allocate(api, candidate_nodes=[], traits=None)['node_uuid'] == node


def test_a_uuid_that_is_an_instance_already_is_refused(api, make, database):
    taken = str(uuid.uuid4())
    set_columns(database, make(), instance_uuid=taken)
    make()
    assert api.post('/v1/allocations', {'resource_class': 'gold', 'uuid': taken}).status_code == 409
    assert api.get('/v1/allocations').json == {'allocations': []}


def test_an_active_node_is_given_its_allocation_afterwards(api, make, database):
    node, instance = make(name='n1'), str(uuid.uuid4())
    body = {'node': 'n1', 'name': 'late'}
    assert api.post('/v1/allocations', body).status_code == 409, 'it is not active'
    set_columns(database, node, provision_state='active', instance_uuid=instance)
    for wrong in ({'resource_class': 'silver'}, {'traits': ['CUSTOM_A']}, {'uuid': str(uuid.uuid4())},
                  {'candidate_nodes': [make()]}):
        assert api.post('/v1/allocations', {**body, **wrong}).status_code == 409
    made = api.post('/v1/allocations', {**body, 'candidate_nodes': ['n1']}).json
    assert (made['uuid'], made['state'], made['node_uuid'], made['resource_class']) == (instance, 'active', node, 'gold')
    assert api.get('/v1/nodes/n1').json['allocation_uuid'] == instance
    assert api.post('/v1/allocations', {'node': 'n1'}).status_code == 409
    assert api.post('/v1/allocations', body, version='1.57').status_code == 406


def test_deleting_frees_the_node_unless_it_is_in_use(api, make, database):
    node = make()
    found = allocate(api)
    path = f'/v1/allocations/{found["uuid"]}'
    for state, target in (('active', None), ('deploying', 'active'), ('cleaning', 'available'), ('wait call-back', 'active')):
        set_columns(database, node, provision_state=state, target_provision_state=target)
        assert api.delete(path).status_code == 409
        assert api.delete(f'/v1/nodes/{node}/allocation').status_code == 409
    set_columns(database, node, provision_state='deploy failed', target_provision_state='active')
    assert api.delete(path).status_code == 204
    shown = api.get(f'/v1/nodes/{node}').json
    assert (shown['instance_uuid'], shown['allocation_uuid']) == (None, None)
    assert api.get(path).status_code == 404
    assert api.get(f'/v1/nodes/{node}/allocation').status_code == 404


def test_maintenance_lets_everything_go(api, make, database):
    node = make()
    allocate(api)
    set_columns(database, node, provision_state='active', maintenance=True)
    assert api.delete(f'/v1/nodes/{node}/allocation').status_code == 204
    assert api.get('/v1/allocations').json == {'allocations': []}


def test_releasing_the_instance_by_a_patch_takes_the_allocation_along(api, make, database):
    node = make()
    allocate(api)
    set_columns(database, node, provision_state='active')
    assert api.patch(f'/v1/nodes/{node}', [{'op': 'remove', 'path': '/instance_uuid'}]).status_code == 409
    set_columns(database, node, provision_state='available')
    shown = api.patch(f'/v1/nodes/{node}', [{'op': 'remove', 'path': '/instance_uuid'}]).json
    assert (shown['instance_uuid'], shown['allocation_uuid']) == (None, None)
    assert api.get('/v1/allocations').json == {'allocations': []}


def test_deleting_a_node_takes_its_allocation_along(api, make, database):
    node = make()
    allocate(api)
    set_columns(database, node, maintenance=True)
    assert api.delete(f'/v1/nodes/{node}').status_code == 204
    assert api.get('/v1/allocations').json == {'allocations': []}


def test_name_and_extra_change_and_nothing_else(api, make):
    make()
    path = f'/v1/allocations/{allocate(api, name="a")["uuid"]}'
    changed = api.patch(path, [{'op': 'replace', 'path': '/name', 'value': 'b'}, {'op': 'add', 'path': '/extra/x', 'value': 1}])
    assert (changed.json['name'], changed.json['extra']) == ('b', {'x': 1})
    for name, value in (('state', 'error'), ('resource_class', 'x'), ('node_uuid', None), ('traits', []), ('owner', 'x')):
        assert api.patch(path, [{'op': 'replace', 'path': f'/{name}', 'value': value}]).status_code == 400
    assert api.patch(path, [], version='1.56').status_code == 405
    assert api.patch(path, [], version='1.57').status_code == 200


def test_filters_fields_and_versions(api, make):
    node = make(name='n1')
    good, bad = allocate(api, owner=None), allocate(api, resource_class='none', owner='bob')
    for query, wanted in ((f'node={node}', [good]), ('node=n1', [good]), ('state=error', [bad]), ('owner=bob', [bad]),
                          ('resource_class=gold', [good]), ('state=active&owner=bob', [])):
        assert api.get(f'/v1/allocations?{query}').json['allocations'] == wanted, query
    assert api.get('/v1/allocations?fields=uuid,state&limit=1').json['allocations'][0].keys() == {'uuid', 'state', 'links'}
    assert 'owner' not in api.get(f'/v1/allocations/{bad["uuid"]}', version='1.59').json
    assert api.get('/v1/allocations?owner=bob', version='1.59').status_code == 406
    assert api.get('/v1/allocations', version='1.51').status_code == 404
    assert api.post('/v1/allocations', {'resource_class': 'gold'}, version='1.51').status_code == 405
    assert api.get(f'/v1/nodes/{node}/allocation', version='1.51').status_code == 404
