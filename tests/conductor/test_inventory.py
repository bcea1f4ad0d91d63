"""Rows of what machines, and whoever pretends to be one, say of themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.conductor import inventory
from ingot.db import device, models

VALUES = st.sampled_from([None, True, -1, 0, 2 ** 40, 2 ** 70, 1.5, float('nan'), '', '0x1', '10de', '17:00.0', 'pf',
                          '0000:17:00.0', 'root', 'x' * 300, 'a\0b', '52:54:00:00:00:01', [], {}, ['x'], {'name': 'x'}])
NAMES = st.sampled_from(sorted({name for columns in (inventory._DEVICE, inventory._DISK, inventory._NIC)
                                for names, _ in columns.values() for name in names} | {'manufacturer', 'serial_number'}))
THING = st.dictionaries(NAMES, VALUES | st.text(max_size=5), max_size=8)
OBJECTS = st.dictionaries(st.sampled_from(['pci_devices', 'disks', 'interfaces', 'root_disk', 'system_vendor', 'parsed_lldp']),
                          st.lists(THING | VALUES, max_size=4) | THING | VALUES)


def test_what_our_agent_says():
    told = {'address': '0000:3B:00.0', 'vendor_id': '8086', 'product_id': '0x1592', 'class': '020000', 'revision': '2',
            'subsystem_vendor_id': '8086', 'subsystem_id': '2', 'driver': 'ice', 'serial': None, 'function': 'pf', 'parent': None,
            'numa_node': 0, 'max_vfs': 8, 'link_speed': 16, 'link_width': 16, 'max_link_speed': 16.0, 'max_link_width': 16}
    [row] = inventory.devices({'pci_devices': [told]}, {})
    assert row == {'address': '0000:3b:00.0', 'vendor_id': '8086', 'product_id': '1592', 'class_id': '020000', 'revision': '02',
                   'subsystem_vendor_id': '8086', 'subsystem_id': '0002', 'driver': 'ice', 'serial': None, 'function': 'pf',
                   'parent': None, 'numa_node': 0, 'max_vfs': 8, 'link_speed': 16.0, 'link_width': 16, 'max_link_speed': 16.0,
                   'max_link_width': 16}
    assert set(row) == set(device.FOUND)


def test_what_ironic_python_agent_says():
    plugin_data = {'pci_devices': [{'vendor_id': '10de', 'product_id': '20f1', 'class': '030200', 'revision': 'a1',
                                    'bus': '0000:17:00.0'}], 'root_disk': {'name': '/dev/sdb'}}
    assert inventory.devices({}, plugin_data) == [{'address': '0000:17:00.0', 'vendor_id': '10de', 'product_id': '20f1',
                                                   'class_id': '030200', 'revision': 'a1'}]
    found = {'disks': [{'name': '/dev/sda', 'size': 1}, {'name': '/dev/sdb', 'size': 2}]}
    assert {one['name']: one['role'] for one in inventory.disks(found, plugin_data)} == {'/dev/sda': None, '/dev/sdb': 'root'}


@pytest.mark.parametrize(('told', 'address'), [
    ('17:00.0', '0000:17:00.0'), ('0000:17:00.0', '0000:17:00.0'), ('10000:E1:1f.7', '10000:e1:1f.7'), ('0000:17:20.0', None),
    ('0000:17:00.8', None), ('17', None), ('', None), (None, None), (17, None), ('0000:17:00.0\n0', None)])
def test_addresses(told, address):
    assert inventory.address(told) == address


def test_what_has_no_place_is_no_row_and_the_last_of_a_place_counts():
    rows = inventory.devices({'pci_devices': [{'vendor_id': '10de'}, 7, {'address': 'x'}, {'address': '17:00.0', 'driver': 'a'},
                                              {'address': '0000:17:00.0', 'driver': 'b'}]}, {})
    assert rows == [{'address': '0000:17:00.0', 'driver': 'b'}]


def test_no_machine_fills_the_table():
    many = [{'address': f'{bus:02x}:{slot:02x}.0'} for bus in range(256) for slot in range(32)]
    assert len(many) > inventory.MOST == len(inventory.devices({'pci_devices': many}, {}))


@pytest.mark.parametrize(('column', 'told', 'value'), [
    ('driver', 'a\0b ', 'ab'), ('driver', 'x' * 99, 'x' * 64), ('driver', '\0', None), ('link_speed', float('nan'), None),
    ('link_speed', float('inf'), None), ('link_speed', 8, 8.0), ('link_width', True, None), ('link_width', 2 ** 31, None),
    ('function', 'PF', None), ('vendor_id', '12345', None), ('vendor_id', '', None), ('numa_node', -1, None)])
def test_what_is_no_value_of_its_column_is_left_out(column, told, value):
    [row] = inventory.devices({'pci_devices': [{'address': '17:00.0', column: told}]}, {})
    assert row == {'address': '0000:17:00.0', column: value}


@given(OBJECTS, OBJECTS)
def test_whatever_is_said_becomes_rows_that_fit_their_columns(found, plugin_data):
    for table, rows in ((models.devices, inventory.devices(found, plugin_data)),
                        (models.node_disks, inventory.disks(found, plugin_data)),
                        (models.node_nics, inventory.nics(found, inventory.neighbours(plugin_data))),
                        (models.nodes, [inventory.machine(found)])):
        for one in rows:
            for name, value in one.items():
                column = table.c[name]
                assert value is not None or column.nullable
                assert not isinstance(value, str) or (len(value) <= column.type.length and '\0' not in value)
                assert not isinstance(value, int) or isinstance(value, bool) or 0 <= value < 2 ** 63
