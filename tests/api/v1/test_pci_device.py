"""/v1/pci_devices: what operators let others have; the host's list has the last word."""

import pytest

from tests import pci
from tests.api.conftest import fault


@pytest.fixture
def node(api):
    return api.node(name='n1')['uuid']


def wish(api, state, device='0000:00:00.0', **headers):
    return api.patch(f'/v1/nodes/n1/pci_devices/{device}', [{'op': 'replace', 'path': '/state', 'value': state}], **headers)


def test_the_way_of_a_device_through_the_hands_of_an_operator(api, database, node):
    pci.add(database, node, {**pci.GPU, 'state': 'not_ready'})
    assert wish(api, 'ready').json['state'] == 'ready'
    shown = wish(api, 'not_ready').json
    assert (shown['state'], shown['state_reason']) == ('not_ready', 'Disabled on request.')
    shown = wish(api, 'ready').json
    assert (shown['state'], shown['state_reason']) == ('ready', None)
    assert wish(api, 'draining').json['state'] == 'not_ready', 'nobody has it: it is drained at once'
    assert wish(api, 'failed').json['state'] == 'failed'
    assert fault(wish(api, 'ready')).startswith('"enable" is not possible for a device that is "failed"')
    assert wish(api, 'not_ready').json['state'] == 'not_ready'


def test_what_somebody_has_is_drained_not_disabled(api, database, node):
    [device] = pci.add(database, node, pci.GPU)
    allocation = pci.claim(database, device, {'pci': []})
    refused = wish(api, 'not_ready')
    assert refused.status_code == 400
    assert 'Drain it' in refused.json['remedy']
    shown = wish(api, 'draining').json
    assert (shown['state'], shown['allocation_uuid']) == ('draining', allocation)


def test_what_is_broken_and_given_is_not_repaired_behind_the_back_of_whoever_has_it(api, database, node):
    [device] = pci.add(database, node, pci.GPU)
    pci.claim(database, device, {'pci': []})
    assert wish(api, 'failed').json['state'] == 'failed'
    refused = wish(api, 'not_ready')
    assert (refused.status_code, 'given to an allocation' in fault(refused)) == (400, True)
    pci.change(database, device, allocation_id=None)
    assert wish(api, 'not_ready').json['state'] == 'not_ready'


@pytest.mark.parametrize(('standing', 'words'), [
    ({'offered': False}, "The host's list does not offer it"), ({'reserved_for': 'pxe'}, 'boots from it over the network'),
    ({'reserved_for': 'boot disk', 'offered': False}, 'the boot disk hangs on it')])
def test_the_api_never_widens_what_the_host_offers(api, database, node, standing, words):
    [device] = pci.add(database, node, {**pci.GPU, 'state': 'not_ready', **standing})
    refused = wish(api, 'ready')
    assert (refused.status_code, words in fault(refused), bool(refused.json['remedy'])) == (400, True, True)
    assert pci.get(database, device)['state'] == 'not_ready'
    refused = api.patch(f'/v1/pci_devices/{device}', [{'op': 'replace', 'path': '/offered', 'value': True}])
    assert refused.status_code == 400


def test_a_change_is_told_in_the_feed_with_its_states(api, database, node):
    [device] = pci.add(database, node, {**pci.GPU, 'state': 'not_ready'})
    since = api.get('/v1/feed').json['next']
    wish(api, 'ready')
    [event] = [one for one in api.get(f'/v1/feed?since={since}').json['events'] if one['kind'] == 'device.updated']
    assert event['node'] == node
    assert event['data'] == {'device': device, 'address': '0000:00:00.0', 'changed': ['state'], 'from': 'not_ready',
                             'to': 'ready'}


def test_who_read_something_else_changes_nothing(api, database, node):
    pci.add(database, node, {**pci.GPU, 'state': 'not_ready'})
    etag = api.get('/v1/nodes/n1/pci_devices/0000:00:00.0').headers['ETag']
    assert wish(api, 'ready', If_Match=etag).status_code == 200
    assert wish(api, 'not_ready', If_Match=etag).status_code == 412


def test_labels_and_units(api, database, node):
    [device] = pci.add(database, node, pci.GPU)

    def patch(*operations):
        words = ('op', 'path', 'value')
        return api.patch(f'/v1/pci_devices/{device}', [dict(zip(words, one, strict=False)) for one in operations])
    shown = patch(('add', '/labels/rack', 'r1'), ('add', '/unit', 'pair')).json
    assert (shown['labels'], shown['unit']) == ({'rack': 'r1'}, 'pair')
    assert 'vendor_id is an attribute of devices' in fault(patch(('add', '/labels/vendor_id', '1002')))
    assert patch(('add', '/labels/rack', ['r1'])).status_code == 400
    assert patch(('remove', '/labels')).json['labels'] == {}
    pci.claim(database, device, {'pci': []})
    assert 'its unit cannot change' in fault(patch(('remove', '/unit')))


def test_it_is_found_at_its_address_by_its_uuid_and_in_lists(api, database, node):
    gpu, nic = pci.add(database, node, pci.GPU, {**pci.NIC, 'state': 'not_ready'})
    assert api.get('/v1/nodes/n1/pci_devices/0000:01:00.0').json['uuid'] == nic
    assert api.get(f'/v1/nodes/n1/pci_devices/{gpu}').json['address'] == '0000:00:00.0'
    assert api.get('/v1/nodes/n1/pci_devices/0000:02:00.0').status_code == 404
    other = api.node(name='n2')
    assert api.get(f'/v1/nodes/n2/pci_devices/{gpu}').status_code == 404
    assert api.get('/v1/nodes/n2/pci_devices').json == {'pci_devices': [], 'offer_digest': None}
    assert other['uuid'] != node

    def listed(query):
        return [one['uuid'] for one in api.get(f'/v1/pci_devices?{query}').json['pci_devices']]
    assert listed('') == [gpu, nic]
    assert listed('node=n1&state=ready') == [gpu]
    assert listed('vendor_id=8086') == listed('function=pf') == [nic]
    assert listed('offered=false') == []
    assert api.get('/v1/pci_devices?state=broken').status_code == 400
