"""A disk opened past the page cache (O_DIRECT): whole sectors, buffers that are aligned to a page.

An ordinary file can stand for a disk. Offsets and lengths are bytes.
"""

import errno
import fcntl
import mmap
import os
import stat
import struct

MIB = 2 ** 20
_BLKSSZGET, _BLKRRPART, _BLKZEROOUT = 0x1268, 0x125F, 0x127F     # linux/fs.h


def buffer(size):
    """Memory that O_DIRECT accepts: page-aligned, zeroed."""
    return mmap.mmap(-1, max(size, mmap.PAGESIZE))


class Device:
    """Closed when the last reference goes: a thread that still reads from it keeps it (and its number) alive."""

    def __init__(self, path, *, is_writable=False):
        """OSError: it is not there, cannot be opened, or (EBUSY) something on this machine uses it."""
        self.path = path
        self._file = _open(path, (os.O_RDWR | os.O_EXCL) if is_writable else os.O_RDONLY)
        self._fd = self._file.fileno()
        self.is_block = stat.S_ISBLK(os.fstat(self._fd).st_mode)
        self.size = os.lseek(self._fd, 0, os.SEEK_END)
        self.sector = struct.unpack('i', fcntl.ioctl(self._fd, _BLKSSZGET, b'\0' * 4))[0] if self.is_block else 512

    def close(self):
        self._file.close()

    def read_into(self, offset, view):
        """Fill ``view`` (a memoryview); whole sectors only."""
        while view:
            count = os.preadv(self._fd, [view], offset)
            if count == 0:
                raise OSError(errno.EIO, f'{self.path} ends at byte {offset}')
            offset, view = offset + count, view[count:]

    def write_from(self, offset, view):
        """Write all of ``view``; whole sectors only."""
        while view:
            count = os.pwritev(self._fd, [view], offset)
            if count == 0:
                raise OSError(errno.EIO, f'{self.path} takes nothing more at byte {offset}')
            offset, view = offset + count, view[count:]

    def read(self, offset, length):
        """Bytes from anywhere, any number."""
        start, end = offset // self.sector * self.sector, self.round_up(offset + length)
        memory = buffer(end - start)
        self.read_into(start, memoryview(memory)[:end - start])
        return memory[offset - start:offset - start + length]

    def write(self, offset, data):
        """Put bytes anywhere; the rest of the sectors they lie in stays."""
        start, end = offset // self.sector * self.sector, self.round_up(offset + len(data))
        memory = buffer(end - start)
        view = memoryview(memory)[:end - start]
        if (start, end) != (offset, offset + len(data)):
            self.read_into(start, view)
        view[offset - start:offset - start + len(data)] = data
        self.write_from(start, view)

    def zero(self, offset, length):
        """Make whole sectors read as zero: WRITE ZEROES where the disk has it, zeros where not. Discarding would not do:
        what discarded sectors read as is up to the disk."""
        if not (self._zero_out(offset, length) if self.is_block else self._is_hole(offset, length)):
            self._write_zeros(offset, length)

    def round_up(self, offset):
        """The end of the sector in which ``offset`` lies, or ``offset`` where a sector starts."""
        return -(-offset // self.sector) * self.sector

    def flush(self):
        """Returns when all that was written is on stable storage."""
        os.fsync(self._fd)

    def forget_partitions(self):
        """Have the kernel read the partition table again; it may be busy, and an ordinary file has none."""
        try:
            fcntl.ioctl(self._fd, _BLKRRPART)
        except OSError:
            return

    def _zero_out(self, offset, length):
        try:
            fcntl.ioctl(self._fd, _BLKZEROOUT, struct.pack('QQ', offset, length))
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL):
                return False
            raise
        return True

    def _is_hole(self, offset, length):
        """Nothing is stored there, so it reads as zero."""
        try:
            return os.lseek(self._fd, offset, os.SEEK_DATA) >= offset + length
        except OSError as error:
            return error.errno == errno.ENXIO and offset + length <= self.size

    def _write_zeros(self, offset, length):
        zeros = memoryview(buffer(min(4 * MIB, length)))
        for start in range(offset, offset + length, 4 * MIB):
            self.write_from(start, zeros[:min(4 * MIB, offset + length - start)])


def _open(path, flags):
    """An unbuffered file on ``path``; some file systems (of ordinary files) know no O_DIRECT."""
    def open_with(extra):
        return open(path, 'rb' if flags == os.O_RDONLY else 'r+b', buffering=0,
                    opener=lambda name, _: os.open(name, flags | os.O_CLOEXEC | extra))
    try:
        return open_with(os.O_DIRECT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return open_with(0)
