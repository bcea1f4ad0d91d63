"""What hosts offer, at an inspection and when the operator's file changes: on fake machines with the cards of board.py."""

import orjson
import pytest

from ingot.db import device as devices
from ingot.db.offer import digest
from ingot.scheduler import offer
from tests import pci

NIC, VF, BOOT, GPU = '0000:3b:00.0', '0000:3b:01.0', '0000:00:03.0', '0000:17:00.0'
GPUS = 'default:\n- match: {vendor_id: "10de"}\n  extra_info: {group: a}\n'
CARDS = 'default:\n- match: [{vendor_id: "8086"}, {vendor_id: "1af4"}]\n  extra_info: {physical_network: net1}\n  enable: true\n'


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'pci.yaml'
    path.write_text(GPUS)
    return path


@pytest.fixture
def service(house, path):
    return house.service(pci__information=str(path))


@pytest.fixture
def node(house, service):
    """One that was inspected."""
    return inspect(house, service, house.node('manageable', name='n1', inspect_interface='fake'))


def inspect(house, service, node):
    assert house.run(service, node, 'inspect')['provision_state'] == 'manageable'
    return node


def found(house, node):
    """{address: device}"""
    with house.database.read() as connection:
        return {one['address']: one for one in devices.of_node(connection, house.row(node))}


def told_of(house, node):
    return [orjson.loads(orjson.dumps(one['data'])) for one in house.events('devices.offered', node)]


def test_an_inspection_says_what_is_offered_and_nothing_is_ready_by_itself(house, node):
    seen = found(house, node)
    assert {address for address, one in seen.items() if one['offered']} == {GPU, '0000:ca:00.0'} & seen.keys()
    assert seen[GPU]['extra_info'] == {'group': 'a'}
    assert {one['state'] for one in seen.values()} == {'not_ready'}


def test_a_file_that_changes_is_held_against_every_node_again(house, service, node, path):
    path.write_text(CARDS)
    service.crew.offers.turn()
    seen = found(house, node)
    assert (seen[GPU]['offered'], seen[GPU]['extra_info']) == (False, {})
    assert (seen[NIC]['state'], seen[VF]['extra_info']) == ('ready', {'physical_network': 'net1'})
    told = told_of(house, node)
    assert told[-1]['withdrawn'] == sorted({GPU, '0000:ca:00.0'} & seen.keys())
    assert VF in told[-1]['offered']
    count = len(told)
    service.crew.offers.turn()
    assert len(told_of(house, node)) == count, 'what is as it was is not told again'


def test_the_card_that_it_boots_from_is_refused_even_when_it_is_listed(house, service, node, path):
    path.write_text(CARDS)
    service.crew.offers.turn()
    boot = found(house, node)[BOOT]
    assert (boot['offered'], boot['state'], boot['reserved_for']) == (False, 'not_ready', 'pxe')
    assert boot['state_reason'] == offer.why_reserved('pxe')


def test_what_is_withdrawn_from_whoever_has_it_goes_when_it_is_given_back(house, service, node, path):
    gpu = found(house, node)[GPU]
    pci.claim(house.database, gpu['uuid'], {'pci': []})
    path.write_text('default: []\n')
    service.crew.offers.turn()
    after = found(house, node)[GPU]
    assert (after['state'], after['offered'], after['state_reason']) == ('draining', False, offer.WITHDRAWN)
    assert after['allocation_id'] is not None


def test_a_node_that_gets_another_class_gets_another_list(house, service, node, path):
    path.write_text(f'resource_classes:\n  gold: []\n{GPUS}')
    service.crew.offers.turn()
    assert found(house, node)[GPU]['offered']
    house.change(node, resource_class='gold')
    for _ in range(12):
        service.crew.offers.turn()
    assert not found(house, node)[GPU]['offered']


def test_a_broken_file_changes_nothing(house, service, node, path):
    path.write_text('default: [{match: {colour: red}}]')
    service.crew.offers.turn()
    assert found(house, node)[GPU]['offered']


def test_an_entry_that_enables_makes_ready_at_inspection_and_respects_an_operator(house, path):
    path.write_text(CARDS)
    service = house.service(pci__information=str(path))
    node = inspect(house, service, house.node('manageable', inspect_interface='fake'))
    assert found(house, node)[NIC]['state'] == 'ready'
    pci.change(house.database, found(house, node)[NIC]['uuid'], state='not_ready', state_reason='Disabled on request.')
    inspect(house, service, node)
    assert found(house, node)[NIC]['state'] == 'not_ready'


def test_without_a_file_nothing_is_offered_and_the_digest_says_so(house):
    service = house.service()
    node = inspect(house, service, house.node('manageable', inspect_interface='fake'))
    assert not any(one['offered'] for one in found(house, node).values())
    assert digest(house.database, node) == offer.digest([])
    assert told_of(house, node) == []
