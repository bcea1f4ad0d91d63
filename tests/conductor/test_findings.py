"""What inspections of real flows leave: rows, an event of what changed, words in the history."""

import orjson
import pytest

from ingot.conductor import findings
from ingot.db import device, history, inventory, lookup
from ingot.db.disk import DISKS
from ingot.db.nic import NICS


def inspect(house, service, node):
    after = house.run(service, node, 'inspect')
    assert (after['provision_state'], after['last_error']) == ('manageable', None)
    return after


def devices(house, node):
    with house.database.read() as connection:
        return {one['address']: one for one in device.of_node(connection, node)}


@pytest.mark.parametrize('needs_agent', [False, True], ids=['bmc', 'agent'])
def test_an_inspection_leaves_rows_and_the_next_one_tells_what_changed(house, needs_agent):
    house.drivers.hardware['fake-hardware'].interfaces['inspect']['fake'].needs_agent = needs_agent
    service, node = house.service(), house.node('manageable', inspect_interface='fake')
    after = inspect(house, service, node)
    found = devices(house, after)
    assert (after['system_vendor'], after['system_product'], len(after['system_serial'])) == ('Ingot', 'Fake machine', 36)
    assert {one['state'] for one in found.values()} == {'not_ready'}
    assert {address: one['reserved_for'] for address, one in found.items() if one['reserved_for']} == {'0000:00:03.0': 'pxe'}
    assert [(one['name'], one['role']) for one in DISKS.of_node(house.database, node)] == [('/dev/sda', 'root')]
    assert [(one['name'], one['pci_address'], one['speed']) for one in NICS.of_node(house.database, node)] == [
        ('eth0', '0000:00:03.0', 10000)]
    assert house.events('inventory.changed', node) == [], 'nothing was known before'

    inspect(house, service, node)
    assert house.events('inventory.changed', node) == [], 'nothing changed'
    assert devices(house, after) == found

    house.change(node, driver_info={'fake': {'pci_devices': {
        '0000:17:00.0': None, '0000:3b:00.0': {'link_width': 8}, '0000:5e:00.0': {'vendor_id': '144d', 'product_id': 'a80a'}}}})
    inspect(house, service, node)
    [told] = house.events('inventory.changed', node)
    told = orjson.loads(orjson.dumps(told['data']))
    assert told.keys() == {'pci_devices'}
    assert [one['address'] for one in told['pci_devices']['removed']] == ['0000:17:00.0']
    assert [one['address'] for one in told['pci_devices']['added']] == ['0000:5e:00.0']
    assert told['pci_devices']['changed'] == [{'what': '0000:3b:00.0', 'before': {'link_width': 16}, 'after': {'link_width': 8}}]
    words = [one['event'] for one in history.of_node(house.database, node) if one['event_type'] == 'inspection']
    assert words == ['Inspection found: 1 PCI device added (0000:5e:00.0); 1 PCI device removed (0000:17:00.0); '
                     '1 PCI device changed (0000:3b:00.0).']
    assert devices(house, after)['0000:17:00.0']['state'] == 'removed'


def test_hooks_know_the_site_and_the_inspection_before(house):
    service, node = house.service(inspector__hooks=['pci-devices', 'raid-device'], inspector__pci_device_alias=[
        '{"vendor_id": "10de", "product_id": "20f1", "name": "big_gpu"}']), house.node('manageable', inspect_interface='fake')
    after = inspect(house, service, node)
    count = sum(one['product_id'] == '20f1' for one in devices(house, after).values())       # one or two, by the node's uuid
    assert f'big_gpu:{count}' in after['properties']['capabilities'].split(',')
    assert 'root_device' not in after['properties'], 'nothing was there before'
    with house.database.write() as connection:
        inventory.save(connection, after, {'disks': [{'name': '/dev/sdz', 'serial': 'Z'}]})
    [disk] = DISKS.of_node(house.database, node)
    assert inspect(house, service, node)['properties']['root_device'] == {'serial': disk['serial']}


def test_what_is_told_is_bounded_and_what_is_the_same_is_not_told():
    known = {'cpu': {'count': 2, 'model_name': 'A'}, 'memory': 7, 'system_vendor': {'manufacturer': 'X'}}
    assert findings.machine_changes(known, known) == {}
    assert findings.machine_changes(known, {'cpu': {'count': [1], 'model_name': 'B' * 999}}) == {'changed': [
        {'what': 'cpu.count', 'before': {'value': 2}, 'after': {'value': None}},
        {'what': 'cpu.model_name', 'before': {'value': 'A'}, 'after': {'value': 'B' * 255}},
        {'what': 'system_vendor', 'before': {'value': 'X'}, 'after': {'value': None}}]}
    told = {'pci_devices': {'added': [{'address': f'0000:{bus:02x}:00.0'} for bus in range(7)]},
            'machine': {'changed': [{'what': 'cpu.count'}]}}
    assert findings.phrase(told) == (
        'Inspection found: 7 PCI devices added (0000:00:00.0, 0000:01:00.0, 0000:02:00.0, 0000:03:00.0, 0000:04:00.0 ...); '
        '1 value of the machine changed (cpu.count).')
    assert findings._left_out({'added': [0] * 203, 'removed': [0] * 5}) == {'left_out': 3}


def test_what_ironic_python_agent_sends_becomes_rows_and_links(house):
    interfaces = house.drivers.hardware['fake-hardware'].interfaces['inspect']
    interfaces['fake'].needs_agent = True
    service = house.service(inspector__hooks=['ports', 'parse-lldp', 'local-link-connection'])
    node = house.node('manageable', driver_info={'fake': {'deploy.machine_report': {'silent': True}}})
    assert house.run(service, node, 'inspect')['provision_state'] == 'inspect wait'
    agent = house.agent(node)
    mac, other = house.mac(node), '52:54:00:aa:bb:cc'
    assert lookup.report(house.database, house.row(node), {
        'interfaces': [{'name': 'eno1', 'mac_address': mac.upper(), 'pci_address': '0000:04:00.0'},
                       {'name': 'ens1', 'mac_address': other, 'pci_address': '0000:31:00.0'}], 'boot': {'pxe_interface': mac},
        'disks': [{'name': '/dev/sda', 'size': 1 << 40, 'by_path': '/dev/disk/by-path/pci-0000:00:17.0-ata-1'}]}, {
        'pci_devices': [{'vendor_id': '8086', 'product_id': '1592', 'class': '020000', 'revision': '02', 'bus': '0000:31:00.0'},
                        {'vendor_id': '14e4', 'product_id': '165f', 'class': '020000', 'revision': '00', 'bus': '0000:04:00.0'},
                        {'vendor_id': '8086', 'product_id': 'a182', 'class': '010601', 'revision': '11', 'bus': '0000:00:17.0'}],
        'root_disk': {'name': '/dev/sda'},
        'lldp_raw': {'ens1': [[1, '04001122334455'], [2, '05' + b'Eth7'.hex()]]}}) == agent.operation
    service.continue_operation(agent.operation)
    after = house.settle(service, node)
    assert (after['provision_state'], after['last_error']) == ('manageable', None)
    assert {one['address']: one['reserved_for'] for one in devices(house, after).values()} == {
        '0000:04:00.0': 'pxe', '0000:00:17.0': 'boot disk', '0000:31:00.0': None}
    ports = {port['address']: port for port in inventory.ports(house.database, after)}
    assert {mac: port['pxe_enabled'] for mac, port in ports.items()} == {mac: True, other: False}
    assert ports[other]['local_link_connection'] == {'switch_id': '00:11:22:33:44:55', 'port_id': 'Eth7'}
    [nic] = [one for one in NICS.of_node(house.database, node) if one['name'] == 'ens1']
    assert nic['lldp'] == {'switch_chassis_id': '00:11:22:33:44:55', 'switch_port_id': 'Eth7'}


def test_a_deployment_is_the_last_one_when_it_is_done(house):
    service, node = house.service(), house.node('available')
    after = house.run(service, node, 'deploy')
    assert (after['provision_state'], after['last_deployed_at'] == after['provision_updated_at']) == ('active', True)
    house.change(node, last_deployed_at='2020-01-01T00:00:00+00:00', driver_info={'fake': {'deploy.fetch': {'fail': 'no'}}})
    assert house.run(service, node, 'rebuild')['provision_state'] == 'deploy failed'
    assert house.row(node)['last_deployed_at'] == '2020-01-01T00:00:00+00:00'


def test_a_failed_inspection_leaves_what_is_known_of_the_last_good_one(house):
    service, node = house.service(), house.node('manageable', inspect_interface='fake')
    before = inspect(house, service, node)
    house.change(node, last_inspected_at='2020-01-01T00:00:00+00:00', driver_info={'fake': {'inspect.inventory': {'fail': 'no'}}})
    after = house.run(service, node, 'inspect')
    assert (after['provision_state'], after['last_inspected_at']) == ('inspect failed', '2020-01-01T00:00:00+00:00')
    assert (after['system_serial'], after['inspection_finished_at']) == (before['system_serial'], None)
