"""A disk that is counted, not stored: which image is on it, how much of that, and how often one was written.

So 10,000 of them fit into memory. An image is known by the checksums of its chunks, as its manifest has them.
"""

from typing import NamedTuple

from ingot.ramdisk.agent import disks

SIZE = 480 << 30      # bytes


class Content(NamedTuple):
    """What lies on a disk: the ``chunks`` of an image of which ``good`` were written, and its config drive (bytes)."""

    chunks: list
    good: int
    configdrive: int | None = None

    @property
    def is_whole(self):
        return self.good == len(self.chunks)


class Disk:
    """The only disk of machine ``number``."""

    __slots__ = ('content', 'number')

    def __init__(self, number):
        self.number, self.content = number, None

    def describe(self):
        """As the agent finds it on a machine."""
        return disks.Disk(name='/dev/sda', size=SIZE, model='Fleet Disk', serial=f'FLEET{self.number:07}',
                          wwn=f'0x5000{self.number:012x}', vendor='INGOT', rotational=False, hctl='0:0:0:0', by_path=None)

    def erase(self):
        self.content = None

    def write(self, chunks, good):
        """The first ``good`` of ``chunks`` are on the disk now; what was there before is gone."""
        self.content = Content(chunks, good)

    def add_configdrive(self, size):
        self.content = self.content._replace(configdrive=size)
