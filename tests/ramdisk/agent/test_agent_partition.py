import json
import os
import shutil
import subprocess

import pytest
from agent_bench import MIB

from ingot.ramdisk.agent import partition
from ingot.ramdisk.agent.block import Device
from ingot.ramdisk.agent.errors import AgentError

SFDISK = shutil.which('sfdisk', path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
pytestmark = pytest.mark.skipif(SFDISK is None, reason='sfdisk (Debian package fdisk) is missing')
ONE = 'start=2048, size=16384, type={}, bootable'


def make_disk(path, script, size=64 * MIB, image_size=32 * MIB):
    """A disk of ``size`` with an image of ``image_size`` on it that sfdisk partitioned."""
    with open(path, 'wb') as file:
        file.truncate(image_size)
    subprocess.run([SFDISK, '--quiet', path], input=script.encode(), check=True)
    os.truncate(path, size)
    return Device(str(path), is_writable=True)


def look(path):
    """sfdisk's view of the disk; it must have nothing to complain about."""
    verified = subprocess.run([SFDISK, '--verify', path], capture_output=True, text=True, check=True)
    assert 'No errors detected' in verified.stdout, verified.stdout
    assert not verified.stderr
    return json.loads(subprocess.run([SFDISK, '--json', path], capture_output=True, check=True).stdout)['partitiontable']


def test_an_mbr_gets_one_more_partition_at_the_end(tmp_path):
    device = make_disk(tmp_path / 'disk', f'label: dos\n{ONE.format(83)}\n')
    before = device.read(0, 446)
    place = partition.add(device, 300_000, 'config-2')
    assert place == (63 * MIB, MIB)
    first, second = look(tmp_path / 'disk')['partitions']
    assert (first['start'], first['size'], first['bootable']) == (2048, 16384, True)
    assert (second['start'], second['size'], second['type']) == (63 * 2048, 2048, '83')
    assert device.read(0, 446) == before


def test_a_gpt_moves_its_backup_to_the_end_of_the_disk(tmp_path):
    device = make_disk(tmp_path / 'disk', f'label: gpt\n{ONE.format("U")}, name=esp\n')
    before = make_disk(tmp_path / 'other', f'label: gpt\n{ONE.format("U")}, name=esp\n') and look_ids(tmp_path / 'disk')
    place = partition.add(device, MIB + 1, 'config-2')
    table = look(tmp_path / 'disk')
    first, second = table['partitions']
    assert (first['start'], first['size'], first['name']) == (2048, 16384, 'esp')
    assert (table['id'], first['uuid']) == before
    assert (second['start'] * 512, second['size'] * 512, second['name']) == (place.start, place.size, 'config-2')
    assert place == (61 * MIB, 2 * MIB)
    assert second['type'] == '0FC63DAF-8483-4772-8E79-3D69D8477DE4'
    assert table['lastlba'] == 64 * 2048 - 34
    assert device.read(64 * MIB - 512, 8) == b'EFI PART'
    assert int.from_bytes(device.read(446 + 12, 4), 'little') == 64 * 2048 - 1


def look_ids(path):
    """(id of the disk, of its first partition); the backup is still in the middle here, so sfdisk may complain."""
    table = json.loads(subprocess.run([SFDISK, '--json', path], capture_output=True, check=True).stdout)['partitiontable']
    return table['id'], table['partitions'][0]['uuid']


def test_the_backup_alone_is_enough_to_read_the_table(tmp_path):
    device = make_disk(tmp_path / 'disk', f'label: gpt\n{ONE.format("L")}\n')
    partition.add(device, MIB, 'config-2')
    device.write(512, bytes(512))
    shown = subprocess.run([SFDISK, '--json', tmp_path / 'disk'], capture_output=True, text=True, check=True)
    assert 'primary GPT table is corrupt' in shown.stderr
    assert len(json.loads(shown.stdout)['partitiontable']['partitions']) == 2


@pytest.mark.parametrize('label', ['dos', 'gpt'])
def test_a_second_one_is_not_laid_over_the_first(tmp_path, label):
    device = make_disk(tmp_path / 'disk', f'label: {label}\n{ONE.format("L")}\n')
    first = partition.add(device, MIB, 'config-2')
    with pytest.raises(AgentError) as error:
        partition.add(device, MIB, 'config-2')
    assert error.value.code == 'configdrive-too-big'
    assert f'{first.start + first.size}' in error.value.message


@pytest.mark.parametrize(('label', 'room', 'fits'), [('dos', 4 * MIB, True), ('dos', 5 * MIB, False),
                                                     ('gpt', 3 * MIB, True), ('gpt', 4 * MIB, False)])
def test_it_fits_exactly_or_not_at_all(tmp_path, label, room, fits):
    device = make_disk(tmp_path / 'disk', f'label: {label}\nstart=2048, size={11 * 2048}, type=L\n', size=16 * MIB,
                       image_size=16 * MIB)
    before = device.read(0, MIB)
    if fits:
        assert partition.add(device, room, 'config-2').start == 12 * MIB
        look(tmp_path / 'disk')
    else:
        with pytest.raises(AgentError) as error:
            partition.add(device, room, 'config-2')
        assert error.value.code == 'configdrive-too-big'
        assert str(tmp_path / 'disk') in error.value.message
        assert device.read(0, MIB) == before


def test_an_extended_partition_is_not_overlapped(tmp_path):
    device = make_disk(tmp_path / 'disk', 'label: dos\nsize=4096, type=83\nsize=20480, type=5\nsize=2048, type=83\n')
    place = partition.add(device, MIB, 'config-2')
    parts = {part['node'][-1]: part for part in look(tmp_path / 'disk')['partitions']}
    assert parts['4']['start'] * 512 == place.start == 63 * MIB


def test_an_mbr_without_a_free_entry(tmp_path):
    device = make_disk(tmp_path / 'disk', 'label: dos\n' + 'size=2048, type=83\n' * 4)
    with pytest.raises(AgentError) as error:
        partition.add(device, MIB, 'config-2')
    assert (error.value.code, 'no free entry' in error.value.message) == ('configdrive-too-big', True)


@pytest.mark.parametrize(('damage', 'words'), [(510, 'no partition table'), (512, 'damaged'), (512 + 60, 'damaged'),
                                               (1024 + 40, 'entries')])
def test_a_damaged_table_is_not_written_to(tmp_path, damage, words):
    device = make_disk(tmp_path / 'disk', f'label: gpt\n{ONE.format("L")}\n')
    device.write(damage, b'\xEE\xEE')
    before = device.read(0, 64 * MIB)
    with pytest.raises(AgentError) as error:
        partition.add(device, MIB, 'config-2')
    assert error.value.code == 'disk-error'
    assert words in error.value.message
    assert device.read(0, 64 * MIB) == before
