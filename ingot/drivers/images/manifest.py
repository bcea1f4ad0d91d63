"""The map of a raw image: where it holds data, and the SHA-256 of each chunk, so that zeros need not travel.

Written as JSON beside the image. Holes of the file are not read at all; blocks of zeros between data become gaps too.
"""

import collections
import hashlib
import json
import os

from ingot import concurrency, cpu
from ingot.drivers import base

CHUNK = 4 << 20
BLOCK = 64 << 10          # gaps are found in this grain
MOST_EXTENTS = 1 << 16    # the plan has to fit into a small machine's memory
_ZERO_BLOCK = bytes(BLOCK)
_ZERO_CHUNK = bytes(CHUNK)
_ZERO_DIGEST = hashlib.sha256(_ZERO_CHUNK).hexdigest()


def build(path, digest=None):
    """Measure the raw file at ``path``: (Manifest, hex SHA-256 of the whole file), in one pass over its data.

    :param digest: the SHA-256 of the whole when it is known already; then holes cost nothing.
    """
    whole = None if digest else hashlib.sha256()
    hash_whole = cpu.everywhere()(whole.update) if whole else None
    chunks, extents, jobs = [], [], collections.deque()
    # hashlib lets go of the interpreter's lock, so two workers use two cores. The whole is hashed in order: one worker.
    for_whole, for_chunks = concurrency.Pool(1, name='hash'), concurrency.Pool(1 if whole else 2, name='hash')
    try:
        with open(path, 'rb', buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            for offset, data in _read(file.fileno(), size):
                _add_extents(extents, offset, data)
                jobs.append((for_chunks.submit(_digest, data), for_whole.submit(hash_whole, data) if whole else None))
                while len(jobs) > 2:
                    chunks.append(_finish(jobs.popleft()))
            chunks.extend(_finish(job) for job in jobs)
    finally:
        for_whole.close()
        for_chunks.close()
    return base.Manifest(size, CHUNK, _coarsen(extents), chunks), digest or whole.hexdigest()


def save(manifest, path):
    """Write ``manifest`` as JSON, safely on the disk when this returns."""
    with open(path, 'w') as file:
        json.dump(manifest._asdict(), file, separators=(',', ':'))
        file.flush()
        os.fsync(file.fileno())


def load(path):
    """The Manifest at ``path``; ValueError when it is damaged."""
    with open(path) as file:
        try:
            content = json.load(file)
            content['extents'] = [tuple(extent) for extent in content['extents']]
            return base.Manifest(**content)
        except (KeyError, TypeError) as error:
            raise ValueError(f'{path} is not a manifest: {error}') from None


def _read(descriptor, size):
    """(offset, bytes) of each chunk; the same object for every chunk that is a hole."""
    for offset in range(0, size, CHUNK):
        length = min(CHUNK, size - offset)
        if _next_data(descriptor, offset, size) >= offset + length:
            yield offset, _ZERO_CHUNK if length == CHUNK else bytes(length)
            continue
        data = os.pread(descriptor, length, offset)
        if len(data) != length:
            raise OSError(f'The file became shorter while it was read, at {offset}.')
        yield offset, data


def _next_data(descriptor, offset, size):
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError:      # ENXIO: nothing but a hole up to the end
        return size


@cpu.everywhere()
def _digest(data):
    return _ZERO_DIGEST if data is _ZERO_CHUNK or data == _ZERO_CHUNK else hashlib.sha256(data).hexdigest()


def _finish(job):
    chunk, whole = job
    if whole:
        whole.result()
    return chunk.result()


def _add_extents(extents, offset, data):
    """Append what is not zero in ``data``, joined with the extent before where they touch."""
    if data is _ZERO_CHUNK:
        return
    for position in range(0, len(data), BLOCK):
        length = min(BLOCK, len(data) - position)
        if data.startswith(_ZERO_BLOCK[:length], position):
            continue
        start = offset + position
        if extents and sum(extents[-1]) == start:
            extents[-1] = (extents[-1][0], extents[-1][1] + length)
        else:
            extents.append((start, length))


def _coarsen(extents):
    """At most MOST_EXTENTS: the small gaps are closed first; a closed gap is only zeros that travel after all."""
    gap = BLOCK
    while len(extents) > MOST_EXTENTS:
        joined = [extents[0]]
        for start, length in extents[1:]:
            before, reach = joined[-1]
            if start - before - reach <= gap:
                joined[-1] = (before, start + length - before)
            else:
                joined.append((start, length))
        extents, gap = joined, gap * 2
    return extents
