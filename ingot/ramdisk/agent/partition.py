"""Add a partition at the end of a disk that holds a whole-disk image, in an MBR or a GPT (UEFI 2.10, chapter 5).

The image was made for a disk of its own size, so a GPT's backup goes to the end of the real disk first.
Offsets and sizes are bytes; partitions start and end at whole MiB (GPT's last one ends before the backup).
"""

import binascii
import struct
import uuid
from typing import NamedTuple

from .block import MIB
from .errors import AgentError

_LINUX_MBR, _PROTECTIVE = 0x83, 0xEE
_LINUX_GPT = uuid.UUID('0FC63DAF-8483-4772-8E79-3D69D8477DE4').bytes_le
_HEADER = struct.Struct('<8sIIIIQQQQ16sQIII')      # UEFI table 5.5; 92 bytes


class Place(NamedTuple):
    start: int
    size: int


def add(disk, size, name):
    """Make a partition of at least ``size`` bytes at the end of ``disk`` (block.Device) and return its Place.

    AgentError: configdrive-too-big when it does not fit behind the image's partitions, disk-error when the disk has no
    partition table that we know. ``name`` goes into a GPT; an MBR knows no names.
    """
    sector = disk.read(0, 512)
    if sector[510:] != b'\x55\xAA':
        raise AgentError('disk-error', f'{disk.path} has no partition table, so it cannot take a config drive.',
                         'Use a whole-disk image with an MBR or a GPT.')
    kinds = [sector[446 + 16 * index + 4] for index in range(4)]
    return _add_gpt(disk, size, name) if _PROTECTIVE in kinds else _add_mbr(disk, sector, size)


# -- MBR ---------------------------------------------------------------------------------------------------------------
def _add_mbr(disk, sector, size):
    entries = [struct.unpack_from('<B3xB3xII', sector, 446 + 16 * index) for index in range(4)]
    free = next((index for index, entry in enumerate(entries) if entry[1] == 0), None)
    if free is None:
        raise AgentError('configdrive-too-big', f'The partition table of {disk.path} (MBR) has no free entry.',
                         'Use an image with at most three primary partitions, or with a GPT.')
    end = min(disk.size, 2 ** 32 * disk.sector)
    used = max((start + length for _, kind, start, length in entries if kind), default=0) * disk.sector
    place = _place_at_end(disk, max(used, MIB), end, size)
    entry = struct.pack('<B3sB3sII', 0, b'\xFE\xFF\xFF', _LINUX_MBR, b'\xFE\xFF\xFF', place.start // disk.sector,
                        place.size // disk.sector)
    disk.write(446 + 16 * free, entry)
    return place


def _place_at_end(disk, used, end, size):
    """The last whole MiBs before ``end`` that hold ``size`` bytes; they must lie behind ``used``."""
    wanted = -(-size // MIB) * MIB
    start = (end - wanted) // MIB * MIB
    if start < used:
        raise AgentError('configdrive-too-big', f'The config drive needs {wanted} bytes at the end of {disk.path} '
                         f'({disk.size} bytes), but the image\'s partitions reach to byte {used}.',
                         'Use a larger disk, a smaller config drive, or an image that leaves room behind it.')
    return Place(start, wanted)


# -- GPT ---------------------------------------------------------------------------------------------------------------
class _Table(NamedTuple):
    """A GPT: the members of its header that are kept, and the bytes of its entries."""

    revision: int
    first_usable: int         # sectors, as are those below
    disk_id: bytes
    entries_at: int
    count: int
    entry_size: int
    entries: bytearray


def _add_gpt(disk, size, name):
    table = _read_gpt(disk)
    last_usable = disk.size // disk.sector - 2 - _sectors(disk, table)
    slots = [table.entries[at:at + table.entry_size] for at in range(0, len(table.entries), table.entry_size)]
    free = next((index for index, slot in enumerate(slots) if not any(slot[:16])), None)
    if free is None:
        raise AgentError('configdrive-too-big', f'The partition table of {disk.path} (GPT) has no free entry.', '')
    used = max((struct.unpack_from('<Q', slot, 40)[0] + 1 for slot in slots if any(slot[:16])), default=table.first_usable)
    place = _place_at_end(disk, used * disk.sector, (last_usable + 1) * disk.sector, size)
    first, last = place.start // disk.sector, (place.start + place.size) // disk.sector - 1
    entry = struct.pack('<16s16sQQQ72s', _LINUX_GPT, uuid.uuid4().bytes_le, first, last, 0, name.encode('utf-16-le'))
    table.entries[free * table.entry_size:free * table.entry_size + len(entry)] = entry
    _write_gpt(disk, table, last_usable)
    return place


def _read_gpt(disk):
    raw = disk.read(disk.sector, 512)
    (magic, revision, header_size, crc, _, _, _, first_usable, _, disk_id, entries_at, count, entry_size,
     entries_crc) = _HEADER.unpack_from(raw)
    header = bytearray(raw[:header_size] if 92 <= header_size <= 512 else b'')
    header[16:20] = bytes(4)
    if magic != b'EFI PART' or binascii.crc32(header) != crc:
        raise AgentError('disk-error', f'The GPT of {disk.path} is damaged, or made for sectors of another size than '
                         f'{disk.sector} bytes.', 'Check the image, and whether it suits disks with such sectors.')
    entries = bytearray(disk.read(entries_at * disk.sector, count * entry_size) if count * entry_size <= MIB else b'')
    if binascii.crc32(entries) != entries_crc or entry_size < 128:
        raise AgentError('disk-error', f'The entries of the GPT of {disk.path} are damaged.', 'Check the image.')
    return _Table(revision, first_usable, disk_id, entries_at, count, entry_size, entries)


def _sectors(disk, table):
    return -(-len(table.entries) // disk.sector)


def _write_gpt(disk, table, last_usable):
    """Backup first, then the primary table: at each moment one of them is whole."""
    last = disk.size // disk.sector - 1
    disk.write((last_usable + 1) * disk.sector, bytes(table.entries))
    disk.write(last * disk.sector, _header(table, last, 1, last_usable + 1, last_usable))
    disk.flush()
    disk.write(table.entries_at * disk.sector, bytes(table.entries))
    disk.write(disk.sector, _header(table, 1, last, table.entries_at, last_usable))
    disk.write(446, _protective_entry(disk.read(446, 64), last))


def _header(table, here, other, entries_at, last_usable):
    """A header sector; its CRC is taken with the CRC's own field zero."""
    def pack(crc):
        return _HEADER.pack(b'EFI PART', table.revision, _HEADER.size, crc, 0, here, other, table.first_usable, last_usable,
                            table.disk_id, entries_at, table.count, table.entry_size, binascii.crc32(table.entries))
    return pack(binascii.crc32(pack(0)))


def _protective_entry(entries, last):
    """The four MBR entries, the protective one reaching to the end of the disk."""
    entries = bytearray(entries)
    for at in range(0, 64, 16):
        if entries[at + 4] == _PROTECTIVE:
            struct.pack_into('<I', entries, at + 12, min(last, 0xFFFFFFFF))
    return bytes(entries)
