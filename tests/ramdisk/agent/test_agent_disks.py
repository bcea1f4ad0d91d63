import pathlib

import pytest
from agent_bench import GIB, PCI, add_disk

from ingot.ramdisk.agent import disks

SCSI = f'{PCI}/host3/target3:0:1/3:0:1:0'
ISCSI = 'devices/platform/host5/session2/target5:0:0/5:0:0:1'


def names(machine):
    return [disk.name.rpartition('/')[2] for disk in disks.discover(machine)]


def test_disks_of_the_machine_are_found_and_others_are_not(machine):
    add_disk(machine, 'vda', GIB)
    add_disk(machine, 'nvme0n1', GIB, place='devices/pci0000:00/0000:01:00.0/nvme/nvme0')
    add_disk(machine, 'sda', GIB, place=SCSI)
    for number, name in enumerate(('ram0', 'loop0', 'zram0', 'dm-0', 'sr0', 'fd0', 'nbd0', 'md0', 'mmcblk0boot0')):
        add_disk(machine, name, GIB, place=f'devices/virtual/{number}')
    assert names(machine) == ['nvme0n1', 'sda', 'vda']


@pytest.mark.parametrize('flags', [{'removable': 1}, {'ro': 1}, {'hidden': 1}])
def test_a_disk_that_must_not_be_written_is_left_out(machine, flags):
    add_disk(machine, 'vda', GIB, **flags)
    add_disk(machine, 'vdb', 0, place='devices/pci0000:00/0000:00:05.0/virtio1')      # an empty card reader
    assert names(machine) == []


def test_the_disk_of_an_iscsi_session_is_never_one_of_the_machine(machine):
    add_disk(machine, 'sda', 100 * GIB, place=ISCSI)
    add_disk(machine, 'sdb', GIB, place=SCSI)
    assert disks.is_iscsi(machine, 'sda')
    assert names(machine) == ['sdb']


def test_a_scsi_disk_is_described(machine):
    add_disk(machine, 'sda', 5 * GIB, place=SCSI, queue__rotational=1, device__model='Ultrastar', device__vendor='HGST',
             device__vpd_pg80=b'\x00\x80\x00\x08 SER123 ', device__wwid='naa.5000cca0b1')
    root = pathlib.Path(machine.sys)
    (root / 'bus/pci/devices').mkdir(parents=True)
    (root / 'bus/pci/devices/0000:00:04.0').symlink_to(root / PCI)
    (root / PCI / 'host2').mkdir()
    assert disks.discover(machine)[0] == disks.Disk(
        name=f'{machine.dev}/sda', size=5 * GIB, model='Ultrastar', serial='SER123', wwn='0x5000cca0b1', vendor='HGST',
        rotational=True, hctl='3:0:1:0', by_path='/dev/disk/by-path/pci-0000:00:04.0-scsi-1:0:1:0')


def test_virtio_and_nvme_disks_are_described(machine):
    add_disk(machine, 'vda', GIB, serial='V1')
    add_disk(machine, 'nvme0n1', GIB, place='devices/pci0000:00/0000:01:00.0/nvme/nvme0', device__serial='N1',
             wwid='eui.0025385b71b0a1b2')
    nvme, virtio = disks.discover(machine)
    assert (virtio.serial, virtio.wwn, virtio.hctl) == ('V1', None, None)
    assert virtio.by_path == '/dev/disk/by-path/pci-0000:00:04.0'
    assert (nvme.serial, nvme.wwn) == ('N1', 'eui.0025385b71b0a1b2')
    assert nvme.by_path == '/dev/disk/by-path/pci-0000:01:00.0-nvme-1'


def test_partitions_that_the_kernel_sees(machine):
    add_disk(machine, 'vda', GIB, vda1__start=2048, vda1__size=4096, vda2__start=8192, vda2__size=16)
    assert disks.partitions(machine, 'vda') == [(2 ** 20, 2 ** 21), (2 ** 22, 8192)]
