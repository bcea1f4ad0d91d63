"""Bad input of every kind: a clear 4xx in the shape of all errors, and nothing changed."""

import json

import pytest

from ingot.api import guard

NODE = '/v1/nodes'
DEEP = b'{"a":' * 26 + b'1' + b'}' * 26
BODIES = {
    'not JSON': b'{bad', 'nothing but space': b' ', 'half of it': b'{"driver": "fake-hardware"', 'two documents': b'{}{}',
    'a comment': b'{} // x', 'single quotes': b"{'driver': 'x'}", 'NaN': b'{"driver": NaN}',
    'infinity': b'{"extra": {"a": Infinity}}',
    '1e400': b'{"driver": "fake-hardware", "extra": {"a": 1e400}}', 'bad UTF-8': b'{"driver": "\xff"}',
    'half a surrogate': b'{"driver": "\\ud800"}', 'a byte order mark of another encoding': b'\xff\xfe{\x00}\x00',
    'NUL': b'{"driver": "a\x00"}', 'NUL, escaped': b'{"driver": "fake-hardware", "name": "a\\u0000"}',
    'a list': b'[]', 'null': b'null', 'a string': b'"s"', 'a number': b'1', 'true': b'true',
    'a list of nodes': b'[{"driver": "x"}]',
    'the same member twice': b'{"driver": "fake-hardware", "driver": "fake-hardware"}',
    'twice, further in': b'{"driver": "fake-hardware", "extra": {"a": {"b": 1, "b": 2}}}',
    'deep': DEEP, 'deeper': b'[' * 100_000, 'deep and whole': b'{"extra":' + b'[' * 500 + b']' * 500 + b'}',
}
FIELDS = {
    'driver': [None, 1, [], {}, '', 'x' * 256, 'nobody'], 'name': [1, 'a b', 'a/b', '..', 'x' * 256, 'ü', 'detail', '',
    'a\n'],
    'uuid': ['x', '1be26c0b', '1be26c0b03f24d2eae87c02d7f33c123', None, 1], 'extra': ['s', [], 1, True],
    'properties': [[]], 'driver_info': ['hunter2'], 'maintenance': ['maybe', 2, None], 'resource_class': ['x' * 81, 1],
    'conductor_group': ['a b', None], 'instance_uuid': ['x'], 'chassis_uuid': ['x', '1be26c0b-03f2-4d2e-ae87-c02d7f33c123'],
    'description': ['x' * 4097], 'colour': ['red'], 'provision_state': ['active'], 'created_at': ['now'], 'protected': [True]}


def refused(answer, status=400):
    """The answer is a refusal that says what is wrong, once as old clients read it and once for new ones."""
    assert answer.status_code == status, answer.text
    told = json.loads(answer.json['error_message'])
    assert told.keys() == {'faultcode', 'faultstring', 'debuginfo'}
    assert told['faultcode'] == 'Client'
    assert len(told['faultstring']) > 10
    assert answer.json['code']
    return told['faultstring']


@pytest.mark.parametrize('body', BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(('method', 'path'), [('POST', NODE), ('POST', '/v1/ports'), ('POST', '/v1/chassis'),
                                              ('PATCH', f'{NODE}/n1'), ('PUT', f'{NODE}/n1/states/provision')])
def test_bodies(api, method, path, body):
    node = api.node(name='n1')
    if method == 'PATCH' and body == b'[]':
        return
    refused(api(method, path, body))
    assert api.get(f'{NODE}/n1').json == node
    assert len(api.get(NODE).json['nodes']) == 1


@pytest.mark.parametrize(('field', 'value'), [(field, value) for field, values in FIELDS.items() for value in values],
                         ids=lambda value: str(value)[:20])
def test_values(api, field, value):
    text = refused(api.post(NODE, {'driver': 'fake-hardware', field: value}))
    assert field in text or 'Chassis' in text
    assert 'hunter2' not in text
    assert api.get(NODE).json['nodes'] == []


@pytest.mark.parametrize('address', ['', 'x', '52:54:00:00:00', '52:54:00:00:00:0g', '525400000001', '00:00:00:00:00:00',
                                     'ff:ff:ff:ff:ff:ff', '52-54:00:00:00:01', None, 1])
def test_mac_addresses(api, address):
    refused(api.post('/v1/ports', {'node_uuid': api.node()['uuid'], 'address': address}))
    assert api.get('/v1/ports').json['ports'] == []


@pytest.mark.parametrize(('query', 'status'), [
    ('colour=red', 400), ('limit=0', 400), ('limit=-1', 400), ('limit=x', 400), ('limit=1e3', 400),
    ('limit=99999999999999999999', 400),
    ('limit=', 400), ('sort_key=extra', 400), ('sort_key=nothing', 400), ('sort_dir=up', 400), ('fields=nothing', 400),
    ('fields=', 400),
    ('fields=uuid&detail=true', 400), ('maintenance=maybe', 400), ('chassis_uuid=x', 400), ('limit=1&limit=2', 400),
    ('%ff=1', 400),
    ('limit=%ff', 400), ('marker=1be26c0b-03f2-4d2e-ae87-c02d7f33c123', 404), ('&'.join(['a=1'] * 101), 400),
    ('instance_uuid=%00', 400)])
def test_queries(api, query, status):
    refused(api.get(f'{NODE}?{query}'), status)


@pytest.mark.parametrize('operation', [
    {'op': 'test', 'path': '/extra', 'value': {}}, {'op': 'copy', 'from': '/extra', 'path': '/name'},
    {'op': 'move', 'from': '/extra/a', 'path': '/extra/b'}, {'op': 'add', 'path': 'extra', 'value': {}},
    {'op': 'add', 'path': '/', 'value': 1}, {'op': 'add', 'path': '', 'value': {}}, {'op': 'add', 'path': '/colour',
    'value': 1},
    {'op': 'replace', 'path': '/extra/~2', 'value': 1}, {'op': 'replace', 'path': '/extra/~', 'value': 1}, {'op': 'add',
    'path': '/extra/a'},
    {'op': 'remove', 'path': '/extra/nothing'}, {'op': 'remove', 'path': '/driver'}, {'op': 'remove', 'path': '/uuid'},
    {'op': 'add', 'path': '/extra/a', 'value': 1, 'colour': 1}, {'op': 'replace', 'path': '/extra', 'value': []},
    {'path': '/extra'}, 'add',
    {'op': 'add', 'path': 1, 'value': 1}, {'op': 'add', 'path': '/provision_state', 'value': 'active'}], ids=str)
def test_patches_change_all_or_nothing(api, operation):
    node = api.node(name='n1', extra={'l': [1]})
    refused(api.patch(f'{NODE}/n1', [{'op': 'add', 'path': '/extra/first', 'value': 1}, operation]))
    assert api.get(f'{NODE}/n1').json == node


def test_escapes_in_a_patch_are_those_of_json_pointers(api):
    api.node(name='n1')
    answer = api.patch(f'{NODE}/n1', [{'op': 'add', 'path': '/extra/a~1b~0c~01', 'value': 1}])
    assert answer.json['extra'] == {'a/b~c~1': 1}


@pytest.mark.parametrize('path', ['..', '../nodes', '%2e%2e', 'n1/..', 'n1/../../v1', '%2e%2e/%2e%2e/etc/passwd',
    '..%2f..%2fetc%2fpasswd',
                                  'n1%00', '%00', 'n1%0a', "n1'--", 'a%20b', '%f0%9f%98%80', 'n' * 300, 'n1//states', ';n1'])
def test_idents_are_no_way_out(api, path):
    api.node(name='n1')
    refused(api.get(f'{NODE}/{path}'), 404)
    refused(api.delete(f'{NODE}/{path}'), 404)
    assert api.get(f'{NODE}/n1').status_code == 200


def test_a_path_that_is_not_utf8(api):
    refused(api.get(f'{NODE}/%ff'))


@pytest.mark.parametrize(('name', 'value', 'status'), [
    ('Content-Type', 'text/plain', 415), ('Content-Type', 'multipart/form-data; boundary=x', 415), ('Content-Type', '', 415),
    ('Content-Type', 'application/jsonp', 415), ('Content-Length', '-1', 400), ('Content-Length', 'x', 400),
    ('Content-Length', '1e3', 400),
    ('Content-Length', '\u0663', 400), ('Content-Length', '99', 400), ('Content-Length', str(2**40), 413),
    ('X-OpenStack-Ironic-API-Version', 'x', 406), ('X-OpenStack-Ironic-API-Version', '1.0', 406),
    ('X-OpenStack-Ironic-API-Version', '1.116', 406), ('X-OpenStack-Ironic-API-Version', '2.1', 406),
    ('X-OpenStack-Ironic-API-Version', '1.1.1', 406), ('X-OpenStack-Ironic-API-Version', '1.' + '9' * 5000, 406),
    ('X-OpenStack-Ironic-API-Version', '-1.5', 406), ('Idempotency-Key', 'a b', 400)])
def test_headers_that_lie(api, name, value, status):
    text = refused(api.post(NODE, {'driver': 'fake-hardware'}, **{name.replace('-', '_'): value}), status)
    assert len(text) < 300, 'what was sent is not repeated at length'
    assert api.get(NODE).json['nodes'] == []


def test_a_body_that_is_shorter_than_it_says(api):
    refused(api.post(NODE, b'{"driver": "fake-hardware"}', Content_Length='26'))


@pytest.mark.parametrize(('etag', 'status'), [('"0"', 412), ('"x"', 412), ('', 412), ('1', 412), ('"1", "2"', 200),
    ('*', 200), ('"1"', 200),
                                              ('"' + '9' * 5000 + '"', 412)])
def test_if_match(api, etag, status):
    api.node(name='n1')
    for answer in (api.put(f'{NODE}/n1/traits', {'traits': ['CUSTOM_A']}, If_Match='"0"'),
    api.delete(f'{NODE}/n1', If_Match='"0"'),
                   api.put(f'{NODE}/n1/maintenance', {}, If_Match='"0"'),
                   api.delete(f'{NODE}/n1/maintenance', If_Match='"0"'),
                   api.put(f'{NODE}/n1/states/power', {'target': 'power on'}, If_Match='"0"'),
                   api.put(f'{NODE}/n1/states/provision', {'target': 'manage'}, If_Match='"0"')):
        refused(answer, 412)
    assert api.patch(f'{NODE}/n1', [{'op': 'add', 'path': '/extra/a', 'value': 1}], If_Match=etag).status_code == status


@pytest.mark.parametrize('size', [guard.LIMIT + 1, 3 * guard.LIMIT])
def test_huge_bodies(api, size):
    refused(api.post(NODE, b'{"a": "' + b'x' * size + b'"}'), 413)


def test_a_method_that_nobody_knows(api):
    for method in ('TRACE', 'FOO', 'PROPFIND', 'x' * 500):
        answer = api(method, NODE)
        refused(answer, 405)
        assert answer.headers['Allow'] == 'HEAD, GET, POST, OPTIONS'


@pytest.mark.parametrize('path', ['/v1/nodes', '/v1/nodes/n1', '/v1', '/', '/v1/nodes/nobody', '/nowhere'])
def test_head_is_get_without_its_body(api, path):
    api.node(name='n1')
    head, get = api('HEAD', path), api.get(path)
    assert head.body == b''
    assert (head.status, head.headers['Content-Length']) == (get.status, get.headers['Content-Length'])
    assert head.headers.get('ETag') == get.headers.get('ETag')
