from tests.api.conftest import add_conductor, fault


def test_drivers_are_what_living_conductors_offer(api, database):
    add_conductor(database, 'c2')
    add_conductor(database, 'dead', seconds=-1)
    drivers = api.get('/v1/drivers').json['drivers']
    assert [(one['name'], one['hosts'], one['type']) for one in drivers] == [
        ('fake-hardware', ['c1', 'c2'], 'dynamic'), ('ipmi', ['c1', 'c2'], 'dynamic')]
    assert drivers[0].keys() == {'name', 'hosts', 'links', 'properties', 'type'}
    assert api.get('/v1/drivers', version='1.29').json['drivers'][0].keys() == {'name', 'hosts', 'links', 'properties'}
    assert api.get('/v1/drivers', version='1.13').json['drivers'][0].keys() == {'name', 'hosts', 'links'}


def test_one_driver_shows_its_interfaces(api):
    driver = api.get('/v1/drivers/fake-hardware').json
    assert driver['default_boot_interface'] == 'fake'
    assert driver['enabled_boot_interfaces'] == ['fake', 'other']
    assert driver['default_bios_interface'] is None
    assert api.get('/v1/drivers?detail=true').json['drivers'][0] == driver
    assert api.get('/v1/drivers?fields=name,hosts').json['drivers'][0].keys() == {'name', 'hosts', 'links'}
    assert api.get('/v1/drivers/ipmi/properties').json == {'ipmi_address': 'Address of the BMC.'}
    assert api.get('/v1/drivers?type=classic').json == {'drivers': []}
    assert 'ipmi' in fault(api.get('/v1/drivers/redfish'))
    for path in ('/v1/drivers/redfish', '/v1/drivers/redfish/properties'):
        assert api.get(path).status_code == 404
    for query in ('type=x', 'fields=x', 'detail=true&fields=name', 'zzz=1'):
        assert api.get(f'/v1/drivers?{query}').status_code == 400


def test_conductors_are_alive_while_their_heart_beats(api, database):
    add_conductor(database, 'c2', seconds=60)
    add_conductor(database, 'c3', seconds=-1)
    conductors = api.get('/v1/conductors').json['conductors']
    assert [(one['hostname'], one['alive']) for one in conductors] == [('c1', True), ('c2', True), ('c3', False)]
    one = api.get('/v1/conductors/c2').json
    assert one['drivers'] == ['fake-hardware', 'ipmi']
    assert api.get('/v1/conductors?detail=true').json['conductors'][1] == one
    assert api.get('/v1/conductors/c9').status_code == 404


def test_conductors_are_paged_by_hostname(api, database):
    for name in ('c2', 'c3'):
        add_conductor(database, name)
    page = api.get('/v1/conductors?limit=2&sort_dir=desc&sort_key=hostname').json
    assert [one['hostname'] for one in page['conductors']] == ['c3', 'c2']
    page = api.get(page['next'].removeprefix('http://localhost:80')).json
    assert [one['hostname'] for one in page['conductors']] == ['c1']
    assert api.get('/v1/conductors?marker=zzz').status_code == 404
    assert api.get('/v1/conductors?fields=zzz').status_code == 400
