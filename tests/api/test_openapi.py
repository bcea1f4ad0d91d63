"""The OpenAPI document is valid, whole, and true; the page for it needs nothing from outside. See also tests/http."""

import base64
import hashlib
import re

import openapi_spec_validator
import pytest
import schemathesis

from ingot.api import versions
from tests.fuzz import described

EXAMPLES = 5


@pytest.fixture
def document(api):
    return api.get('/openapi.json').json


def test_it_is_valid(document):
    openapi_spec_validator.validate(document)
    assert document['openapi'] == '3.1.0'


def test_the_bytes_are_made_once(api):
    first, again = api.get('/openapi.json'), api.get('/openapi.json')
    assert first.body == again.body


def test_every_answer_with_a_body_has_a_schema(document):
    lacking = [f'{method} {path}' for path, operations in document['paths'].items() for method, one in operations.items()
               for status, answer in one['responses'].items()
               if status < '3' and any(media['schema'] == {} for media in answer.get('content', {}).values())]
    assert {path for path in lacking if 'vendor_passthru' not in path} == set(), 'what a vendor answers is up to the vendor'


def test_fields_arguments_and_places_know_their_version(document):
    properties = document['components']['schemas']['Node']['properties']
    assert {name: one['x-since'] for name, one in properties.items() if 'x-since' in one} == versions.FIELDS['node']
    arguments = document['paths']['/v1/nodes']['get']['parameters']
    assert {one['name']: one['x-since'] for one in arguments if 'x-since' in one} == versions.FILTERS['node']
    assert document['paths']['/v1/nodes/{node}/traits/{trait}']['put']['x-since'] == 37
    assert 'x-since' not in document['paths']['/v1/nodes']['get']


def test_what_validates_is_what_is_told(document):
    schema = document['components']['schemas']['NodeBody']
    assert schema['required'] == ['driver']
    assert schema['properties']['resource_class']['maxLength'] == 80
    assert schema['properties']['resource_class']['type'] == ['string', 'null']
    assert schema['properties']['driver']['type'] == 'string'


def test_keys_and_generations_are_told(document):
    def names(path, method):
        return {one['$ref'].rpartition('/')[2] for one in document['paths'][path][method]['parameters'] if '$ref' in one}
    assert names('/v1/nodes', 'post') == {'version', 'idempotency_key'}
    assert names('/v1/nodes/{node}', 'patch') == {'version', 'if_match'}
    assert names('/v1/nodes/{node}/states/provision', 'put') == {'version', 'if_match', 'idempotency_key'}
    assert 'ETag' in document['paths']['/v1/nodes/{node}']['get']['responses']['200']['headers']


def test_the_page_runs_its_own_script_and_no_other(api):
    answer = api.get('/docs')
    policy, page = answer.headers['Content-Security-Policy'], answer.body
    for tag, directive in ((b'script', 'script-src'), (b'style', 'style-src')):
        [text] = re.findall(rb'<%s>(.*?)</%s>' % (tag, tag), page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not re.search(rb'https?://|//[a-z]+\.|innerHTML|\son[a-z]+=|style="', page)


def test_requests_made_from_the_document_are_never_too_much_for_us(whole):
    """More of them, against a server of its own: make fuzz."""
    whole.node(name='n1')
    assert {200, 400, 404} <= described.ask(schemathesis.openapi.from_wsgi('/openapi.json', whole.app), EXAMPLES).keys()
