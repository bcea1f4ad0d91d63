"""A qcow2 image is made raw by qemu-img, under limits of time, memory and size, in a process that dies with ours."""

import json
import time

from ingot import errors, programs

_MEMORY = 2 << 30     # bytes of address space; qemu-img needs under 1 GiB
_LEAKS = 3            # exit status of qemu-img check: clusters that nobody uses, which is no damage


def check(source, *, name, seconds):
    """InvalidImage when the tables of the qcow2 file ``source`` are damaged, or lead beyond its end.

    qemu-img convert alone would read zeros there without a word: a file cut short would become a wrong disk.
    """
    _run(name, seconds, 0, 'check', '-q', '-f', 'qcow2', _plain(source), accepts=(0, _LEAKS))


def to_raw(source, target, *, name, virtual_size, seconds):
    """Write the disk inside the qcow2 file ``source`` to ``target``, sparse. ``format.inspect`` must have passed before.

    :param seconds: how long it may take. Raises InvalidImage when qemu-img cannot read it, ImageUnavailable when the
        disk of this host is full, DeadlineExceeded.
    """
    _run(name, seconds, virtual_size, 'convert', '-f', 'qcow2', '-O', 'raw', '-S', '64k', _plain(source), _plain(target))


def data_bytes(source, *, name, seconds=300):
    """How many bytes of disk the raw form of the qcow2 file ``source`` needs."""
    answer = _run(name, seconds, 0, 'map', '-f', 'qcow2', '--output=json', _plain(source))
    return sum(part['length'] for part in json.loads(answer) if part['data'] and not part['zero'])


def _plain(path):
    """``path`` such that qemu-img cannot take it for a protocol (``nbd:``) or for options (``json:``)."""
    return f'file:{path}'


def _run(name, seconds, file_size, *words, accepts=(0,)):
    started = time.monotonic()
    limits = [f'--as={_MEMORY}', f'--cpu={int(2 * seconds) + 1}', f'--fsize={file_size + 4096}', '--core=0']
    try:
        return programs.run('setpriv', '--pdeathsig', 'KILL', programs.find('prlimit'), *limits,
                            programs.find('qemu-img'), *words,
                            timeout=seconds, environment={'LC_ALL': 'C', 'MALLOC_ARENA_MAX': '3'}, accepts=accepts)
    except errors.ProgramFailed as error:
        if time.monotonic() - started >= seconds:
            raise errors.DeadlineExceeded(f'Image {name}: qemu-img did not end within {seconds:g} s and was killed.',
                                          remedy='Publish the image as raw, or raise [images]convert_timeout.') from None
        if 'No space left' in str(error):
            raise errors.ImageUnavailable(f'Image {name}: the disk of the image cache is full.',
                                          remedy='Make space below state_dir, or lower [images]cache_mib.') from None
        raise errors.InvalidImage(f'Image {name} is damaged: {error}',
                                  remedy='Check the file at its source: qemu-img check IMAGE.') from None
