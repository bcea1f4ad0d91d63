import json
import os
import pathlib
import struct

import pytest
from agent_bench import GIB, Bench, add_disk, put

from ingot.ramdisk.agent import nics
from ingot.ramdisk.agent.actions import inventory

CPUS = '''processor\t: 0
model name\t: Intel(R) Xeon(R) Gold 6338
flags\t\t: fpu vme sse4_2
processor\t: 1
model name\t: Intel(R) Xeon(R) Gold 6338
flags\t\t: fpu vme sse4_2
'''


def memory_device(size, extended=0, texts=b'DIMM0\0'):
    return struct.pack('<BBH8xH14xI', 17, 32, 1, size, extended) + texts + b'\0'


@pytest.fixture
def server(machine):
    root = pathlib.Path(machine.sys)
    put(root / 'class/dmi/id/sys_vendor', 'Dell Inc.')
    put(root / 'class/dmi/id/product_name', 'R640')
    put(pathlib.Path(machine.proc, 'cpuinfo'), CPUS)
    put(pathlib.Path(machine.proc, 'meminfo'), 'MemTotal:        2000000 kB\nMemFree: 1 kB')
    for file, text in {'vendor': '0x8086', 'device': '0x158b', 'class': '0x020000', 'revision': '0x02'}.items():
        put(root / 'bus/pci/devices/0000:3b:00.0' / file, text)
    put(root / 'class/net/eno1/address', '52:54:00:AA:BB:CC')
    put(root / 'class/net/eno1/carrier', '1')
    put(root / 'class/net/eno1/device/vendor', '0x8086')
    put(root / 'class/net/eno1/device/device', '0x158b')
    put(root / 'class/net/lo/address', '00:00:00:00:00:00')
    add_disk(machine, 'vda', GIB, serial='S')
    return machine


def test_the_shape_that_clients_know(server):
    found = inventory.run({}, Bench(server).job)['inventory']
    assert json.loads(json.dumps(found)) == found
    assert found['system_vendor'] == {'manufacturer': 'Dell Inc.', 'product_name': 'R640', 'serial_number': None}
    assert found['cpu'] == {'architecture': os.uname().machine, 'count': 2,
                            'model_name': 'Intel(R) Xeon(R) Gold 6338', 'flags': ['fpu', 'vme', 'sse4_2']}
    assert found['memory'] == {'total': 2_048_000_000, 'physical_mb': 1953}
    assert found['boot'] == {'current_boot_mode': 'bios', 'pxe_interface': '52:54:00:aa:bb:cc'}
    assert [disk['serial'] for disk in found['disks']] == ['S']
    assert set(found['disks'][0]) == {'name', 'size', 'model', 'serial', 'wwn', 'vendor', 'rotational', 'hctl', 'by_path',
                                      'role'}
    assert found['interfaces'] == [{'name': 'eno1', 'mac_address': '52:54:00:AA:BB:CC', 'ipv4_address': None,
                                    'has_carrier': True, 'vendor': '0x8086', 'product': '0x158b',
                                    'pci_address': None, 'driver': None, 'speed_mbps': None, 'lldp': None}]
    [device] = found['pci_devices']
    assert {name: value for name, value in device.items() if value is not None} == {
        'address': '0000:3b:00.0', 'vendor_id': '8086', 'product_id': '158b', 'class': '020000', 'revision': '02'}
    assert set(found) == {'system_vendor', 'cpu', 'memory', 'boot', 'disks', 'interfaces', 'pci_devices', 'bmc_address'}


def test_a_machine_with_uefi(server):
    put(pathlib.Path(server.sys, 'firmware/efi/fw_platform_size'), '64')
    assert inventory.collect(server, None)['boot'] == {'current_boot_mode': 'uefi', 'pxe_interface': None}


def test_a_machine_that_tells_nothing(machine):
    found = inventory.collect(machine, None)
    assert found['memory'] == {'total': 0, 'physical_mb': 0}
    assert found['cpu']['count'] == 0
    assert found['disks'] == found['interfaces'] == found['pci_devices'] == []


@pytest.mark.parametrize(('table', 'mib'), [
    (b'', 0), (memory_device(16384), 16384), (memory_device(0x7FFF, 65536) + memory_device(0) + memory_device(512), 66048),
    (memory_device(0xFFFF), 0), (memory_device(0x8000 | 2048), 2), (struct.pack('<BBH', 1, 4, 0) + b'a\0b\0\0', 0),
    (memory_device(1024) + b'\x11\x00\x00\x00\x00\x00', 1024), (memory_device(1024)[:-1], 1024)])
def test_memory_from_the_firmware(table, mib):
    assert inventory.plugged_mib(table) == mib


def test_the_address_of_an_adapter():
    assert nics.ipv4_address('lo') == '127.0.0.1'
    assert nics.ipv4_address('nosuch0') is None


def test_the_root_disk_is_the_one_that_the_hints_choose(server):
    add_disk(server, 'vdb', 8 * GIB, serial='B', place='devices/pci0000:00/0000:00:05.0/virtio1')
    add_disk(server, 'vdc', 16 * GIB, serial='C', place='devices/pci0000:00/0000:00:06.0/virtio2')

    def root(hints):
        return [disk['serial'] for disk in inventory.collect(server, None, hints)['disks'] if disk['role'] == 'root']
    assert (root({}), root(None), root({'serial': 'C'}), root({'serial': 'X'}), root({'nonsense': 1})) == (
        ['B'], ['B'], ['C'], [], [])
