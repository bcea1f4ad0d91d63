"""Promised PCI devices are looked for in sysfs before anything is written."""

import pathlib

import pytest
from agent_bench import Bench, put

from ingot.ramdisk.agent.actions import devices
from ingot.ramdisk.agent.errors import AgentError

GPU = {'address': '0000:17:00.0', 'vendor_id': '10de', 'product_id': '20f1', 'link_width': 16, 'link_speed': 16.0, 'parent': None,
       'labels': {}}
VF = {'address': '0000:3b:01.0', 'vendor_id': '8086', 'product_id': '1889', 'link_width': None, 'link_speed': None,
      'parent': '0000:3b:00.0', 'labels': {}}
PLAIN = {'address': '0000:00:05.0', 'vendor_id': '1234', 'product_id': '11e8', 'link_width': None, 'link_speed': None,
         'parent': None, 'labels': {}}


@pytest.fixture
def add(machine):
    """``add(address, ids, **files)``: what is in the machine."""
    def add(address, ids, **files):
        vendor, product = ids.split(':')
        for name, text in {'vendor': f'0x{vendor}', 'device': f'0x{product}', **files}.items():
            put(pathlib.Path(machine.sys, 'bus/pci/devices', address, name), text)
    return add


def verify(machine, *promised):
    bench = Bench(machine)
    assert devices.run({'action': devices.NAME, 'devices': list(promised)}, bench.job) == {}
    return bench.logs()


def refuse(machine, *promised):
    with pytest.raises(AgentError) as caught:
        verify(machine, *promised)
    assert caught.value.code == 'devices-differ'
    assert 'Nothing was written' in caught.value.remedy
    assert caught.value.told()['devices'] == caught.value.details['devices']
    return str(caught.value), caught.value.details['devices']


def test_all_is_as_promised(machine, add):
    add('0000:17:00.0', '10de:20f1', current_link_width=16, current_link_speed='16.0 GT/s PCIe')
    add('0000:00:05.0', '1234:11e8')
    assert verify(machine, GPU, PLAIN) == ''


def test_more_than_was_promised_is_fine(machine, add):
    add('0000:17:00.0', '10de:20f1', current_link_width=32, current_link_speed='32.0 GT/s PCIe')
    assert verify(machine, GPU) == ''


def test_a_slow_link_is_told_of_and_no_breach(machine, add):
    """Links of idle devices slow down to save power."""
    add('0000:17:00.0', '10de:20f1', current_link_width=16, current_link_speed='2.5 GT/s PCIe')
    assert 'its link runs at 2.5 GT/s now, 16 were seen by' in verify(machine, GPU)


@pytest.mark.parametrize(('width', 'found'), [('8', 8), ('0', 0), (None, 0)])
def test_a_narrow_link(machine, add, width, found):
    add('0000:17:00.0', '10de:20f1', **({'current_link_width': width} if width else {}))
    words, breaches = refuse(machine, GPU)
    assert words == f'PCI device 0000:17:00.0: a link of 16 lanes was promised, {found} are up.'
    assert breaches == [{'address': '0000:17:00.0', 'problem': 'narrow', 'promised': 16, 'found': found}]


def test_all_that_is_wrong_is_told_at_once(machine, add):
    add('0000:17:00.0', '10de:2330', current_link_width=16)
    words, breaches = refuse(machine, GPU, PLAIN)
    assert words == ('PCI device 0000:17:00.0: 10de:20f1 was promised, 10de:2330 is there. '
                     'PCI device 0000:00:05.0: 1234:11e8 was promised, nothing is there.')
    assert [(one['problem'], one['found']) for one in breaches] == [('another', '10de:2330'), ('missing', None)]


def test_a_virtual_function_is_there_when_its_physical_one_can_make_it(machine, add):
    assert refuse(machine, VF)[1][0]['problem'] == 'missing'
    add('0000:3b:00.0', '8086:1592', sriov_totalvfs=0)
    assert refuse(machine, VF)[1][0]['problem'] == 'missing'
    add('0000:3b:00.0', '8086:1592', sriov_totalvfs=8)
    assert verify(machine, VF) == ''
