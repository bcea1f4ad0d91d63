import pytest

from ingot import errors
from ingot.api import versions, views
from tests.api.conftest import fault


@pytest.mark.parametrize(('wanted', 'served'), [
    (None, '1.1'), ('1.1', '1.1'), ('1.42', '1.42'), ('1.115', '1.115'), ('latest', '1.115'), (' Latest ', '1.115')])
def test_the_wanted_version_is_served(api, wanted, served):
    answer = api.get('/v1/nodes', version=wanted)
    assert answer.status_code == 200
    assert answer.headers['X-OpenStack-Ironic-API-Version'] == served
    assert answer.headers['X-OpenStack-Ironic-API-Minimum-Version'] == '1.1'
    assert answer.headers['X-OpenStack-Ironic-API-Maximum-Version'] == '1.115'


@pytest.mark.parametrize('wanted', ['1.0', '1.116', '2.1', '0.1', '1', 'x', '1.1.1', '-1.1', '1.99999', '1.\u0661'])
def test_any_other_version_is_not_acceptable(api, wanted):
    answer = api.get('/v1/nodes', version=wanted.encode().decode('latin-1'))
    assert answer.status_code == 406
    assert '1.1 to 1.115' in fault(answer)
    assert 'X-OpenStack-Ironic-API-Version' not in answer.headers
    assert answer.headers['X-OpenStack-Ironic-API-Maximum-Version'] == '1.115'


@pytest.mark.parametrize(('header', 'served'), [
    ('baremetal 1.30', '1.30'), ('compute 2.1, baremetal 1.31', '1.31'), ('compute 2.1', '1.1'), ('baremetal latest',
    '1.115')])
def test_the_generic_header_is_understood(api, header, served):
    answer = api.get('/v1/nodes', version=None, OpenStack_API_Version=header)
    assert answer.headers['X-OpenStack-Ironic-API-Version'] == served


def test_a_field_is_shown_from_its_version_on(api):
    uuid = api.node(name='n')['uuid']
    for field, since in versions.FIELDS['node'].items():
        assert field in api.get(f'/v1/nodes/{uuid}', version=f'1.{since}').json, field
        assert field not in api.get(f'/v1/nodes/{uuid}', version=f'1.{since - 1}').json, field


def test_every_field_of_the_tables_is_one_that_answers_have():
    for noun in (views.NODE, views.PORT, views.CHASSIS):
        assert versions.FIELDS[noun.name].keys() <= {*noun.fields, 'node_ident'}


@pytest.mark.parametrize(('path', 'least'), [
    ('/v1/nodes?fields=uuid', 8), ('/v1/nodes?provision_state=enroll', 9), ('/v1/nodes?shard=a', 82),
    ('/v1/nodes?fields=uuid,owner', 50), ('/v1/nodes?sort_key=owner', 50),
    ('/v1/drivers?type=dynamic', 30), ('/v1/nodes?conductor_group=', 46)])
def test_a_newer_argument_is_not_acceptable_below_its_version(api, path, least):
    assert api.get(path, version=f'1.{least}').status_code == 200
    answer = api.get(path, version=f'1.{least - 1}')
    assert answer.status_code == 406
    assert f'1.{least}' in answer.json['remedy']


@pytest.mark.parametrize('plural', ['nodes', 'ports', 'portgroups', 'chassis'])
def test_detail_is_an_unknown_argument_below_its_version(api, plural):
    assert api.get(f'/v1/{plural}?detail=true', version='1.43').status_code == 200
    assert api.get(f'/v1/{plural}?detail=true', version='1.42').status_code == 400


def test_a_newer_field_is_not_accepted_below_its_version(api):
    assert api.post('/v1/nodes', {'driver': 'ipmi', 'resource_class': 'x'}, version='1.20').status_code == 406
    assert api.post('/v1/nodes', {'driver': 'ipmi', 'resource_class': 'x'}, version='1.21').status_code == 201


def test_a_newer_endpoint_is_not_there_below_its_version(api):
    assert api.get('/v1/conductors', version='1.48').status_code == 404
    assert api.get('/v1/conductors', version='1.49').status_code == 200


@pytest.mark.parametrize(('state', 'minor', 'shown'), [
    ('available', 1, None), ('available', 2, 'available'), ('inspect wait', 38, 'inspecting'),
    ('inspect wait', 39, 'inspect wait'), ('active', 1, 'active')])
def test_states_are_shown_as_the_version_knows_them(state, minor, shown):
    assert versions.state(state, minor) == shown


def test_require_names_the_newest_version_needed():
    with pytest.raises(errors.NotAcceptable, match=r'a, b needs API version 1\.9; the request asks for 1\.2'):
        versions.require('Field', {'a': 5, 'b': 9, 'c': 1}, ['a', 'b', 'c'], 2)
