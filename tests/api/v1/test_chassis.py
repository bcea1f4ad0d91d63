def test_a_chassis_lives(api):
    answer = api.post('/v1/chassis', {'description': 'rack 1', 'extra': {'a': 1}})
    chassis = answer.json
    uuid = chassis['uuid']
    assert answer.status_code == 201
    assert answer.headers['Location'].endswith(f'/v1/chassis/{uuid}')
    assert [link['rel'] for link in chassis['nodes']] == ['self', 'bookmark']
    assert api.get(f'/v1/chassis/{uuid}').json == chassis
    assert api.get('/v1/chassis').json['chassis'][0].keys() == {'uuid', 'description', 'links'}
    assert api.get('/v1/chassis/detail').json['chassis'] == [chassis]
    changed = api.patch(f'/v1/chassis/{uuid}', [{'op': 'replace', 'path': '/description', 'value': 'rack 2'}])
    assert (changed.json['description'], changed.headers['ETag']) == ('rack 2', '"2"')
    assert api.patch(f'/v1/chassis/{uuid}', [], If_Match='"1"').status_code == 412
    assert api.delete(f'/v1/chassis/{uuid}').status_code == 204
    assert api.get(f'/v1/chassis/{uuid}').status_code == 404


def test_a_chassis_with_nodes_stays(api):
    uuid = api.post('/v1/chassis', {}).json['uuid']
    node = api.node(name='n1', chassis_uuid=uuid)
    api.node(name='n2')
    assert node['chassis_uuid'] == uuid
    assert [one['uuid'] for one in api.get(f'/v1/chassis/{uuid}/nodes').json['nodes']] == [node['uuid']]
    assert [one['uuid'] for one in api.get(f'/v1/nodes?chassis_uuid={uuid}').json['nodes']] == [node['uuid']]
    assert api.delete(f'/v1/chassis/{uuid}').status_code == 400
    assert api.patch('/v1/nodes/n1', [{'op': 'remove', 'path': '/chassis_uuid'}]).json['chassis_uuid'] is None
    assert api.delete(f'/v1/chassis/{uuid}').status_code == 204


def test_bad_chassis_are_refused(api):
    for body in ({'description': 'x' * 256}, {'extra': []}, {'nodes': []}, {'uuid': 'x'}):
        assert api.post('/v1/chassis', body).status_code == 400
    assert api.get('/v1/chassis').json == {'chassis': []}
    assert api.get('/v1/chassis/1be26c0b-03f2-4d2e-ae87-c02d7f33c123/nodes').status_code == 404
