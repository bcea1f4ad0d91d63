import io

import pytest

from tests.api.conftest import fault

NODE = '/v1/nodes'


@pytest.fixture(autouse=True)
def node(api):
    return api.node(name='n1')


@pytest.mark.parametrize(('body', 'status'), [
    (b'{bad', 400), (b'', 400), (b'[]', 400), (b'null', 400), (b'"s"', 400), (b'3', 400), (b'true', 400),
    (b'{"driver": NaN}', 400),
    (b'{"extra": {"a": 1e400}, "driver": "ipmi"}', 400), (b'{"driver": "\xff"}', 400), (b'{"driver": "\\ud800"}', 400),
    (b'{"driver": "ipmi"} more', 400), (b'{"driver": "ipmi", "driver": "fake-hardware"}', 400),
    (b'{"driver": Infinity}', 400),
    (b'{"driver": "ipmi", "extra": {"a": {"b": 1, "b": 2}}}', 400), (b'\xef\xbb\xbf{"driver": "ipmi"}', 400),
    (b'[' * 100_000, 400), (b'{"a":' * 100_000, 400), (
        b'{"driver": "ipmi", "extra": ' + b'{"a":' * 30 + b'1' + b'}' * 31, 400),
    (b'{"driver": "ipmi", "extra": {"a": "' + b'x' * 1024 * 1024 + b'"}}', 413), (b'{"driver": "ip\0mi"}', 400)])
def test_a_bad_body_is_refused_and_nothing_changes(api, body, status):
    answer = api.post(NODE, body)
    assert answer.status_code == status
    assert answer.json['code'] == {400: 'invalid', 413: 'too-large'}[status]
    assert len(answer.body) < 1000
    assert len(api.get(NODE).json['nodes']) == 1


@pytest.mark.parametrize('body', [
    b'{"driver": "ipmi", "extra": ' + b'{"a":' * 20 + b'1' + b'}' * 21,
    b'{"driver": "ipmi", "extra": {"a": 1234567890123456789012345}}',
    b'{"driver": "ipmi", "extra": {"a": "\\u0000"}}', b'{"driver": "ipmi", "extra": {"a": [' + b'[],' * 500 + b'{}]}}',
    b' \n{"driver": "ipmi", "extra": {"": "\xf0\x9f\x98\x80"}}', b'{"driver": "ipmi", "extra": {"a": ' + b'9' * 300 + b'}}'])
def test_an_odd_body_is_fine(api, body):
    answer = api.post(NODE, body)
    assert answer.status_code == 201
    assert api.get(f'{NODE}/{answer.json["uuid"]}').json['extra'] == answer.json['extra']


@pytest.mark.parametrize('content_type', ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', '', 'json',
                                          'multipart/form-data; boundary=x'])
def test_what_does_not_claim_to_be_json_is_refused(api, content_type):
    answer = api.post(NODE, {'driver': 'ipmi'}, Content_Type=content_type)
    assert answer.status_code == 415
    assert 'application/json' in fault(answer)


@pytest.mark.parametrize('content_type', ['application/json', 'application/json; charset=UTF-8', 'APPLICATION/JSON'])
def test_json_by_any_spelling_is_fine(api, content_type):
    assert api.post(NODE, {'driver': 'ipmi'}, Content_Type=content_type).status_code == 201
    assert api.patch('/v1/nodes/n1', [], Content_Type='application/json-patch+json').status_code == 200


@pytest.mark.parametrize(('length', 'status'), [('x', 400), ('-1', 400), ('100', 400), ('99999999', 413), ('1e3', 400),
    ('٣', 400)])
def test_a_length_that_lies_is_refused(api, length, status):
    assert call(api, {'CONTENT_LENGTH': length}, b'{"driver": "ipmi"}') == str(status)


def test_a_chunked_body_is_read_to_its_end_and_no_further_than_the_limit(api):
    assert call(api, {'HTTP_TRANSFER_ENCODING': 'chunked'}, b'{"driver": "ipmi"}') == '201'
    assert call(api, {'HTTP_TRANSFER_ENCODING': 'chunked'}, b' ' * 2_000_000) == '413'


def call(api, environ, body):
    """The status of a POST with a WSGI environment that no client library would make."""
    statuses = []
    api.app({'REQUEST_METHOD': 'POST', 'PATH_INFO': NODE, 'QUERY_STRING': '', 'SERVER_NAME': 'x', 'SERVER_PORT': '80',
             'SERVER_PROTOCOL': 'HTTP/1.1', 'wsgi.url_scheme': 'http', 'wsgi.input': io.BytesIO(body),
             'CONTENT_TYPE': 'application/json', **environ}, lambda status, headers, *rest: statuses.append(status[:3]))
    return statuses[0]


def test_paths_that_are_no_text_are_refused(api):
    assert call(api, {'REQUEST_METHOD': 'GET', 'PATH_INFO': '/v1/nodes/\xff'}, b'') == '400'
    assert api.get('/v1/nodes?driver=%zz').status_code == 200
    assert api.get('/v1/nodes?' + '&'.join(['fields=name'] * 200)).status_code == 400


@pytest.mark.parametrize('accept', ['text/html', 'application/xml', 'text/html,*/*;q=0.1', 'rubbish', '', '*/*',
    'image/png;q=zzz'])
def test_the_answer_is_json_whatever_is_accepted(api, accept):
    answer = api.get(NODE, Accept=accept)
    assert answer.status_code == 200
    assert answer.headers['Content-Type'] == 'application/json'


def test_a_body_where_none_belongs_is_not_looked_at(api):
    assert api('GET', '/v1/nodes/n1', {'driver': 'ipmi'}).status_code == 200


def test_links_follow_the_host_header_or_the_option(api, conf):
    assert api.get(NODE, Host='ingot.example:6385').json['nodes'][0]['links'][0]['href'].startswith('http://ingot.example:6385/v1/')
    answer = api.get(NODE, Host='evil"</x>')
    assert answer.json['nodes'][0]['links'][0]['href'].startswith('http://evil%22%3C%2Fx%3E/v1/')
    conf.set_override('public_endpoint', 'https://metal.example/baremetal/', 'api')
    assert api.get(NODE).json['nodes'][0]['links'][1]['href'].startswith('https://metal.example/baremetal/nodes/')


def test_discovery(api):
    root = api.get('/', version=None).json
    assert root['default_version']['id'] == 'v1'
    assert root['versions'] == [root['default_version']]
    assert (root['versions'][0]['min_version'], root['versions'][0]['version']) == ('1.1', '1.115')
    for path in ('/v1', '/v1/'):
        answer = api.get(path).json
        assert answer['version'] == root['default_version']
        assert {'nodes', 'ports', 'chassis', 'drivers', 'conductors'} <= answer.keys()
        assert 'conductors' not in api.get(path, version='1.48').json
    assert api.post('/v1', {}).status_code == 405
