"""The folder that the boot file server serves: the entry script, a record a MAC, and kernels and ramdisks by content.

    http/boot.ipxe                      where firmware begins
    http/boot/52-54-00-aa-bb-cc.ipxe    the record of a machine
    http/boot/none.ipxe                 tells a missing record from a missing server
    http/files/SHA256/kernel            never changes, whatever is built meanwhile
"""

import contextlib
import hashlib
import os
import re
import tempfile
import time

from ingot import concurrency, errors
from ingot.drivers.pxe import script

_MAC = re.compile(r'[0-9a-f]{2}(:[0-9a-f]{2}){5}')
_RECORD = re.compile(r'([0-9a-f]{2}(?:-[0-9a-f]{2}){5})\.ipxe')
_GRACE = 3600        # seconds for which a file without a record stays: a machine may be in the middle of it
_BLOCK = 1 << 20
_NEW = '.new-'      # how the name of a file begins that is not finished


class Folder:
    """See the module. :param conf: uses state_dir. May be used from many threads."""

    def __init__(self, conf):
        self.path = os.path.join(os.path.abspath(conf.state_dir), 'http')
        self._lock = concurrency.Lock()
        self._known = {}      # (path, size, mtime, inode) -> SHA-256

    def lay_out(self):
        """The folders, the entry script and ``none.ipxe`` are there."""
        for name in ('boot', 'files'):
            os.makedirs(os.path.join(self.path, name), mode=0o755, exist_ok=True)
        self._write('boot.ipxe', script.ENTRY)
        self._write('boot/none.ipxe', script.NONE)

    def add(self, path, name):
        """Copy the file ``path`` to where its content says; returns its URL relative to a record ('../files/...').

        A copy, not a link: an operator may overwrite the file that a machine is loading just now.
        """
        status = os.stat(path)
        key = (path, status.st_size, status.st_mtime_ns, status.st_ino)
        with self._lock:
            digest = self._known.get(key)
            target = os.path.join(self.path, 'files', digest or '', name)
            if not (digest and _touch(target)):
                digest = self._known[key] = self._copy(path, name)
        return f'../files/{digest}/{name}'

    def put(self, mac, text):
        """``text`` is the record of ``mac``: it is the whole old or the whole new one at any moment."""
        self._write(_name(mac), text)

    def remove(self, mac):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.path, _name(mac)))

    def macs(self):
        """MACs that have a record."""
        return sorted(found[1].replace('-', ':') for found in map(_RECORD.fullmatch, self._names('boot')) if found)

    def sweep(self, grace=_GRACE):
        """Remove kernels and ramdisks that no record names, once nobody can be loading them any more (``grace`` s)."""
        with self._lock:
            records = ''.join(self._read(_name(mac)) for mac in self.macs())
            for digest in self._names('files'):
                if digest not in records:
                    self._remove_old(os.path.join(self.path, 'files', digest), grace)
            for name in self._names(''):
                if name.startswith(_NEW):      # a dead process did not come to rename it
                    self._remove_old(os.path.join(self.path, name), grace)

    def _remove_old(self, path, grace):
        """Remove a file, or a folder with its files, unless one is younger than ``grace``."""
        with contextlib.suppress(FileNotFoundError):
            files = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else [path]
            if all(os.stat(file).st_mtime < time.time() - grace for file in files):
                for file in files:
                    os.unlink(file)
                if path not in files:
                    os.rmdir(path)

    def _copy(self, path, name):
        """Copy and digest in one go, so that the name fits the bytes even while the file is written; returns the digest."""
        digest, files = hashlib.sha256(), os.path.join(self.path, 'files')
        descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=_NEW)
        try:
            with open(path, 'rb') as source, open(descriptor, 'wb') as copy:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    copy.write(block)
            os.chmod(temporary, 0o644)
            os.makedirs(os.path.join(files, digest.hexdigest()), mode=0o755, exist_ok=True)
            os.replace(temporary, os.path.join(files, digest.hexdigest(), name))
        except BaseException:
            os.unlink(temporary)
            raise
        return digest.hexdigest()

    def _write(self, name, text):
        descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=_NEW)
        with open(descriptor, 'w') as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, os.path.join(self.path, name))

    def _read(self, name):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self.path, name)) as file:
            return file.read()
        return ''

    def _names(self, name):
        with contextlib.suppress(FileNotFoundError):
            return os.listdir(os.path.join(self.path, name))
        return []


def _name(mac):
    mac = str(mac).lower()
    if not _MAC.fullmatch(mac):
        raise errors.InvalidParameter(f'"{mac}" is no MAC address; accepted is 52:54:00:aa:bb:cc.')
    return f'boot/{mac.replace(":", "-")}.ipxe'


def _touch(path):
    """Whether the file is there; it counts as young again."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
