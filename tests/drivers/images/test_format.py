"""The format is told from bytes; what could read other files of the host, or is no disk, is refused with a reason."""

import struct

import pytest

from ingot import errors
from ingot.drivers.images import format

MAX = 100     # MiB


def look(path, declared=None):
    return format.inspect(str(path), name='file:///image', max_mib=MAX, declared=declared)


@pytest.fixture
def edit():
    """edit(path, {offset: bytes}): damage a file."""
    def edit(path, changes):
        with open(path, 'r+b') as file:
            for offset, content in changes.items():
                file.seek(offset)
                file.write(content)
        return path
    return edit


@pytest.mark.parametrize('options', [
    ('-o', 'compat=0.10'), ('-o', 'compat=1.1'), ('-c',), ('-o', 'cluster_size=4k'), ('-o', 'extended_l2=on'),
    ('-c', '-o', 'compression_type=zstd'), ('-o', 'lazy_refcounts=on'), ('-o', 'cluster_size=2M')])
def test_real_qcow2_is_accepted(make_qcow2, disk, options):
    facts = look(make_qcow2('image', disk(1), *options))
    assert facts == ('qcow2', 2 << 20)


def test_raw_is_what_has_no_signature(tmp_path, disk):
    path = tmp_path / 'image'
    path.write_bytes(disk(1))
    assert look(path) == ('raw', 2 << 20)
    assert look(path, 'raw').format == 'raw'


def test_backing_file_is_refused(folder, qemu_img):
    qemu_img('create', '-f', 'raw', folder / 'base', '1M')
    qemu_img('create', '-f', 'qcow2', '-F', 'raw', '-b', folder / 'base', folder / 'layer')
    with pytest.raises(errors.InvalidImage, match='backing file') as caught:
        look(folder / 'layer')
    assert 'qemu-img convert' in caught.value.remedy


def test_external_data_file_is_refused(folder, qemu_img, edit):
    qemu_img('create', '-f', 'qcow2', '-o', f'data_file={folder}/data,data_file_raw=on', folder / 'image', '1M')
    with pytest.raises(errors.InvalidImage, match='external file'):
        look(folder / 'image')
    edit(folder / 'image', {72: bytes(8)})      # the bit is cleared, the name stays
    with pytest.raises(errors.InvalidImage, match='external data file'):
        look(folder / 'image')


@pytest.mark.parametrize('method', [1, 2])
def test_encryption_is_refused(folder, qemu_img, edit, method):
    qemu_img('create', '-f', 'qcow2', '--object', 'secret,id=s,data=abc', '-o',
             'encrypt.format=aes,encrypt.key-secret=s', folder / 'image', '1M')
    edit(folder / 'image', {32: struct.pack('>I', method)})      # 2 is LUKS, which takes long to make
    with pytest.raises(errors.InvalidImage, match='encrypted'):
        look(folder / 'image')


@pytest.mark.parametrize(('changes', 'words'), [
    ({4: struct.pack('>I', 1)}, 'version 1'),
    ({4: struct.pack('>I', 4)}, 'version 4'),
    ({20: struct.pack('>I', 60)}, 'cluster_bits is 60'),
    ({24: struct.pack('>Q', 0)}, '0 bytes'),
    ({36: struct.pack('>I', 0xffffffff)}, 'outside of the file'),
    ({40: struct.pack('>Q', 1 << 60)}, 'outside of the file'),
    ({48: struct.pack('>Q', 1 << 60)}, 'outside of the file'),
    ({36: struct.pack('>I', 0)}, 'cannot describe'),
    ({72: struct.pack('>Q', 1)}, 'not closed cleanly'),
    ({72: struct.pack('>Q', 2)}, 'corrupt'),
    ({72: struct.pack('>Q', 1 << 5)}, 'not known'),
    ({72: struct.pack('>Q', 1 << 63)}, 'not known'),
    ({100: struct.pack('>I', 8)}, 'its length is 8'),
])
def test_damaged_headers_are_refused(make_qcow2, disk, edit, changes, words):
    path = make_qcow2('image', disk(1))
    with pytest.raises(errors.InvalidImage, match=words):
        look(edit(path, changes))


def test_cut_off_header(make_qcow2, disk):
    path = make_qcow2('image', disk(1))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(errors.InvalidImage, match='cut off'):
        look(path)


def test_size_limit(folder, qemu_img):
    qemu_img('create', '-f', 'qcow2', folder / 'image', f'{MAX + 1}M')
    with pytest.raises(errors.TooLarge, match='101 MiB; at most 100 MiB'):
        look(folder / 'image')
    qemu_img('create', '-f', 'qcow2', folder / 'image', f'{MAX}M')
    assert look(folder / 'image').virtual_size == MAX << 20


@pytest.mark.parametrize('kind', ['vmdk', 'vdi', 'vpc', 'vhdx', 'qed', 'parallels'])
def test_other_formats_of_qemu_are_refused(folder, qemu_img, kind):
    qemu_img('create', '-f', kind, folder / 'image', '4M')
    with pytest.raises(errors.InvalidImage, match='only raw and qcow2') as caught:
        look(folder / 'image')
    assert 'qemu-img convert' in caught.value.remedy


def test_fixed_vhd_is_refused(folder, qemu_img):
    qemu_img('create', '-f', 'vpc', '-o', 'subformat=fixed', folder / 'image', '4M')
    with pytest.raises(errors.InvalidImage, match='fixed VHD'):
        look(folder / 'image')


@pytest.mark.parametrize(('head', 'words'), [
    (b'\x1f\x8b\x08\0', 'gzip'), (b'\xfd7zXZ\0', 'xz'), (b'\x28\xb5\x2f\xfd', 'zstd'), (b'PK\x03\x04', 'zip'),
    (bytes(257) + b'ustar', 'tar'), (b'LUKS\xba\xbe', 'encrypted'), (b'# Disk DescriptorFile\n', 'VMDK'),
    (b'\n <!DOCTYPE html>\n', 'web page'), (b'<html>', 'web page')])
def test_what_is_no_disk_is_refused(tmp_path, head, words):
    (tmp_path / 'image').write_bytes(head + bytes(4096))
    with pytest.raises(errors.InvalidImage, match=words):
        look(tmp_path / 'image')


def test_iso_only_when_it_boots_from_disks_too(tmp_path):
    content = bytearray(40000)
    content[32769:32774] = b'CD001'
    (tmp_path / 'image').write_bytes(content)
    with pytest.raises(errors.InvalidImage, match='no partition table'):
        look(tmp_path / 'image')
    content[510:512] = b'\x55\xaa'
    content[446 + 4] = 0x17
    (tmp_path / 'image').write_bytes(content)
    assert look(tmp_path / 'image').format == 'raw'


def test_empty(tmp_path):
    (tmp_path / 'image').touch()
    with pytest.raises(errors.InvalidImage, match='empty'):
        look(tmp_path / 'image')


def test_declared_format_must_agree(make_qcow2, disk):
    path = make_qcow2('image', disk(1))
    with pytest.raises(errors.InvalidImage, match='declared as raw, but it is qcow2'):
        look(path, 'raw')
    assert look(path, 'qcow2').format == 'qcow2'
