"""One conductor a state folder: another one would take the work of the first for that of a dead former life."""

import contextlib

from ingot import errors
from ingot.drivers.images import lockfile


class Claim:
    """The state folder is ours from ``start`` to ``stop``; the kernel lets go of it when we die.

    ``start`` raises Conflict while another process has it.
    """

    def __init__(self, conf):
        self._folder, self._held = conf.state_dir, contextlib.ExitStack()

    def start(self):
        try:
            self._held.enter_context(lockfile.hold(f'{self._folder}/conductor.lock', 0, what='use the state folder'))
        except errors.DeadlineExceeded:
            raise errors.Conflict(f'State folder {self._folder} is in use: another Ingot runs with it.',
                                  remedy='Stop that one first, or choose another folder with --state-dir.') from None

    def stop(self):
        self._held.close()
