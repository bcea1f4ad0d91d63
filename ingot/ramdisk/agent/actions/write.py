"""Write the image to the root disk: only what holds data moves, the rest is made to read as zero, then all is compared."""

import hashlib
import time

from .. import disks, hints
from ..block import MIB, Device, buffer
from ..errors import AgentError
from ..job import Meter
from ..pump import each
from ..source import Source
from ..wipe import wipe

NAME = 'write image'
_ZERO, _VERIFY = 'zero gaps', 'verify image'
_PIECE = 256 * MIB
_LIMIT_BYTES = 64 * MIB


def run(action, job):
    """``root_device`` chooses the disk, ``target`` holds the image, ``image`` is its manifest.

    Adds ``root_disk`` and ``write`` (bytes, seconds, rate in bytes a second) to the report.
    """
    image, target = action['image'], action['target']
    check_manifest(image)
    disk = hints.choose(disks.discover(job.machine), action.get('root_device') or {}, image['size'])
    job.log(f'{disk.name} ({disk.size} bytes, model {disk.model}, serial {disk.serial}) becomes the root disk')
    try:
        device = Device(disk.name, is_writable=True)
    except OSError as error:
        raise _broken(disk, f'cannot be opened: {error}') from error
    figures = _transfer(job, target, image, disk, device)
    job.tell('phase', {'phase': _VERIFY})
    started = time.monotonic()
    verify(job, image, disk, device)
    device.forget_partitions()
    device.close()
    return {'root_disk': disk._asdict(), 'write': {**figures, 'verify_seconds': round(time.monotonic() - started, 3)}}


def check_manifest(image):
    """AgentError plan-refused when the manifest contradicts itself; writing it would leave a wrong disk."""
    size, chunk, end = image['size'], image['chunk_size'], 0
    is_sound = size > 0 and chunk > 0 and chunk % 4096 == 0 and len(image['chunks']) == -(-size // chunk)
    for offset, length in image['extents']:
        is_sound = is_sound and end <= offset and length > 0 and offset % 4096 == 0 and offset + length <= size and (
            length % 4096 == 0 or offset + length == size)
        end = offset + length
    if not is_sound:
        raise AgentError('plan-refused', f'The manifest of the image contradicts itself (size {size}, chunk_size {chunk}, '
                         f'{len(image["chunks"])} chunks, {len(image["extents"])} extents).', 'Fetch the image again.')


def _transfer(job, target, image, disk, device):
    """Log in, wipe, zero the gaps, copy, log out; the figures of it."""
    started = time.monotonic()
    source = Source(job, target)
    try:
        if source.size < image['size']:
            raise AgentError('iscsi-refused', f'The target\'s disk has {source.size} bytes, the image {image["size"]}.',
                             'The export is not of this image: start the operation again.')
        figures = {'login_seconds': round(time.monotonic() - started, 3)}
        _guard(disk, 0, wipe, device, disks.partitions(job.machine, disk.name.rpartition('/')[2]), job.check)
        if job.line.is_measuring:
            figures['disk_limit_mbs'] = _guard(disk, 0, measure, device)
        zero(job, image, disk, device)
        figures.update(copy(job, image, disk, device, source))
        return figures
    finally:
        source.close()


def zero(job, image, disk, device):
    """Make the gaps read as zero, piece by piece: a disk that cannot do so by itself takes its time."""
    meter = Meter(job, _ZERO, sum(length for _, length in gaps(image)))
    for offset, length in gaps(image):
        for start in range(offset, offset + length, _PIECE):
            job.check()
            piece = min(_PIECE, offset + length - start)
            _guard(disk, start, device.zero, start, device.round_up(start + piece) - start)
            meter.add(piece)


def copy(job, image, disk, device, source):
    """Copy all extents; the figures of it: bytes, seconds, rate."""
    meter = Meter(job, NAME, sum(length for _, length in image['extents']))

    def move(block, memory):
        job.check()
        offset, length = block
        padded = device.round_up(length)
        view = memoryview(memory)[:padded]
        readable = min(padded, source.size - offset)        # a last sector that only the larger sectors of the disk have
        source.read_into(offset, view[:readable])
        view[length:] = bytes(padded - length)
        _guard(disk, offset, device.write_from, offset, view)
        meter.add(length)

    each(blocks(image), move, size=image['chunk_size'])
    _guard(disk, 0, device.flush)
    return {'bytes': sum(length for _, length in image['extents']), 'seconds': round(meter.seconds, 3), 'rate': meter.rate}


def verify(job, image, disk, device):
    """Read the disk back and compare each chunk; AgentError checksum-mismatch names the first that differs."""
    meter, size = Meter(job, _VERIFY, image['size']), image['chunk_size']
    zeros, filled = bytearray(size), chunks_with_data(image)

    def compare(index, memory):
        job.check()
        offset = index * size
        length = min(size, image['size'] - offset)
        _guard(disk, offset, device.read_into, offset, memoryview(memory)[:device.round_up(length)])
        view = memoryview(memory)[:length]
        if index in filled:
            is_equal = hashlib.sha256(view).hexdigest() == image['chunks'][index]
        else:                 # far cheaper than a hash; a bytearray compares by memcmp, without a copy
            is_equal = (zeros if length == size else bytearray(length)) == view
        if not is_equal:
            raise AgentError('checksum-mismatch', f'{disk.name} (serial {disk.serial}) gives back other bytes than were '
                             f'written, between byte {offset} and {offset + length}.', 'Replace the disk; check its cables '
                             'and the memory of the machine. If all machines say so, fetch the image again.')
        meter.add(length)

    each(range(len(image['chunks'])), compare, size=size)


def blocks(image):
    """(offset, length) of what is read and written at once: extents cut at the borders of chunks."""
    size = image['chunk_size']
    for offset, length in image['extents']:
        end = offset + length
        while offset < end:
            border = min(end, (offset // size + 1) * size)
            yield offset, border - offset
            offset = border


def gaps(image):
    """(offset, length) of all that lies between the extents."""
    at = 0
    for offset, length in [*image['extents'], (image['size'], 0)]:
        if offset > at:
            yield at, offset - at
        at = offset + length


def chunks_with_data(image):
    """Indices of the chunks that an extent touches."""
    return {offset // image['chunk_size'] for offset, _ in blocks(image)}


def measure(device):
    """What the disk itself can take, MB/s: zeros written to where the image goes, before it does."""
    length = min(_LIMIT_BYTES, device.size // device.sector * device.sector)
    started, zeros = time.monotonic(), memoryview(buffer(4 * MIB))
    for offset in range(0, length, 4 * MIB):
        device.write_from(offset, zeros[:min(4 * MIB, length - offset)])
    device.flush()
    return round(length / 1e6 / (time.monotonic() - started), 1)


def _guard(disk, offset, function, *args):
    """Call; an error of the disk becomes an AgentError that names disk and offset."""
    try:
        return function(*args)
    except OSError as error:
        raise _broken(disk, f'failed at byte {offset}: {error}') from error


def _broken(disk, what):
    return AgentError('disk-error', f'{disk.name} (model {disk.model}, serial {disk.serial}) {what}.',
                      'Replace the disk or its cable, or exclude it by properties/root_device of the node.')
