"""Bytes of an image come from a folder of this host or from a web server, and go to a ``Sink``.

``file://`` is a way for API users to read files of this host, so it is fenced: links are resolved first, the file must
be a regular one inside of an allowed folder, and what was opened is checked again (a link may be swapped in between).
"""

import contextlib
import os
import stat
import time
import urllib.parse

from ingot import errors
from ingot.drivers.images import download

_READ = 1 << 20


def fence(source, allowed_paths):
    """The real path of a ``file://`` source; InvalidParameter unless it lies in an allowed folder. None for other sources."""
    if not source.startswith('file:'):
        return None
    path = os.path.realpath(urllib.parse.unquote(urllib.parse.urlsplit(source).path).replace('\0', '\ufffd'))
    _check_folder(source, path, allowed_paths)
    return path


def check(source, allowed_paths):
    """As ``fence``, and ImageUnavailable unless the file can be read now; does not touch the network."""
    if source.startswith('file:'):
        with _open(source, allowed_paths):
            pass


def identity(source, conf):
    """Words that change when the bytes behind ``source`` do, or None when the server gives no such words.

    file: device, inode, size, mtime in ns; http: ETag, Last-Modified and size.
    """
    if not source.startswith('file:'):
        return download.identity(source)
    with _open(source, conf.images.allowed_paths) as file:
        return _identity(file)


def read(source, sink, conf, *, is_checked):
    """All bytes of ``source`` into ``sink``, within [images]download_timeout; ``is_checked``: a checksum will be compared."""
    if source.startswith('file:'):
        _copy(source, sink, conf)
    else:
        download.read(source, sink, seconds=conf.images.download_timeout, is_checked=is_checked)


def read_text(source, conf, *, limit):
    """The small text at ``source`` (a sums file), TooLarge above ``limit`` bytes."""
    if not source.startswith('file:'):
        return download.read_small(source, limit=limit).decode('utf-8', 'replace')
    with _open(source, conf.images.allowed_paths) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise errors.TooLarge(f'{source} has more than {limit} bytes; a checksum file is smaller.')
    return content.decode('utf-8', 'replace')


def _copy(source, sink, conf):
    deadline = time.monotonic() + conf.images.download_timeout
    with _open(source, conf.images.allowed_paths) as file:
        before = _identity(file)
        sink.expect(os.fstat(file.fileno()).st_size)
        while data := file.read(_READ):
            sink.take(data)
            if time.monotonic() > deadline:
                raise errors.DeadlineExceeded(f'Image {source} was not read within {conf.images.download_timeout:g} s.',
                                              remedy='Raise [images]download_timeout, or check the disk that it lies on.')
        if _identity(file) != before:
            raise errors.ImageUnavailable(f'Image {source} was written to while it was read.',
                                          remedy='Put new images beside the old one and rename them into place.')


def _identity(file):
    facts = os.fstat(file.fileno())
    return f'file {facts.st_dev}:{facts.st_ino} {facts.st_size} bytes {facts.st_mtime_ns}'


@contextlib.contextmanager
def _open(source, allowed_paths):
    path = fence(source, allowed_paths)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):      # before open: opening a device or a pipe may have effects
            raise errors.InvalidParameter(f'instance_info/image_source: {source} is not a regular file.')
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise errors.ImageUnavailable(f'Image {source} cannot be read: {error.strerror}.') from None
    with open(descriptor, 'rb', buffering=0) as file:
        _check_folder(source, os.path.realpath(f'/proc/self/fd/{descriptor}'), allowed_paths)
        yield file


def _check_folder(source, path, allowed_paths):
    if not any(path.startswith(os.path.realpath(folder).rstrip('/') + '/') for folder in allowed_paths):
        raise errors.InvalidParameter(
            f'instance_info/image_source: {source} does not lie in an allowed folder; '
            f'these are allowed: {", ".join(allowed_paths) or "none"}.',
            remedy='Move the image there, or add its folder to [images]allowed_paths.')
