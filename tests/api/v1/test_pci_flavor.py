"""/v1/pci_flavors: what they mean, what of it can be had, and what keeps one from going."""

import pytest

from tests import pci
from tests.api.conftest import fault, set_columns

ALL_GPUS = [{'vendor_id': '0x10DE'}]


@pytest.fixture
def nodes(api, database):
    """Two nodes that can be had, one in maintenance, one that is retired: each with two graphics processors and a card."""
    found = [api.node(name=f'n{number}')['uuid'] for number in range(4)]
    for uuid in found:
        set_columns(database, uuid, provision_state='available', power_state='power off')
        pci.add(database, uuid, pci.GPU, {**pci.GPU, 'state': 'not_ready'}, pci.NIC)
    set_columns(database, found[2], maintenance=True)
    set_columns(database, found[3], retired=True)
    return found


def make(api, name='gpu', wanted=None, **values):
    return api.post('/v1/pci_flavors', {'name': name, 'match': wanted or ALL_GPUS, **values})


def preview(api, wanted):
    return api.post('/v1/pci_flavors/preview', {'match': wanted})


def test_a_preview_counts_what_matches_and_what_can_be_had(api, nodes):
    found = preview(api, ALL_GPUS).json
    assert (found['matching'], found['available'], found['by_state']) == (8, 2, {'ready': 4, 'not_ready': 4})
    assert {one['node']: (one['matching'], one['available']) for one in found['nodes']} == {
        nodes[0]: (2, 1), nodes[1]: (2, 1), nodes[2]: (2, 0), nodes[3]: (2, 0)}
    assert [one['available'] for one in found['nodes']] == [1, 1, 0, 0]
    assert (found['nodes_in_all'], found['warning']) == (4, None)


def test_what_is_reserved_not_offered_or_given_cannot_be_had(api, database, nodes):
    for number, values in enumerate(({'reserved_for': 'pxe'}, {'offered': False})):
        device = pci.add(database, nodes[0], {**pci.GPU, **values, 'address': f'0000:f0:00.{number}'})
        assert device
    assert preview(api, ALL_GPUS).json['available'] == 2
    [device] = [one['uuid'] for one in api.get(f'/v1/nodes/{nodes[0]}/pci_devices?state=ready&flavor={make(api).json["uuid"]}'
                                               ).json['pci_devices'] if one['address'] == '0000:00:00.0']
    pci.claim(database, device, {'pci': [{'flavors': ['gpu'], 'count': 1}]})
    assert preview(api, ALL_GPUS).json['available'] == 1


def test_one_that_means_nothing_is_made_with_a_warning_that_names_the_nearest(api, nodes):
    made = make(api, wanted=[{'vendor_id': '10de', 'link_width': {'>': 16}}])
    assert made.status_code == 201
    assert made.json['warning'] == 'It means no device: none has link_width > 16; the nearest has 16.'
    assert 'warning' not in api.get('/v1/pci_flavors/gpu').json
    changed = api.patch('/v1/pci_flavors/gpu', [{'op': 'replace', 'path': '/match/0/link_width', 'value': {'>=': 16}}])
    assert 'warning' not in changed.json
    warning = preview(api, [{'vendor_id': '10df'}]).json['warning']
    assert warning.endswith('''none has vendor_id '10df'; the nearest has "10de".''')


def test_before_any_inspection_the_warning_says_so(api):
    assert 'none has been found yet' in make(api).json['warning']


@pytest.mark.parametrize(('wanted', 'words'), [
    ([{'address': '0000:00:00.0'}], 'address'), ([{'link_width': {'~': 'x'}}], 'is no operator'), ([{}], '1 to 32 conditions'),
    ([], '1 to 100 objects'), ([{'link_width': '16'}], 'link_width is a number'), ([{'vendor_id': {'glob': '*' * 9}}], 'glob'),
    ([{'a b': 1}], 'no attribute')])
def test_matches_that_are_refused(api, wanted, words):
    for answer in (make(api, wanted=wanted) if wanted else api.post('/v1/pci_flavors', {'name': 'gpu', 'match': []}),
                   preview(api, wanted)):
        assert (answer.status_code, words in fault(answer)) == (400, True), fault(answer)


def test_labels_may_be_named_unless_the_operator_says_otherwise(api, conf, database, nodes):
    pci.add(database, nodes[0], {**pci.GPU, 'address': '0000:aa:00.0', 'extra_info': {'group': 'a'}, 'labels': {'group': 'b'}})
    assert preview(api, [{'group': 'a'}]).json['matching'] == 1
    assert preview(api, [{'group': 'b'}]).json['matching'] == 0, "the host's labels win"
    conf.set_override('flavor_attributes', ['vendor_id', 'group'], 'pci')
    assert preview(api, [{'group': 'a'}]).json['matching'] == 1
    refused = preview(api, [{'rack': 'a'}])
    assert (refused.status_code, 'Accepted: group, vendor_id' in refused.json['remedy']) == (400, True)
    assert preview(api, [{'link_width': 16}]).status_code == 400


def test_the_devices_of_a_flavor_page_by_page(api, nodes):
    make(api)
    seen, path = [], '/v1/pci_flavors/gpu/devices?limit=3'
    while path:
        page = api.get(path).json
        seen += [one['uuid'] for one in page['pci_devices']]
        path = page['next'].partition('//')[2].partition('/')[2] if 'next' in page else None
        path = path and f'/{path}'
    assert len(seen) == len(set(seen)) == 8
    assert len(api.get('/v1/pci_flavors/gpu/devices?state=ready').json['pci_devices']) == 4
    assert len(api.get('/v1/pci_devices?flavor=gpu&node=n1').json['pci_devices']) == 2
    assert api.get('/v1/pci_devices?flavor=nope').status_code == 404
    assert api.get('/v1/pci_devices?flavor=gpu&sort_key=address').status_code == 400


def test_one_that_allocations_have_devices_by_stays_and_keeps_its_name(api, database, nodes):
    made = make(api).json
    [other] = [make(api, name='other').json]
    device = api.get(f'/v1/pci_devices?node={nodes[0]}').json['pci_devices'][0]['uuid']
    for asked in ('gpu', made['uuid']):
        allocation = pci.claim(database, device, {'pci': [{'flavors': ['big', asked], 'count': 1}]})
        refused = api.delete('/v1/pci_flavors/gpu')
        assert (refused.status_code, allocation in fault(refused)) == (409, True)
    assert api.patch('/v1/pci_flavors/gpu', [{'op': 'replace', 'path': '/name', 'value': 'gpus'}]).status_code == 409
    assert api.patch('/v1/pci_flavors/gpu', [{'op': 'add', 'path': '/description', 'value': 'big'}]).status_code == 200
    assert api.delete(f'/v1/pci_flavors/{other["uuid"]}').status_code == 204
    pci.change(database, device, allocation_id=None)
    assert api.delete('/v1/pci_flavors/gpu').status_code == 204


def test_a_flavor_whose_name_is_only_part_of_another_word_is_nobodys(api, database, nodes):
    make(api, name='big')
    device = api.get(f'/v1/pci_devices?node={nodes[0]}').json['pci_devices'][0]['uuid']
    pci.claim(database, device, {'strategy': 'big', 'pci': [{'flavors': ['bigger'], 'count': 1}]})
    assert api.delete('/v1/pci_flavors/big').status_code == 204


def test_what_is_not_public_has_an_owner_and_preview_is_no_name(api):
    assert 'needs an owner' in fault(make(api, public=False))
    assert make(api, public=False, owner='team-a').json['owner'] == 'team-a'
    assert 'is a word of the API' in fault(make(api, name='preview'))
    assert api.patch('/v1/pci_flavors/gpu', [{'op': 'remove', 'path': '/owner'}]).status_code == 400
    assert api.get('/v1/pci_flavors?owner=team-a').json['pci_flavors'][0]['match'] == ALL_GPUS


def capacity(api, name):
    return api.get(f'/v1/pci_flavors/{name}/capacity').json


def test_capacity_tells_what_is_shared_and_what_each_node_can_give(api, database, nodes):
    make(api, 'gpu')
    make(api, 'all', [{'vendor_id': '10de'}, {'vendor_id': '8086'}])
    found = capacity(api, 'all')
    assert (found['devices'], found['exclusive'], found['shared'], found['satisfiable']) == (4, 2, {'gpu': 2}, 4)
    assert [(one['name'], one['satisfiable']) for one in found['nodes']] == [('n0', 2), ('n1', 2)], 'n2 and n3 are not free'
    assert capacity(api, 'gpu')['shared'] == {'all': 2}


def test_a_card_and_its_functions_are_not_counted_twice(api, database, nodes):
    vfs = [{'vendor_id': '8086', 'function': 'vf', 'parent': '0000:02:00.0', 'address': f'0000:02:01.{number}'}
           for number in range(3)]
    [first, *_] = pci.add(database, nodes[0], *vfs)
    make(api, 'nic', [{'vendor_id': '8086'}])
    found = {one['name']: (one['devices'], one['satisfiable']) for one in capacity(api, 'nic')['nodes']}
    assert found == {'n0': (4, 3), 'n1': (1, 1)}
    pci.claim(database, first, {'pci': []})
    found = {one['name']: (one['devices'], one['satisfiable']) for one in capacity(api, 'nic')['nodes']}
    assert found['n0'] == (2, 2), 'the card goes with its function'
