"""What an image file really is, told from its bytes and never from its name: raw, qcow2, or refused with a reason.

A disk image comes from a stranger. The qcow2 header is read by hand (docs/interop/qcow2.txt of QEMU) before any program
of ours opens the file, because it may name other files of this host (backing file, external data file) that an image
must not reach. What has no signature that we know is raw: bytes are written to the disk as they are.
"""

import struct
from typing import NamedTuple

from ingot import errors

FORMATS = ('raw', 'qcow2')
_MIB = 1 << 20
_HEAD = 72 << 10      # covers the ISO 9660 descriptor at 32 KiB
_ISO_AT = 32769
_QCOW2 = b'QFI\xfb'
_EXTERNAL_DATA = 0x44415441
_COMPRESSED = 'It is a compressed file or an archive: unpack it first, or publish the image itself as raw or qcow2.'
_CONVERT = 'Convert it first: qemu-img convert -O qcow2 IMAGE NEW.'

#: (offset, signature, what it is, remedy): what is refused when it stands at the start of the file.
_REFUSED = (
    (0, b'QED\0', 'a QED image', _CONVERT),
    (0, b'KDMV', 'a VMDK image', _CONVERT),
    (0, b'COWD', 'a VMDK image', _CONVERT),
    (0, b'# Disk DescriptorFile', 'a VMDK descriptor', _CONVERT),
    (64, b'\x7f\x10\xda\xbe', 'a VDI image', _CONVERT),
    (0, b'conectix', 'a VHD image', _CONVERT),
    (0, b'vhdxfile', 'a VHDX image', _CONVERT),
    (0, b'WithoutFreeSpace', 'a Parallels image', _CONVERT),
    (0, b'WithouFreSpacExt', 'a Parallels image', _CONVERT),
    (0, b'LUKS\xba\xbe', 'an encrypted (LUKS) volume', 'A machine cannot boot it; publish a disk image.'),
    (0, b'\x1f\x8b\x08', 'gzip', _COMPRESSED),
    (0, b'\xfd7zXZ\0', 'xz', _COMPRESSED),
    (0, b'\x28\xb5\x2f\xfd', 'zstd', _COMPRESSED),
    (0, b'BZh', 'bzip2', _COMPRESSED),
    (0, b'PK\x03\x04', 'zip', _COMPRESSED),
    (0, b'7z\xbc\xaf\x27\x1c', '7-Zip', _COMPRESSED),
    (257, b'ustar', 'a tar archive (perhaps an OVA)', _COMPRESSED),
)


class Facts(NamedTuple):
    """What a file is, and how many bytes its disk has."""

    format: str
    virtual_size: int


def inspect(path, *, name, max_mib, declared=None):
    """Say what the image at ``path`` is; InvalidImage when it is refused, TooLarge above ``max_mib`` MiB.

    :param name: what errors call the image. :param declared: the format that the owner named, which must agree.
    """
    with open(path, 'rb') as file:
        head = file.read(_HEAD)
        size = file.seek(0, 2)
        file.seek(max(size - 512, 0))
        tail = file.read(512)
    if not size:
        raise errors.InvalidImage(f'Image {name} is empty.')
    if head.startswith(_QCOW2):
        facts = Facts('qcow2', _read_qcow2(head, size, name))
    else:
        _refuse_strangers(head, tail, name)
        facts = Facts('raw', size)
    if facts.virtual_size > max_mib * _MIB:
        raise errors.TooLarge(f'Image {name} is a disk of {facts.virtual_size // _MIB} MiB; '
                              f'at most {max_mib} MiB are accepted.', remedy='Raise [images]max_image_mib, or shrink the image.')
    agree(facts.format, declared, name)
    return facts


def agree(found, declared, name):
    """InvalidImage unless ``declared`` (None: nothing declared) is the format ``found``."""
    if declared and declared != found:
        raise errors.InvalidImage(f'Image {name} was declared as {declared}, but it is {found}.',
                                  remedy=f'Set instance_info/image_disk_format to {found}, or remove it.')


def _refuse_strangers(head, tail, name):
    for offset, signature, kind, remedy in _REFUSED:
        if head[offset:offset + len(signature)] == signature:
            raise errors.InvalidImage(f'Image {name} is {kind}; only raw and qcow2 are accepted.', remedy=remedy)
    if tail.startswith(b'conectix'):
        raise errors.InvalidImage(f'Image {name} is a fixed VHD image; only raw and qcow2 are accepted.', remedy=_CONVERT)
    if head.lstrip()[:14].lower().startswith((b'<!doctype html', b'<html', b'<?xml')):
        raise errors.InvalidImage(f'Image {name} is a web page, not a disk.',
                                  remedy='Check the URL: the server answers with a page (a login, perhaps).')
    if head[_ISO_AT:_ISO_AT + 5] == b'CD001' and not _has_partitions(head):
        raise errors.InvalidImage(f'Image {name} is a CD (ISO 9660) that has no partition table: no disk boots from it.',
                                  remedy='Use a disk image, or an ISO that is made for USB sticks too (isohybrid).')


def _has_partitions(head):
    """A master boot record with at least one partition, as isohybrid writes it."""
    return head[510:512] == b'\x55\xaa' and any(head[446 + 16 * slot + 4] for slot in range(4))


def _read_qcow2(head, file_size, name):
    """Virtual size in bytes; InvalidImage for what we do not let qemu-img open."""
    def refuse(reason, remedy=None):
        raise errors.InvalidImage(f'Image {name}: {reason}', remedy=remedy)

    if len(head) < 104:
        refuse('the qcow2 header is cut off.')
    (version, backing_at, backing_length, cluster_bits, size, encryption, l1_entries, l1_at,
     refcounts_at, refcount_clusters) = struct.unpack_from('>IQIIQIIQQI', head, 4)
    if version not in (2, 3):
        refuse(f'qcow version {version} is not accepted.', 'Convert it: qemu-img convert -O qcow2 IMAGE NEW.')
    if backing_at or backing_length:
        refuse('it is a layer above a backing file, which would be read from this host.',
               'Flatten it: qemu-img convert -O qcow2 IMAGE NEW.')
    if encryption:
        refuse('it is encrypted.', 'Publish it without encryption.')
    if not 9 <= cluster_bits <= 21:
        refuse(f'the qcow2 header is damaged: cluster_bits is {cluster_bits}, 9 to 21 are possible.')
    if not size:
        refuse('its disk has 0 bytes.')
    if version == 3:
        _check_features(head, 1 << cluster_bits, refuse)
    cluster = 1 << cluster_bits
    ends = l1_at + 8 * l1_entries, refcounts_at + refcount_clusters * cluster
    if l1_entries > 4 << 20 or ends[0] > file_size or ends[1] > file_size + cluster:
        refuse('the qcow2 header is damaged or the file is cut off: its tables lie outside of the file.')
    if l1_entries * (cluster // 8) * cluster < size:
        refuse(f'the qcow2 header is damaged: a table of {l1_entries} entries cannot describe {size} bytes.')
    return size


def _check_features(head, cluster, refuse):
    """Version 3: feature bits and header extensions."""
    incompatible, _, _, _, header_length = struct.unpack_from('>QQQII', head, 72)
    if incompatible & 1:
        refuse('it was not closed cleanly (copied while in use?).', 'Repair it: qemu-img check -r all IMAGE.')
    if incompatible & 1 << 1:
        refuse('it is marked as corrupt.', 'Repair it: qemu-img check -r all IMAGE.')
    if incompatible & 1 << 2:
        refuse('its data lies in an external file, which would be read from this host.',
               'Convert it: qemu-img convert -O qcow2 IMAGE NEW.')
    if incompatible >> 5:
        refuse(f'it uses features that are not known here (incompatible features {incompatible:#x}).')
    if not 104 <= header_length <= cluster:
        refuse(f'the qcow2 header is damaged: its length is {header_length}.')
    position = header_length
    while position + 8 <= min(len(head), cluster):
        kind, length = struct.unpack_from('>II', head, position)
        if kind == 0:
            return
        if kind == _EXTERNAL_DATA:
            refuse('it names an external data file, which would be read from this host.',
                   'Convert it: qemu-img convert -O qcow2 IMAGE NEW.')
        position += 8 + (length + 7 & ~7)
