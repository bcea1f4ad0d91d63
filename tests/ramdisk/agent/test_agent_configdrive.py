import base64
import gzip
import os
import struct

import pytest
from agent_bench import GIB, MIB, Bench, add_disk

from ingot.ramdisk.agent import block
from ingot.ramdisk.agent.actions import configdrive
from ingot.ramdisk.agent.errors import AgentError

ISO = os.urandom(70_000)


@pytest.fixture
def disk(machine):
    """A disk with an MBR that has one partition of 8 MiB."""
    path = add_disk(machine, 'vda', GIB, serial='ROOT')
    with open(path, 'r+b') as file:
        file.write(bytes(446) + struct.pack('<B3sB3sII', 128, b'', 0x83, b'', 2048, 16384) + bytes(48) + b'\x55\xAA')
        file.seek(-MIB, os.SEEK_END)
        file.write(b'\xAA' * MIB)
    return path


def act(iso):
    return {'action': 'write configdrive', 'iso': base64.b64encode(iso).decode()}


def job(machine, disk):
    return Bench(machine, data={'root_disk': {'name': str(disk), 'serial': 'ROOT'}}).job


def test_the_iso_lies_at_the_start_of_its_partition(machine, disk):
    result = configdrive.run(act(gzip.compress(ISO)), job(machine, disk))
    assert result == {'configdrive': {'offset': GIB - MIB, 'size': 70_000}}
    with open(disk, 'rb') as file:
        start, length = struct.unpack_from('<II', file.read(512), 446 + 16 + 8)
        file.seek(start * 512)
        assert file.read(length * 512) == ISO + bytes(MIB - 70_000)


@pytest.mark.parametrize(('iso', 'code'), [
    (b'no gzip', 'plan-refused'), (gzip.compress(ISO)[:-2000], 'plan-refused'),
    (gzip.compress(bytes(64 * MIB + 1)), 'configdrive-too-big')])
def test_a_config_drive_that_is_none_leaves_the_disk_alone(machine, disk, iso, code):
    with open(disk, 'rb') as file:
        before = file.read(MIB)
    with pytest.raises(AgentError) as error:
        configdrive.run(act(iso), job(machine, disk))
    assert error.value.code == code
    with open(disk, 'rb') as file:
        assert file.read(MIB) == before


def test_text_that_is_no_base64(machine, disk):
    with pytest.raises(AgentError) as error:
        configdrive.run({'action': 'write configdrive', 'iso': '='}, job(machine, disk))
    assert error.value.code == 'plan-refused'


def test_it_does_not_fit_behind_the_image(machine, disk):
    with open(disk, 'r+b') as file:
        file.seek(446 + 12)
        file.write(struct.pack('<I', GIB // 512 - 2048))
    with pytest.raises(AgentError) as error:
        configdrive.run(act(gzip.compress(ISO)), job(machine, disk))
    assert error.value.code == 'configdrive-too-big'


def test_a_disk_that_gives_back_other_bytes(machine, disk, monkeypatch):
    monkeypatch.setattr(block.Device, 'zero', lambda *_: None)
    real = block.Device.write
    monkeypatch.setattr(block.Device, 'write',
                        lambda device, offset, data: offset > MIB or real(device, offset, data))
    with pytest.raises(AgentError) as error:
        configdrive.run(act(gzip.compress(ISO)), job(machine, disk))
    assert error.value.code == 'checksum-mismatch'


def test_a_broken_disk_is_named(machine, disk, monkeypatch):
    def fail(*_):
        raise OSError(5, 'Input/output error')
    monkeypatch.setattr(block.Device, 'write', fail)
    with pytest.raises(AgentError) as error:
        configdrive.run(act(gzip.compress(ISO)), job(machine, disk))
    assert error.value.code == 'disk-error'
    assert 'ROOT' in error.value.message


def test_without_an_image_before_it(machine):
    with pytest.raises(AgentError) as error:
        configdrive.run(act(gzip.compress(ISO)), Bench(machine).job)
    assert error.value.code == 'plan-refused'
