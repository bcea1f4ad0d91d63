"""The small OS image: equal bytes, a sound disk with real gaps, and (e2e) booted from its disk, BIOS and UEFI."""

import contextlib
import io
import json
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import time
import zlib

import pycdlib
import pytest

from ingot import errors, programs
from ingot.lab import image

MIB = 1 << 20
ESP, ROOT = MIB, 65 * MIB
HERE = pathlib.Path(image.__file__).parent


@pytest.fixture(scope='module')
def disk(tmp_path_factory):
    return image.build(tmp_path_factory.mktemp('image'))


def on_root(disk, words):
    return programs.run('debugfs', '-R', words, f'{disk}?offset={ROOT}')


def test_two_builds_are_equal_byte_for_byte(disk, tmp_path):
    again = image.build(tmp_path / 'another-folder')
    with open(disk, 'rb') as one, open(again, 'rb') as other:
        while block := one.read(4 * MIB):
            assert block == other.read(4 * MIB)
        assert not other.read(1)


def test_the_disk_is_large_and_its_data_small(disk):
    assert disk.stat().st_size == 1024 * MIB
    assert 10 * MIB < disk.stat().st_blocks * 512 < 30 * MIB


def test_the_partition_table_has_a_boot_and_a_root_partition_and_room_for_more(disk):
    with open(disk, 'rb') as file:
        sector = file.read(512)
    table = [struct.unpack_from('<B3xB3xII', sector, 446 + 16 * number) for number in range(4)]
    assert table == [(0x80, 0xef, 2048, 64 * 2048), (0, 0x83, 65 * 2048, 959 * 2048), (0, 0, 0, 0), (0, 0, 0, 0)]
    assert sector[510:] == b'\x55\xaa'
    assert sector[:440].strip(b'\0')


def test_both_boot_loaders_find_a_kernel(disk):
    listed = programs.run('mdir', '-a', '-b', '-/', '-i', f'{disk}@@{ESP}', '::').splitlines()
    assert set(listed) >= {'::/kernel', '::/initrd', '::/syslinux.cfg', '::/ldlinux.sys', '::/ldlinux.c32',
                           '::/EFI/BOOT/BOOTX64.EFI', '::/EFI/BOOT/ldlinux.e64'}


def test_the_root_file_system_is_sound_and_owned_by_root(disk, tmp_path):
    with open(disk, 'rb') as source, open(tmp_path / 'root', 'wb') as target:
        source.seek(ROOT)
        shutil.copyfileobj(source, target, 4 * MIB)
    programs.run('e2fsck', '-f', '-n', tmp_path / 'root')
    owners = re.findall(r'^ *\d+ +(\d+) \(\d+\) +(\d+) +(\d+)', on_root(disk, 'ls -l /bin') + on_root(disk, 'ls -l /sbin'),
                        re.MULTILINE)
    assert len(owners) > 200
    assert {(user, group) for _, user, group in owners} == {('0', '0')}
    assert '100755' in on_root(disk, 'ls -l /sbin')


def test_what_is_there_already_is_left_alone(disk):
    before = disk.stat().st_mtime_ns
    assert image.build(disk.parent) == disk
    assert disk.stat().st_mtime_ns == before


def test_id_and_data_are_as_asked(tmp_path):
    built = image.build(tmp_path, 256, image_id='blue', data_mib=3)
    assert (tmp_path / 'ingot-os.id').read_text() == 'blue'
    assert on_root(built, 'cat /etc/image-id') == 'blue'
    programs.run('debugfs', '-R', f'dump /data {tmp_path}/data', f'{built}?offset={ROOT}')
    data = (tmp_path / 'data').read_bytes()
    assert len(data) == 3 * MIB
    assert len(zlib.compress(data)) > 0.99 * len(data)
    before = built.stat().st_mtime_ns
    assert image.build(tmp_path, 256, image_id='green', data_mib=3).stat().st_mtime_ns != before
    assert on_root(built, 'cat /etc/image-id') == 'green'


def test_qcow2_holds_the_same_disk(disk, tmp_path):
    built = image.build(tmp_path, format='qcow2')
    assert built.stat().st_size < 20 * MIB
    programs.run('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', built, disk)


@pytest.mark.parametrize('wrong', [{'format': 'vmdk'}, {'size_mib': 100}, {'size_mib': 200, 'data_mib': 100}])
def test_impossible_wishes_are_refused(wrong, tmp_path):
    with pytest.raises(errors.InvalidParameter, match='128 MiB more than the data, and raw or qcow2'):
        image.build(tmp_path, **wrong)


@pytest.mark.parametrize(('metadata', 'name'), [
    ({'hostname': 'web-1'}, 'web-1'), ({'name': 'web-2', 'uuid': 'x'}, 'web-2'), ({'name': 'a', 'hostname': 'b'}, 'b'),
    ({'keys': [{'name': 'key', 'hostname': 'no'}], 'name': 'yes'}, 'yes'), ({'meta': {'hostname': 'no'}}, ''), ({}, ''),
    ({'note': 'a "hostname": "no", {[', 'hostname': 'yes'}, 'yes'), ({'name': None, 'list': ['name', 'x']}, '')])
@pytest.mark.parametrize('indent', [None, 2])
def test_the_host_name_of_meta_data(metadata, name, indent):
    text = json.dumps(metadata, indent=indent)
    assert programs.run('busybox', 'awk', '-f', HERE / 'image-metadata.awk', stdin=text) == f'{name}\n'


@pytest.mark.parametrize('script', ['image-init.sh', 'image-initramfs.sh'])
def test_scripts_are_shell(script):
    programs.run('busybox', 'sh', '-n', HERE / script)


def add_config_drive(disk, metadata):
    """As the agent does: an ISO 9660 in a third partition at the end of the disk."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, vol_ident='config-2', joliet=3)
    for depth in ('openstack', 'openstack/latest'):
        iso.add_directory(f'/{depth.upper()}', joliet_path=f'/{depth}')
    text = json.dumps(metadata).encode()
    iso.add_fp(io.BytesIO(text), len(text), '/OPENSTACK/LATEST/META_DATA.JSON;1', joliet_path='/openstack/latest/meta_data.json')
    content = io.BytesIO()
    iso.write_fp(content)
    with open(disk, 'r+b') as file:
        start = file.seek(0, 2) // 512
        file.write(content.getvalue().ljust(MIB, b'\0'))
        file.seek(446 + 32)
        file.write(struct.pack('<B3sB3sII', 0, b'\xfe\xff\xff', 0x83, b'\xfe\xff\xff', start, 2048))


@contextlib.contextmanager
def machine(disk, tmp_path, *more):
    """A running QEMU machine with that disk, its console's file, and its control socket."""
    console, control = tmp_path / 'console', tmp_path / 'control'
    console.touch()
    with subprocess.Popen([
            programs.find('setpriv'), '--pdeathsig', 'KILL', programs.find('qemu'), '-accel', 'tcg,thread=multi',
            '-machine', 'q35,smm=off,graphics=off', '-m', '512', '-display', 'none', '-nodefaults', '-serial', f'file:{console}',
            '-qmp', f'unix:{control},server=on,wait=off', '-drive', f'file={disk},if=none,id=d,format=raw,cache=unsafe',
            *more]) as qemu:
        try:
            yield qemu, console, control
        finally:
            qemu.kill()


def marker(qemu, console, seconds=180):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and qemu.poll() is None:
        found = re.search(r'^INGOT-BOOTED .*$', console.read_text(errors='replace').replace('\r', ''), re.MULTILINE)
        if found:
            return found.group()
        time.sleep(0.1)
    raise AssertionError(f'no marker on the console: {console.read_text(errors="replace")[-1500:]}')


def press_power_button(control):
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(control))
        stream = channel.makefile('rw')
        stream.readline()
        for command in ('qmp_capabilities', 'system_powerdown'):
            stream.write(json.dumps({'execute': command}))
            stream.flush()
            stream.readline()


@pytest.mark.e2e
def test_bios_boots_it_from_disk_with_a_config_drive_and_the_power_button_ends_it(tmp_path):
    mine = image.build(tmp_path / 'built', 512, image_id='bios-1')
    add_config_drive(mine, {'uuid': 'x', 'keys': [{'name': 'no'}], 'hostname': 'web-17'})
    with machine(mine, tmp_path, '-device', 'virtio-blk-pci,drive=d') as (qemu, console, control):
        assert marker(qemu, console) == 'INGOT-BOOTED image=bios-1 root=/dev/vda2 hostname=web-17'
        deadline = time.monotonic() + 60
        while qemu.poll() is None and time.monotonic() < deadline:  # until the system listens to its button
            with contextlib.suppress(OSError):
                press_power_button(control)
            time.sleep(0.5)
        assert qemu.returncode == 0


@pytest.mark.e2e
def test_uefi_boots_it_from_nvme_without_a_config_drive(tmp_path):
    code, variables = '/usr/share/OVMF/OVMF_CODE_4M.fd', shutil.copy('/usr/share/OVMF/OVMF_VARS_4M.fd', tmp_path)
    mine = image.build(tmp_path / 'built', 512, image_id='uefi-1')
    with machine(mine, tmp_path, '-device', 'nvme,serial=1,drive=d',
                 '-drive', f'if=pflash,format=raw,readonly=on,file={code}',
                 '-drive', f'if=pflash,format=raw,file={variables}') as (qemu, console, _):
        assert marker(qemu, console) == 'INGOT-BOOTED image=uefi-1 root=/dev/nvme0n1p2 hostname=-'
