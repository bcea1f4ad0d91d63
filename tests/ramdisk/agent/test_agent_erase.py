import os

import pytest
from agent_bench import GIB, MIB, Bench, add_disk, fill

from ingot.ramdisk.agent.actions import erase
from ingot.ramdisk.agent.errors import AgentError

SECOND = 'devices/pci0000:00/0000:00:05.0/virtio1'
ISCSI = 'devices/platform/host5/session2/target5:0:0/5:0:0:1'


def read(path, offset, length):
    with open(path, 'rb') as file:
        file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
        return file.read(length)


def write(path, offset, data):
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(data)


def is_wiped(path):
    return read(path, 0, MIB) == read(path, -MIB, MIB) == bytes(MIB)


def test_every_disk_is_wiped_at_both_ends_and_nowhere_else(machine):
    paths = [add_disk(machine, 'vda', 5 * GIB), add_disk(machine, 'vdb', GIB, place=SECOND)]
    for path in paths:
        fill(path)
    result = erase.run({'root_device': None}, Bench(machine).job)
    assert result == {'erased': [f'{machine.dev}/vda', f'{machine.dev}/vdb']}
    for path in paths:
        assert is_wiped(path)
        assert read(path, MIB, 7 * MIB) == b'\xAA' * 7 * MIB


def test_the_root_disk_only(machine):
    chosen, other = add_disk(machine, 'vda', 5 * GIB, serial='A'), add_disk(machine, 'vdb', 5 * GIB, place=SECOND, serial='B')
    fill(chosen)
    fill(other)
    erase.run({'root_device': {'serial': 'A'}}, Bench(machine).job)
    assert is_wiped(chosen)
    assert read(other, 0, 8 * MIB) == b'\xAA' * 8 * MIB
    with pytest.raises(AgentError, match='No disk fits'):
        erase.run({'root_device': {'serial': 'C'}}, Bench(machine).job)


def test_disks_of_others_are_spared(machine):
    paths = [add_disk(machine, 'sda', GIB, place=ISCSI), add_disk(machine, 'sdb', GIB, place='devices/usb/1', removable=1)]
    for path in paths:
        fill(path)
    assert erase.run({'root_device': None}, Bench(machine).job) == {'erased': []}
    assert all(read(path, 0, MIB) == b'\xAA' * MIB for path in paths)


def test_partitions_are_wiped_too(machine):
    path = add_disk(machine, 'vda', GIB, vda1__start=8192, vda1__size=204800)
    fill(path, upto=300 * MIB)
    erase.run({'root_device': None}, Bench(machine).job)
    assert read(path, 4 * MIB, MIB) == bytes(MIB)
    assert read(path, 103 * MIB, MIB) == bytes(MIB)
    assert read(path, 5 * MIB, MIB) == read(path, 102 * MIB, MIB) == read(path, 104 * MIB, MIB) == b'\xAA' * MIB


@pytest.mark.parametrize(('offset', 'magic_at', 'magic'), [
    (64 * MIB, 64 * MIB + 0x40, b'_BHRfS_M'), (256 * GIB, 256 * GIB + 0x40, b'_BHRfS_M'),
    (0x400000, 0x400000, b'SKUL\xba\xbe')])
def test_signatures_deep_inside(machine, offset, magic_at, magic):
    path = add_disk(machine, 'vda', 300 * GIB)
    write(path, offset, b'\xAA' * 8192)
    write(path, magic_at, magic)
    write(path, 32 * MIB, b'\xAA' * 8192)
    erase.run({'root_device': None}, Bench(machine).job)
    assert read(path, offset, 8192) == bytes(4096) + b'\xAA' * 4096
    assert read(path, 32 * MIB, 8192) == b'\xAA' * 8192


def test_bytes_without_a_signature_stay(machine):
    path = add_disk(machine, 'vda', GIB)
    write(path, 64 * MIB, b'\xAA' * 4096)
    erase.run({'root_device': None}, Bench(machine).job)
    assert read(path, 64 * MIB, 4096) == b'\xAA' * 4096


def test_a_disk_that_cannot_be_opened_is_named(machine):
    add_disk(machine, 'vda', GIB, serial='GONE').unlink()
    with pytest.raises(AgentError) as error:
        erase.run({'root_device': None}, Bench(machine).job)
    assert error.value.code == 'disk-error'
    assert 'GONE' in error.value.message


def test_a_disk_smaller_than_what_is_wiped(machine):
    path = add_disk(machine, 'vda', MIB // 2)
    write(path, 0, b'\xAA' * (MIB // 2))
    erase.run({'root_device': None}, Bench(machine).job)
    assert read(path, 0, MIB) == bytes(MIB // 2)
