"""Disks and network cards of a node, replaced by each inspection, and what is other than before."""

import pytest

from ingot import errors
from ingot.db.disk import DISKS
from ingot.db.nic import NICS
from tests.db.test_inventory import enroll

SDA = {'name': '/dev/sda', 'size': 480, 'serial': 'S1', 'wwn': None, 'model': None, 'vendor': None, 'rotational': False,
       'role': 'root', 'by_path': None}
SDB = SDA | {'name': '/dev/sdb', 'serial': 'S2', 'role': None}
ETH = {'name': 'eth0', 'address': '52:54:00:00:00:01', 'pci_address': None, 'driver': None, 'has_carrier': True, 'speed': 10000,
       'lldp': {}}


def replace(database, found, node, *rows):
    with database.write() as connection:
        return found.replace(connection, node, list(rows))


def test_disks_are_known_by_what_is_printed_on_them(database):
    node = enroll(database)
    assert [one['serial'] for one in replace(database, DISKS, node, SDA, SDB)['added']] == ['S1', 'S2']
    assert replace(database, DISKS, node, SDB, SDA) == {}
    swapped = SDA | {'name': '/dev/sdb'}, SDB | {'name': '/dev/sda'}
    assert replace(database, DISKS, node, *swapped) == {'changed': [
        {'what': 'S1', 'before': {'name': '/dev/sda'}, 'after': {'name': '/dev/sdb'}},
        {'what': 'S2', 'before': {'name': '/dev/sdb'}, 'after': {'name': '/dev/sda'}}]}
    assert DISKS.of_node(database, node['uuid']) == sorted(swapped, key=lambda one: one['name'])
    assert [one['serial'] for one in replace(database, DISKS, node, SDA)['removed']] == ['S2']


def test_a_neighbour_that_is_not_heard_once_is_no_change(database):
    node, heard = enroll(database), {'chassis_id': 'aa:bb:cc:00:00:01', 'port_id': 'Ethernet1'}
    replace(database, NICS, node, ETH | {'lldp': heard})
    assert replace(database, NICS, node, ETH) == {}
    replace(database, NICS, node, ETH | {'lldp': heard})
    told = replace(database, NICS, node, ETH | {'lldp': heard | {'port_id': 'Ethernet2'}, 'has_carrier': False})
    assert told['changed'][0]['after'] == {'has_carrier': False, 'lldp': heard | {'port_id': 'Ethernet2'}}
    assert NICS.of_node(database, node['uuid'])[0]['lldp']['port_id'] == 'Ethernet2'


def test_rows_belong_to_one_node(database):
    one, two = enroll(database), enroll(database)
    replace(database, DISKS, one, SDA)
    replace(database, DISKS, two, SDB)
    assert [disk['serial'] for disk in DISKS.of_node(database, one['uuid'])] == ['S1']
    with pytest.raises(errors.NotFound, match='nobody'):
        DISKS.of_node(database, 'nobody')
