"""A machine made of folders: sysfs with disks that are ordinary files, an image with its manifest, a target that fails."""

import hashlib
import os
import pathlib
import random

from ingot.ramdisk.agent import kernel_line
from ingot.ramdisk.agent.errors import Stopped
from ingot.ramdisk.agent.job import Job
from ingot.ramdisk.agent.machine import Machine

MIB = 2 ** 20
GIB = 2 ** 30
PCI = 'devices/pci0000:00/0000:00:04.0'
LINE = 'ingot.api=http://127.0.0.1:1 ingot.operation=op-1 ingot.token=tok ingot.mac=52:54:00:AA:bb:cc'
TARGET = {'host': '10.0.0.1', 'port': 3260, 'iqn': 'iqn.2026-11.ingot:op-1', 'lun': 1, 'user': 'op-1',
          'secret': 'a-very-secret-word'}


def make_machine(folder):
    """A Machine without disks."""
    for name in ('sys/block', 'sys/class/net', 'sys/class/iscsi_session', 'dev', 'proc'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Machine(*(str(folder / name) for name in ('sys', 'dev', 'proc')))


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else f'{text}\n'.encode())


def add_disk(machine, name, size, *, place=f'{PCI}/virtio0', device=None, **files):
    """A disk: its folder in sysfs with ``files`` (a double underscore stands for a slash), and a sparse file in /dev.

    :param place: folder of the device in sysfs. Returns the path of the file.
    """
    root = pathlib.Path(machine.sys)
    folder = root / place / 'block' / name
    for file, text in {'size': size // 512, 'ro': 0, 'removable': 0, 'queue__rotational': 0, **files}.items():
        put(root / place / file[8:] if file.startswith('device__') else folder / file.replace('__', '/'), text)
    (folder / 'device').symlink_to(root / place)
    (root / 'block' / name).symlink_to(folder)
    path = pathlib.Path(machine.dev, name)
    with open(path, 'wb') as file:
        file.truncate(size)
    return path


def make_image(path, size, extents, *, chunk_size=4 * MIB, seed=1):
    """Write a sparse image and return its manifest."""
    source = random.Random(seed)
    with open(path, 'wb') as file:
        file.truncate(size)
        for offset, length in extents:
            file.seek(offset)
            file.write(source.randbytes(length))
    return manifest(path, extents, chunk_size)


def manifest(path, extents, chunk_size=4 * MIB):
    data = pathlib.Path(path).read_bytes()
    chunks = [hashlib.sha256(data[at:at + chunk_size]).hexdigest() for at in range(0, len(data), chunk_size)]
    return {'size': len(data), 'chunk_size': chunk_size, 'extents': [list(extent) for extent in extents],
            'chunks': chunks}


def fill(path, byte=0xAA, *, upto=8 * MIB):
    """What was on the disk before: its first ``upto`` bytes and its last MiB are not zero."""
    size = os.path.getsize(path)
    with open(path, 'r+b') as file:
        for _ in range(min(upto, size) // MIB):
            file.write(bytes([byte]) * MIB)
        file.seek(size - MIB)
        file.write(bytes([byte]) * MIB)


class FakeSession:
    """Stands for iscsi.Session: each login takes the next of ``logins``, an exception or a path; the last one stays."""

    def __init__(self, *logins):
        self.logins, self.count, self.is_open = list(logins), 0, False

    def login(self):
        self.count += 1
        found = self.logins.pop(0) if len(self.logins) > 1 else self.logins[0]
        if isinstance(found, Exception):
            raise found
        self.is_open = True
        return str(found)

    def logout(self):
        self.is_open = False


class Bench:
    """A Job and all that it told. ``pause`` does not wait; after ``pauses`` of them the job is told to stop."""

    def __init__(self, machine, session=None, data=None, pauses=100):
        self.told, self.session = [], session
        self.job = Job(machine, kernel_line.parse(LINE), data or {}, lambda *event: self.told.append(event),
                       lambda target: self.session)
        self.left = pauses
        self.job.pause = self._pause

    def _pause(self, seconds):
        self.left -= 1
        if self.left < 0:
            raise Stopped()

    def logs(self):
        return ' '.join(data['text'] for kind, data in self.told if kind == 'log')
