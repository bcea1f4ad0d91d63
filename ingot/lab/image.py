"""A small OS image that proves itself: it boots from its own disk, BIOS or UEFI, and says so on the serial port.

The line is ``INGOT-BOOTED image=<id> root=<device> hostname=<name or ->``; the name comes from a config drive. The disk:
an MBR with syslinux for BIOS, a FAT partition with the kernel (and syslinux for UEFI), an ext4 partition that is the root.
Built without root or loop mounts, from Debian packages; equal arguments give equal bytes.
"""

import hashlib
import os
import pathlib
import random
import struct
import tempfile
import uuid

from ingot import debian, errors, initramfs, programs

_HERE = pathlib.Path(__file__).parent
_MIB = 1 << 20
_ESP_MIB = 64
_ROOT_OFFSET = (1 + _ESP_MIB) * _MIB
_KERNEL = 'linux-image-cloud-amd64'
_MODULES = ('virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'sr_mod', 'nvme', 'isofs', 'button', 'evdev')
_LABEL = 'ingot-root'
_SYSLINUX = f"""DEFAULT ingot
PROMPT 0
LABEL ingot
  LINUX /kernel
  INITRD /initrd
  APPEND console=ttyS0 quiet panic=10 root=LABEL={_LABEL}
"""
_SECONDS = 300


def build(folder, size_mib=1024, format='raw', cache=None, *, image_id=None, data_mib=0):
    """Make ``ingot-os.raw`` or ``ingot-os.qcow2`` in ``folder``, unless it is there from equal arguments; returns its path.

    :param size_mib: virtual size; what holds no data is a gap in the file.
    :param image_id: what the marker says; default: a hash of everything the image is made of. Also in ``ingot-os.id``.
    :param data_mib: so much incompressible data in the root file system, the same each time, to measure transfers.
    """
    if format not in ('raw', 'qcow2') or size_mib < 128 + data_mib:
        raise errors.InvalidParameter(f'An image of {size_mib} MiB with {data_mib} MiB of data as "{format}" cannot be made; '
                                      'needed: 128 MiB more than the data, and raw or qcow2.')
    folder = pathlib.Path(folder)
    path, stamp = folder / f'ingot-os.{format}', folder / f'ingot-os.{format}.inputs'
    names = _packages(cache)
    inputs = _digest(size_mib, data_mib, initramfs.epoch(), *debian.look_up(names, cache).values(), *_recipe())
    image_id = image_id or inputs[:12]
    if not (path.exists() and stamp.exists() and stamp.read_text() == f'{inputs} {image_id}'):
        used = debian.fetch(names, cache)
        folder.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix='.build-') as work:
            os.replace(_make(pathlib.Path(work), used, size_mib, format, cache, image_id, data_mib), path)
        (folder / 'ingot-os.id').write_text(image_id)
        stamp.write_text(f'{inputs} {image_id}')
    return path


def _packages(cache):
    kernel = debian.depended(debian.look_up([_KERNEL], cache)[_KERNEL], r'linux-image-\d\S+')
    return [kernel, 'busybox-static', 'syslinux', 'syslinux-common', 'syslinux-efi']


def _recipe():
    files = [pathlib.Path(__file__), pathlib.Path(initramfs.__file__), *sorted(_HERE.glob('image-*'))]
    return [file.read_text() for file in files]


def _digest(*parts):
    return hashlib.sha256('\0'.join(map(str, parts)).encode()).hexdigest()


def _make(work, used, size_mib, format, cache, image_id, data_mib):
    source, disk = work / 'source', work / 'disk.raw'
    source.mkdir()
    debian.unpack(used, source, cache)
    with open(disk, 'wb') as file:
        file.truncate(size_mib * _MIB)
    _make_initrd(source, work)
    _make_boot(source, work, disk)
    _make_root(source, work, disk, size_mib, image_id, data_mib)
    with open(disk, 'r+b') as file:
        file.write(_master_boot_record((source / 'usr/lib/syslinux/mbr/mbr.bin').read_bytes(), size_mib))
    if format == 'qcow2':
        programs.run('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', disk, work / 'disk.qcow2', timeout=_SECONDS)
    return work / f'disk.{format}'


def _master_boot_record(code, size_mib):
    """512 bytes: boot code, disk id, and two partitions in sectors; the FAT one is active. The last two are free."""
    def partition(flag, kind, start, length):
        return struct.pack('<B3sB3sII', flag, b'\xfe\xff\xff', kind, b'\xfe\xff\xff', start * 2048, length * 2048)
    table = partition(0x80, 0xef, 1, _ESP_MIB) + partition(0, 0x83, 1 + _ESP_MIB, size_mib - _ESP_MIB - 1)
    return struct.pack('<440s4s2x64s2s', code, b'INGT', table, b'\x55\xaa')


def _make_initrd(source, work):
    tree = work / 'tree'
    for name in ('dev', 'proc', 'sys', 'root'):
        (tree / name).mkdir(parents=True)
    initramfs.busybox(source, tree)
    initramfs.modules(source, tree, _MODULES)
    _write(tree / 'init', (_HERE / 'image-initramfs.sh').read_text(), 0o755)
    _write(tree / 'modules', ' '.join(_MODULES))
    _write(tree / 'root-label', _LABEL)
    initramfs.pack(tree, work / 'initrd')


def _write(path, text, mode=0o644):
    path.write_text(text)
    path.chmod(mode)
    return path


def _make_boot(source, work, disk):
    """The FAT partition: kernel, initrd, syslinux.cfg, and both boot loaders."""
    part, loaders = f'{disk}@@{_MIB}', source / 'usr/lib'
    clock = {'SOURCE_DATE_EPOCH': str(initramfs.epoch()), 'MTOOLS_SKIP_CHECK': '1', 'TZ': 'UTC'}
    programs.run('mformat', '-i', part, '-T', _ESP_MIB * 2048, '-h', 64, '-s', 32, '-H', 2048, '-N', '494e4754', '::',
                 environment=clock)
    programs.run('mmd', '-i', part, '::/EFI', '::/EFI/BOOT', environment=clock)
    version = initramfs.kernel_version(source)
    for target, file in {
            'kernel': source / f'boot/vmlinuz-{version}', 'initrd': work / 'initrd',
            'syslinux.cfg': _write(work / 'syslinux.cfg', _SYSLINUX),
            'EFI/BOOT/BOOTX64.EFI': loaders / 'SYSLINUX.EFI/efi64/syslinux.efi',
            'EFI/BOOT/ldlinux.e64': loaders / 'syslinux/modules/efi64/ldlinux.e64'}.items():
        os.utime(file, (initramfs.epoch(), initramfs.epoch()))
        programs.run('mcopy', '-m', '-i', part, file, f'::/{target}', environment=clock)
    programs.run(source / 'usr/bin/syslinux', '--install', '-t', _MIB, disk, environment=clock)


def _make_root(source, work, disk, size_mib, image_id, data_mib):
    """The ext4 partition, filled by debugfs: mke2fs -d would copy owner and ctime of the building system's files."""
    clock = {'E2FSPROGS_FAKE_TIME': str(initramfs.epoch()), 'TZ': 'UTC'}
    name = uuid.uuid5(uuid.NAMESPACE_URL, f'ingot:{image_id}')
    programs.run('mke2fs', '-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-m', 0, '-L', _LABEL, '-U', name, '-E',
                 f'offset={_ROOT_OFFSET},hash_seed={name},root_owner=0:0,lazy_itable_init=1',
                 disk, f'{(size_mib - _ESP_MIB - 1) * 1024}k', environment=clock)
    files = {'bin/busybox': source / 'bin/busybox',
             'sbin/init': _write(work / 'init', (_HERE / 'image-init.sh').read_text(), 0o755),
             'etc/metadata.awk': _HERE / 'image-metadata.awk', 'etc/image-id': _write(work / 'image-id', image_id)}
    if data_mib:
        files['data'] = _write_data(work / 'data', data_mib)
    orders = [f'mkdir {folder}' for folder in ('bin', 'sbin', 'etc', 'dev', 'proc', 'sys', 'run')]
    for target, file in files.items():
        mode = '0100755' if 'bin/' in target else '0100644'
        orders += [f'write {file} {target}', f'set_inode_field {target} mode {mode}']
    orders += [f'symlink bin/{name} busybox' for name in initramfs.applets(files['bin/busybox'])]
    done = programs.run('debugfs', '-w', '-f', '-', f'{disk}?offset={_ROOT_OFFSET}', environment=clock,
                        stdin='\n'.join([*orders, '']), timeout=_SECONDS)
    if done.count('Allocated inode') != len(files):  # debugfs ends with 0 whatever happens
        raise errors.ProgramFailed(f'debugfs could not fill the root file system: {done[-500:]}')


def _write_data(path, mib):
    generator = random.Random('ingot')
    with open(path, 'wb') as file:
        for _ in range(mib):
            file.write(generator.randbytes(_MIB))
    return path
