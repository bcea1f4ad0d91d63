"""How vendor methods are passed on, and their answers given back."""

import pytest

from ingot import errors

TOLD = {'async': False, 'attach': False}


@pytest.mark.parametrize('verb', ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
@pytest.mark.parametrize('place', ['?method=m', '/m'])
def test_every_http_method_is_passed_on_with_its_body(api, conductor, verb, place):
    node, conductor.answers['m'] = api.node(), {**TOLD, 'answer': {'a': [1]}}
    answer = api(verb, f'/v1/nodes/{node["uuid"]}/vendor_passthru{place}', {'b': 2})
    assert (answer.status_code, answer.json) == (200, {'a': [1]})
    assert conductor.calls[-1] == ('vendor_call', node['uuid'], 'm', verb, {'b': 2})
    answer = api(verb, f'/v1/drivers/ipmi/vendor_passthru{place}')
    assert (answer.status_code, answer.json) == (200, {'a': [1]})
    assert conductor.calls[-1] == ('driver_call', 'ipmi', 'm', verb, {})


@pytest.mark.parametrize(('told', 'status', 'body', 'kind'), [
    ({**TOLD, 'answer': True}, 200, b'true', 'application/json'), ({**TOLD, 'answer': 0}, 200, b'0', 'application/json'),
    ({**TOLD, 'answer': ''}, 200, b'""', 'application/json'), ({**TOLD, 'answer': None}, 200, b'', None),
    ({'async': True, 'attach': False, 'answer': None}, 202, b'', None),
    ({**TOLD, 'attach': True, 'answer': 'caf\u00e9\n'}, 200, 'caf\u00e9\n'.encode(), 'application/octet-stream'),
    ({**TOLD, 'attach': True, 'answer': None}, 200, b'', 'application/octet-stream')])
def test_answers_of_all_kinds(api, conductor, told, status, body, kind):
    conductor.answers['m'] = told
    answer = api.post(f'/v1/nodes/{api.node()["uuid"]}/vendor_passthru?method=m', {})
    assert (answer.status_code, answer.body, answer.content_type) == (status, body, kind)


def test_what_the_conductor_refuses_reaches_the_client(api, conductor):
    uuid, conductor.error = api.node()['uuid'], errors.Locked('Somebody works on it.')
    assert api.post(f'/v1/nodes/{uuid}/vendor_passthru?method=m', {}).status_code == 409


def test_methods_of_a_driver(api):
    assert api.get('/v1/drivers/ipmi/vendor_passthru/methods').json == {'count': {'http_methods': ['GET']}}


@pytest.mark.parametrize('body', [b'[1]', b'null', b'"x"', b'3', b'{bad'])
def test_arguments_are_an_object(api, conductor, body):
    uuid = api.node()['uuid']
    assert api.post(f'/v1/nodes/{uuid}/vendor_passthru?method=m', body).status_code == 400
    assert not [call for call in conductor.calls if call[0] == 'vendor_call']
