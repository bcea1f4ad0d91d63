"""Deployment keeps the promise: devices that are away or narrower than promised end it before anything is written."""

import base64
import gzip
import io
import json

import orjson
import pycdlib
import pytest
import sqlalchemy as sa

from ingot import errors
from ingot.conductor import promise
from ingot.db import models, row
from ingot.db.engine import now

GPU, OTHER, SPARE = '0000:17:00.0', '0000:ca:00.0', '0000:aa:00.0'
WIDE = {'vendor_id': '10de', 'product_id': '20f1', 'link_width': 16}


@pytest.fixture
def flavor(house):
    """A flavor "gpu" of all that has product 20f1."""
    with house.database.write() as connection:
        connection.execute(sa.insert(models.pci_flavors).values(row.dump(models.pci_flavors, {
            'uuid': '00000000-0000-4000-8000-0000000000f1', 'created_at': now(), 'name': 'gpu',
            'match': [{'product_id': '20F1'}]})))
    return {'pci': [{'flavors': ['gpu'], 'count': 1}]}


def with_devices(house, **changes):
    """A node whose machine has the devices of every fake machine, but for ``changes`` by address."""
    return house.node(driver_info={'fake': {'pci_devices': changes}})


def change_machine(house, node, **changes):
    house.change(node, driver_info={'fake': {'pci_devices': changes}})


def told(house, node):
    return [orjson.loads(orjson.dumps(event['data'])) for event in house.events('device.failed', node)]


def plans(house, node, service):
    """The plan as it is stored while the machine works on it."""
    seen = []
    house.sabotage(service, 'deploy', 'await machine', do=lambda work, task: (seen.append(task.operation['plan']), work(task))[1])
    return seen


def test_the_plan_names_what_was_claimed_before_it_writes(house):
    service, node = house.service(), with_devices(house)
    house.claim(node, {'address': GPU, 'link_speed': 16.0, 'labels': {'group': 'b', 'rack': '7'}, 'extra_info': {'group': 'a'}})
    seen = plans(house, node, service)
    assert house.run(service, node, 'active')['provision_state'] == 'active'
    assert [action['action'] for action in seen[0]['actions']] == ['verify devices', 'write image']
    assert seen[0]['actions'][0]['devices'] == [{
        'address': GPU, 'vendor_id': '10de', 'product_id': '20f1', 'link_width': 16, 'link_speed': 16.0, 'parent': None,
        'labels': {'group': 'a', 'rack': '7'}}]
    device = house.devices(node)[GPU]
    assert (device['state'], device['generation']) == ('in_use', 2)
    assert device['allocation_id']


def test_a_node_without_devices_has_the_plan_that_it_always_had(house):
    service, node = house.service(), house.node()
    house.device(node, SPARE)
    seen = plans(house, node, service)
    house.run(service, node, 'active')
    assert [action['action'] for action in seen[0]['actions']] == ['write image']
    assert house.devices(node)[SPARE]['state'] == 'ready'


def test_what_is_to_be_drained_stays_so(house):
    node = with_devices(house)
    house.claim(node, {'address': GPU, 'state': 'draining'})
    assert house.run(house.service(), node, 'active')['provision_state'] == 'active'
    assert house.devices(node)[GPU]['state'] == 'draining'


@pytest.mark.parametrize(('change', 'words'), [
    (None, 'missing: promised 10de:20f1, found nothing'), ({'link_width': 8}, 'narrow: promised 16, found 8')])
def test_a_broken_promise_is_told_before_anything_is_written(house, change, words):
    service, node = house.service(), with_devices(house, **{GPU: change})
    allocation = house.claim(node, {'address': GPU}, {'address': '0000:3b:00.0', 'vendor_id': '8086', 'product_id': '1592'})
    after = house.run(service, node, 'active')
    assert after['provision_state'] == 'deploy failed'
    assert 'Step "await machine" of deploy failed: the machine reports: PCI devices differ' in after['last_error']
    assert f'Undeploy the node and allocate again: {GPU} will not be given' in after['last_error']
    assert house.world.machine(node).writes == 0
    assert house.world.leftovers(node) == []
    devices = house.devices(node)
    assert (devices[GPU]['state'], devices[GPU]['state_reason']) == ('failed', words)
    assert devices['0000:3b:00.0']['state'] == 'claimed'
    assert told(house, node) == [{
        'device': devices[GPU]['uuid'], 'address': GPU, 'reason': words, 'allocation': allocation, 'moved_to': None}]
    with pytest.raises(errors.InvalidState, match=f'device {GPU} of allocation {allocation} is "failed": {words}'):
        service.provision(node, 'active', {})


def test_a_claim_moves_to_an_equal_device_and_the_next_deployment_ends_well(house, flavor):
    service, node = house.service(), with_devices(house, **{GPU: None, OTHER: WIDE})
    allocation = house.claim(node, {'address': GPU}, **flavor)
    house.device(node, OTHER)
    after = house.run(service, node, 'active')
    assert after['provision_state'] == 'deploy failed'
    assert 'Remedy: Deploy again: equal devices of this node have been claimed instead.' in after['last_error']
    devices = house.devices(node)
    assert (devices[GPU]['state'], devices[GPU]['allocation_id'], devices[GPU]['request']) == ('failed', None, None)
    assert (devices[OTHER]['state'], devices[OTHER]['request']) == ('claimed', 0)
    assert [(event['moved_to'], event['allocation']) for event in told(house, node)] == [(OTHER, allocation)]
    seen = plans(house, node, service)
    assert house.run(service, node, 'active')['provision_state'] == 'active'
    assert [one['address'] for one in seen[0]['actions'][0]['devices']] == [OTHER]
    assert house.devices(node)[OTHER]['state'] == 'in_use'


@pytest.mark.parametrize('other', [
    {'state': 'not_ready'}, {'offered': False}, {'reserved_for': 'pxe'}, {'product_id': '2330'}, {'numa_node': 1},
    {'link_width': 8}, {'unit': 'pair'}, {'function': 'vf'}, {'state': 'removed', 'removed_at': now()},
])
def test_a_claim_never_moves_to_a_device_that_is_less(house, flavor, other):
    node = with_devices(house, **{GPU: None})
    house.claim(node, {'address': GPU}, **flavor)
    house.device(node, OTHER, **other)
    house.run(house.service(), node, 'active')
    devices = house.devices(node)
    assert (devices[GPU]['state'], devices[OTHER]['allocation_id']) == ('failed', None)
    assert devices[GPU]['allocation_id']


def test_a_claim_never_moves_to_a_virtual_function_whose_physical_one_is_claimed(house, flavor):
    node, vf = with_devices(house, **{GPU: None, OTHER: WIDE}), {'function': 'vf', 'link_width': None}
    house.claim(node, {'address': GPU, 'parent': SPARE, **vf}, {'address': OTHER, 'function': 'pf'}, **flavor)
    house.device(node, '0000:ca:00.1', parent=OTHER, **vf)
    house.run(house.service(), node, 'active')
    assert house.devices(node)['0000:ca:00.1']['state'] == 'ready'


def test_two_broken_devices_do_not_get_the_same_heir(house, flavor):
    node = with_devices(house, **{GPU: None})
    house.claim(node, {'address': GPU}, {'address': SPARE}, **flavor)
    house.device(node, OTHER)
    house.run(house.service(), node, 'active')
    states = {address: one['state'] for address, one in house.devices(node).items()}
    assert states == {GPU: 'failed', SPARE: 'failed', OTHER: 'claimed'}
    assert len(house.events('device.failed', node)) == 2


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('has_heir', [True, False])
def test_a_conductor_that_dies_while_it_settles_is_followed_by_one_that_does_the_same(house, flavor, has_heir, when, monkeypatch):
    service, node = house.service(), with_devices(house, **{GPU: None})
    house.claim(node, {'address': GPU}, **flavor)
    if has_heir:
        house.device(node, OTHER)
    settle = promise.settle

    def die(task):
        if when == 'after':
            with pytest.raises(errors.MachineFailed):
                settle(task)
        raise house.Death
    monkeypatch.setattr(promise, 'settle', die)
    house.run(service, node, 'active')
    monkeypatch.undo()
    successor = house.service()
    successor.crew.take_up()
    after = house.settle(successor, node)
    assert after['provision_state'] == 'deploy failed'
    assert ('Deploy again' if has_heir else 'Undeploy the node') in after['last_error']
    assert house.devices(node)[GPU]['state'] == 'failed'
    assert len(house.events('device.failed', node)) == 1


@pytest.mark.parametrize('devices', [None, 'all', [7], [{}], [{'address': {}, 'problem': 'missing'}]])
def test_a_report_of_any_shape_fails_the_deployment_and_nothing_else(house, devices):
    node = house.node(driver_info={'fake': {'deploy.machine_report': {'silent': True}}})
    house.claim(node, {'address': GPU})
    service = house.service()
    house.run(service, node, 'active')
    agent = house.agent(node)
    agent.hello()
    agent.report('failed', error={'code': 'devices-differ', 'message': 'no', 'devices': devices})
    service.continue_operation(agent.operation)
    assert house.settle(service, node)['provision_state'] == 'deploy failed'
    assert house.devices(node)[GPU]['state'] == 'claimed'


def test_the_config_drive_tells_the_instance_of_its_devices(house):
    node = with_devices(house)
    house.claim(node, {'address': GPU, 'class_id': '030200'},
                {'address': '0000:3b:00.0', 'vendor_id': '8086', 'product_id': '1592', 'class_id': '020000',
                 'extra_info': {'physical_network': 'left', 'vlan': 300}})
    house.run(house.service(), node, 'active', configdrive={'meta_data': {'hostname': 'one'}})
    iso, found = pycdlib.PyCdlib(), io.BytesIO()
    iso.open_fp(io.BytesIO(gzip.decompress(base64.b64decode(house.world.machine(node).configdrive))))
    iso.get_file_from_iso_fp(found, rr_path='/openstack/latest/meta_data.json')
    assert json.loads(found.getvalue())['devices'] == [
        {'type': 'gpu', 'bus': 'pci', 'address': GPU, 'vendor_id': '10de', 'product_id': '20f1', 'tags': []},
        {'type': 'nic', 'bus': 'pci', 'address': '0000:3b:00.0', 'vendor_id': '8086', 'product_id': '1592',
         'tags': ['physical_network=left', 'vlan=300'], 'vlan': 300}]
