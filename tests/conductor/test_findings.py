"""What inspections of real flows leave: rows, an event of what changed, words in the history."""

import orjson
import pytest

from ingot.db import device, history
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
