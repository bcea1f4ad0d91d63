"""Whether KVM really runs a kernel here: it is tried, never assumed.

On nested hosts /dev/kvm often opens and firmware runs, yet no ordinary kernel does; so a kernel has to say its word.
"""

import functools
import logging
import os
import pathlib
import subprocess
import tempfile

from ingot import errors, programs

LOG = logging.getLogger(__name__)
SECONDS = 5
_MARKER = 'kvm-runs-kernels-here'
_INIT = f'#!/bin/busybox sh\necho {_MARKER}\n/bin/busybox poweroff -f\n'


@functools.cache
def accelerator(kernel=None):
    """'kvm' or 'tcg', asked once a process and answered within ``SECONDS``; without a ``kernel`` (path) it is tcg."""
    if kernel is None or not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return 'tcg'
    try:
        found = 'kvm' if _runs_kernel(kernel) else 'tcg'
    except (OSError, errors.ProgramFailed) as error:
        LOG.warning('KVM cannot be tried: %s', error)
        found = 'tcg'
    LOG.info('Machines run with %s', found)
    return found


def _runs_kernel(kernel):
    with tempfile.TemporaryDirectory(prefix='ingot-kvm-') as folder:
        initrd = pathlib.Path(folder, 'initrd')
        initrd.write_bytes(_archive({'bin': None, 'bin/busybox': pathlib.Path(programs.find('busybox')).read_bytes(),
                                     'init': _INIT.encode()}))
        command = [programs.find('setpriv'), '--pdeathsig', 'KILL', programs.find('qemu'), '-accel', 'kvm', '-machine', 'q35',
                   '-m', '256', '-display', 'none', '-nodefaults', '-no-user-config', '-no-reboot', '-serial', 'stdio',
                   '-kernel', str(kernel), '-initrd', str(initrd), '-append', 'console=ttyS0 quiet panic=-1']
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
            said = done.stdout
        except subprocess.TimeoutExpired as expired:      # run() has killed it
            said = expired.stdout or b''
        return _MARKER.encode() in said


def _archive(files):
    """An initramfs (cpio, newc: linux/Documentation/driver-api/early-userspace/buffer-format.rst); None is a folder."""
    parts = []
    for number, (name, content) in enumerate([*files.items(), ('TRAILER!!!', b'')], 1):
        mode = 0o040755 if content is None else 0o100755
        content = content or b''
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        head = b'070701' + ''.join(f'{field:08x}' for field in fields).encode() + name.encode() + b'\0'
        parts += [head, bytes(-len(head) % 4), content, bytes(-len(content) % 4)]
    return b''.join(parts)
