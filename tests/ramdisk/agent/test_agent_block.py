import errno
import os

import pytest
from agent_bench import MIB

from ingot.ramdisk.agent.block import Device


@pytest.fixture
def device(tmp_path):
    (tmp_path / 'disk').write_bytes(b'\xAA' * MIB)
    return Device(str(tmp_path / 'disk'), is_writable=True)


@pytest.mark.parametrize(('offset', 'length'), [(0, 512), (1, 1), (510, 4), (511, 1026), (MIB - 1, 1), (0, MIB)])
def test_bytes_go_anywhere_and_leave_their_neighbours(device, offset, length):
    data = os.urandom(length)
    device.write(offset, data)
    assert device.read(offset, length) == data
    assert device.read(0, MIB) == b'\xAA' * offset + data + b'\xAA' * (MIB - offset - length)


def test_zeros_are_written_where_data_was_and_holes_stay(device):
    device.zero(4096, 8192)
    assert device.read(0, 16384) == b'\xAA' * 4096 + bytes(8192) + b'\xAA' * 4096


def test_holes_of_a_sparse_file_are_not_filled(tmp_path):
    with open(tmp_path / 'disk', 'wb') as file:
        file.truncate(64 * MIB)
    Device(str(tmp_path / 'disk'), is_writable=True).zero(0, 64 * MIB)
    assert os.stat(tmp_path / 'disk').st_blocks < 100


def test_reading_behind_the_end_is_an_error(device):
    with pytest.raises(OSError) as error:
        device.read(MIB - 512, 1024)
    assert error.value.errno == errno.EIO


@pytest.mark.parametrize(('offset', 'length'), [(0, 262144), (65536, 131072), (131072, 131072), (4096, 65536)])
def test_a_range_with_holes_and_data_reads_as_zero(tmp_path, offset, length):
    with open(tmp_path / 'disk', 'wb') as file:
        file.truncate(524288)
        file.seek(65536)
        file.write(b'\xAA' * 131072)
    device = Device(str(tmp_path / 'disk'), is_writable=True)
    device.zero(offset, length)
    assert device.read(offset, length) == bytes(length)
    assert device.read(0, 524288).count(0xAA) == 131072 - max(0, min(offset + length, 196608) - max(offset, 65536))
