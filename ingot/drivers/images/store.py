"""The cache's folder: raw images named by their SHA-256, who holds them, and which source is known to give which image.

    data/HEX.raw, data/HEX.json    the bytes, and their manifest (its mtime is the last use)
    holders/HOLDER                 {"image": HEX, "request": ...}: the image stays while such a file names it
    known/KEY                      {"image": HEX, "format": ...}: what KEY (of a checksum or an identity) turned into
    work/                          what is not finished; belongs to the process that holds the lock file beside it

Every file appears by rename after it is safely on the disk, so a crash at any point leaves no half-written one.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
from typing import NamedTuple

from ingot import concurrency, errors
from ingot.drivers import base
from ingot.drivers.images import lockfile, manifest

_FOLDERS = ('data', 'holders', 'known', 'work')
_HOLDER = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,99}')
_PATIENCE = 60      # seconds for another process to end its short work


class Known(NamedTuple):
    image: str      # hex SHA-256 of the raw bytes
    format: str     # what the source was


class Store:
    """See the module. ``hold``, ``release``, ``install`` and ``trim`` exclude each other, in all processes of this host."""

    def __init__(self, folder):
        self._folder = folder
        self._lock = concurrency.Lock()
        for name in _FOLDERS:
            os.makedirs(f'{folder}/{name}', mode=0o700, exist_ok=True)
        self._sweep()

    def work(self, name):
        return f'{self._folder}/work/{name}'

    def find(self, holder):
        """(Image, request) that ``holder`` holds, or None."""
        held = self._read(self._holder_path(holder))
        image = held and self._image(held['image'])
        return (image, held['request']) if image else None

    def hold(self, digest, holder, request):
        """The Image ``digest``, which stays until ``holder`` releases it; None when it is not there (any more)."""
        with self._exclusively():
            image = self._image(digest)
            if image:
                os.utime(self._data(digest, 'json'))
                self._write(self._holder_path(holder), {'image': digest, 'request': request})
            return image

    def release(self, holder):
        """``holder`` needs nothing any more; fine when it held nothing."""
        with self._exclusively(), contextlib.suppress(FileNotFoundError):
            os.unlink(self._holder_path(holder))

    def holders(self):
        """Everybody who holds an image, sorted."""
        return sorted(self._names('holders'))

    def install(self, raw, facts, digest, holder, request):
        """Move the raw file with its Manifest ``facts`` into the store, held for ``holder``; the same image may be there."""
        measured = f'{raw}.json'
        manifest.save(facts, measured)
        with open(raw, 'rb') as file:
            os.fsync(file.fileno())
        os.chmod(raw, 0o440)
        with self._exclusively():
            self._write(self._holder_path(holder), {'image': digest, 'request': request})
            if self._image(digest):      # the same bytes came from elsewhere; machines may be reading them
                os.utime(self._data(digest, 'json'))
                return
            os.replace(measured, self._data(digest, 'json'))
            os.replace(raw, self._data(digest, 'raw'))
            _sync_folder(f'{self._folder}/data')

    def known(self, words):
        """What the source with the identity ``words`` turned into, while that is still here."""
        entry = self._read(self._known_path(words))
        return Known(**entry) if entry and self._image(entry['image']) else None

    def remember(self, words, known):
        with self._exclusively():
            self._write(self._known_path(words), known._asdict())

    def size(self):
        """Bytes on the disk: holes do not count."""
        return sum(self._bytes(digest) for digest in self._digests())

    def trim(self, bound):
        """Remove what nobody holds, least recently used first, until at most ``bound`` bytes are left; returns bytes freed."""
        freed = 0
        with self._exclusively():
            held = {entry['image'] for name in self._names('holders')
                    if (entry := self._read(f'{self._folder}/holders/{name}'))}
            excess = self.size() - bound
            for digest in sorted(self._digests() - held, key=self._last_use):
                if freed >= excess:
                    break
                freed += self._bytes(digest)
                self._remove(digest)
            self._forget()
        return freed

    # ---- below: one file each

    def _exclusively(self):
        stack = contextlib.ExitStack()
        stack.enter_context(self._lock)
        try:
            stack.enter_context(lockfile.hold(f'{self._folder}/lock', _PATIENCE, what='change the image cache'))
        except BaseException:
            stack.close()
            raise
        return stack

    def _sweep(self):
        """Remove what dead processes left unfinished, and halves of images."""
        for key in {name.partition('.')[0] for name in self._names('work')}:
            with contextlib.suppress(errors.DeadlineExceeded):      # somebody lives who works on it
                with lockfile.hold(self.work(f'{key}.lock'), 0, what='fetch an image'):
                    self._remove_work(key)
        with self._exclusively():
            for folder in ('holders', 'known'):
                for name in os.listdir(f'{self._folder}/{folder}'):
                    if name.startswith('.'):      # written, but not yet renamed
                        os.unlink(f'{self._folder}/{folder}/{name}')
            for digest in self._digests():
                if not self._image(digest):
                    self._remove(digest)

    def _remove_work(self, key):
        for name in self._names('work'):
            if name.startswith(f'{key}.') and name != f'{key}.lock':
                os.unlink(self.work(name))

    def _image(self, digest):
        path = self._data(digest, 'raw')
        try:
            facts = manifest.load(self._data(digest, 'json'))
            is_whole = os.stat(path).st_size == facts.size
        except (OSError, ValueError):
            return None
        return base.Image(path, f'sha256:{digest}', facts) if is_whole else None

    def _remove(self, digest):
        for kind in ('raw', 'json'):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._data(digest, kind))

    def _forget(self):
        """Drop knowledge of images that are gone."""
        present = self._digests()
        for name in self._names('known'):
            path = f'{self._folder}/known/{name}'
            entry = self._read(path)
            if not entry or entry['image'] not in present:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def _digests(self):
        return {name.partition('.')[0] for name in self._names('data')}

    def _bytes(self, digest):
        return _stat(self._data(digest, 'raw'), 'st_blocks') * 512 + _stat(self._data(digest, 'json'), 'st_blocks') * 512

    def _last_use(self, digest):
        return _stat(self._data(digest, 'json'), 'st_mtime_ns')

    def _names(self, folder):
        return [name for name in os.listdir(f'{self._folder}/{folder}') if not name.startswith('.')]

    def _data(self, digest, kind):
        return f'{self._folder}/data/{digest}.{kind}'

    def _known_path(self, words):
        return f'{self._folder}/known/{hashlib.sha256(words.encode()).hexdigest()}'

    def _holder_path(self, holder):
        if not _HOLDER.fullmatch(holder):
            raise errors.InvalidParameter(f'"{holder}" cannot hold an image; the uuid of an operation can.')
        return f'{self._folder}/holders/{holder}'

    def _read(self, path):
        try:
            with open(path) as file:
                return json.load(file)
        except (FileNotFoundError, ValueError):
            return None

    def _write(self, path, content):
        folder, _, name = path.rpartition('/')
        new = f'{folder}/.{name}.{secrets.token_hex(8)}'
        with open(new, 'w') as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        _sync_folder(folder)


def _stat(path, field):
    try:
        return getattr(os.stat(path), field)
    except FileNotFoundError:
        return 0


def _sync_folder(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
