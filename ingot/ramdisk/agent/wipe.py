"""Make a disk look empty: its first and last MiB, those of its partitions, and signatures that lie elsewhere.

Partition tables, LVM, most file systems, RAID and ZFS keep theirs in the first or last MiB of the disk or partition.
"""

from .block import MIB

#: (offset of what is zeroed, its length, offset of the magic, magic): copies that lie deeper inside.
_DEEP = ((64 * MIB, 4096, 64 * MIB + 0x40, b'_BHRfS_M'),                # btrfs, second and third superblock
         (256 * 2 ** 30, 4096, 256 * 2 ** 30 + 0x40, b'_BHRfS_M'),
         *((at, 4096, at, b'SKUL\xba\xbe') for at in (0x100000, 0x200000, 0x400000)))     # LUKS2, second header


def wipe(disk, partitions, check):
    """Zero what makes ``disk`` (block.Device) look used.

    :param partitions: [(start, length)] in bytes. :param check: called between the parts; may raise.
    """
    for start, length in [*partitions, (0, disk.size)]:      # the table last: until then its partitions can be found
        check()
        if 0 <= start < start + length <= disk.size:
            _wipe_deep(disk, start, length)
            _wipe_ends(disk, start, length)
    disk.flush()


def _wipe_ends(disk, start, length):
    end = start + length
    disk.zero(start, min(MIB, length))
    disk.zero(max(start, end - MIB) // disk.sector * disk.sector, end - max(start, end - MIB) // disk.sector * disk.sector)


def _wipe_deep(disk, start, length):
    for offset, size, magic_at, magic in _DEEP:
        if magic_at + disk.sector <= length and disk.read(start + magic_at, len(magic)) == magic:
            disk.zero(start + offset, size)
