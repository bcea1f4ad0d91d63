"""Part 6: the disk of a conductor is full. A deployment fails with an error that says so; with room the next one works."""

import contextlib
import os
import subprocess
from typing import NamedTuple

from tests.crash.serve import Serve

MIB = 1 << 20
#: MiB of the conductor's disk, and of the image: it fits only without what fills the disk.
DISK, IMAGE = 256, 64


class Outcome(NamedTuple):
    error: str

    def text(self):
        return f'Disk full: the deployment failed with "{self.error}"; when there was room the next one was active.'


def run(folder):
    """The Outcome; PermissionError where nothing may be mounted."""
    image = folder / 'images' / 'os.raw'
    image.parent.mkdir()
    with open(image, 'wb') as file:
        file.write(os.urandom(MIB) * IMAGE)
    with small_disk(folder / 'state') as state, Serve(folder, state, count=2) as serve:
        for number in (0, 1):
            serve.bring(number, 'manage', 'manageable')
            serve.bring(number, 'provide', 'available')
        with open(state / 'what fills it', 'wb') as file:
            file.write(bytes((DISK - 40) * MIB - used(state)))
        serve.deploy([0], image)
        serve.await_states({0: 'deploy failed'})
        error = serve.row(0)['last_error']
        for word in (str(state), 'MiB free', 'Make space below state_dir'):
            assert word in error, error
        assert not serve.faults(may_fail=True), serve.faults(may_fail=True)
        (state / 'what fills it').unlink()
        serve.deploy([0, 1], image)
        serve.await_states({0: 'active', 1: 'active'})
        assert not serve.faults(), serve.faults()
    return Outcome(error.replace(str(folder), ''))


def used(folder):
    facts = os.statvfs(folder)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


@contextlib.contextmanager
def small_disk(folder):
    """A file system of its own at ``folder``, of DISK MiB."""
    folder.mkdir()
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={DISK}m,mode=750', 'none', str(folder)], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise PermissionError(done.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(['umount', '-l', str(folder)], check=True)
