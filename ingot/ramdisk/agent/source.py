"""Reads from the image's target that survive the loss of the network, until the action is told to stop."""

import contextlib
import threading

from .block import Device
from .errors import AgentError, Refused, Stopped, Unreachable

_FIRST_REFUSALS = 3       # a target that is just being started again may refuse for a moment
_TRIES = 10               # at one block, each with a fresh login: then it is not the network


class Source:
    """The target's disk; ``close`` says goodbye. Threads may read at the same time."""

    def __init__(self, job, target):
        self._job, self._target = job, target
        self._session = job.open_session(target)
        self._lock, self._generation = threading.Lock(), 0
        self._device = self._log_in(is_first=True)

    @property
    def size(self):
        return self._device.size

    def read_into(self, offset, view):
        """Fill ``view``; after an error log in again and go on. AgentError iscsi-lost when that is of no use."""
        for _ in range(_TRIES):
            generation, device = self._generation, self._device
            self._job.check()
            try:
                return device.read_into(offset, view)
            except OSError as error:
                self._recover(generation, offset, error)
        raise AgentError('iscsi-lost', f'{self._where()} cannot be read at byte {offset}: {_TRIES} logins did not help.',
                         'Look at the log of tgtd and at the disk that holds the image cache.')

    def close(self):
        """End the session; a kernel that will not is worth a warning, no more."""
        self._device = None
        try:
            self._session.logout()
        except OSError as error:
            self._job.log(f'the session with {self._where()} could not be ended: {error}', 'warning')

    def _recover(self, generation, offset, error):
        with self._lock:
            if generation != self._generation:       # the other thread has done it
                return
            self._job.log(f'connection to {self._where()} lost at byte {offset} ({error}): logging in again', 'warning')
            self._device = self._log_in(is_first=False)
            self._generation += 1
            self._job.log(f'connection to {self._where()} is back')

    def _log_in(self, *, is_first):
        tries, reason = 0, 'it was not tried'
        while True:
            tries += 1
            try:
                return Device(self._session.login())
            except (Refused, Unreachable, OSError) as error:
                reason = error
            if is_first and isinstance(reason, Refused) and tries >= _FIRST_REFUSALS:
                raise AgentError('iscsi-refused', f'{self._where()} refused us: {reason}.',
                                 'Look at the log of tgtd; the export of this operation is missing or has other secrets.')
            self._wait(tries, reason)

    def _wait(self, tries, reason):
        if tries == 1 or tries % 5 == 0:        # often enough to be known alive, at most every minute
            self._job.log(f'no login to {self._where()} ({reason}), trying again', 'warning')
        try:
            self._job.pause(min(10, 0.5 * 2 ** min(tries - 1, 5)))
        except Stopped:
            with contextlib.suppress(OSError):
                self._session.logout()
            raise AgentError('iscsi-lost', f'{self._where()} could not be reached until the plan was over: {reason}.',
                             'Check the network between machine and conductor, and that tgtd runs.') from None

    def _where(self):
        return f'{self._target["iqn"]} at {self._target["host"]}:{self._target["port"]}'
