"""Locks between processes: a file that is locked while its holder lives (flock), and gone when nobody needs it."""

import contextlib
import fcntl
import os

from ingot import concurrency, errors


@contextlib.contextmanager
def hold(path, seconds, *, what):
    """Wait up to ``seconds`` for the lock file ``path``; DeadlineExceeded names ``what`` is done under it.

    Threads of one process exclude each other too. The kernel lets go of it when the process dies.
    """
    file = concurrency.wait_for(lambda: _take(path), seconds, every=0.02)
    if file is None:
        raise errors.DeadlineExceeded(f'Another process did not end to {what} within {seconds:g} s.')
    try:
        yield
    finally:
        _give(path, file)


def _give(path, file):
    os.unlink(path)      # while it is still locked: who waits with the old file in hand looks for the new name
    file.close()


def _take(path):
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), 'rb')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    file.close()      # somebody holds it, or has just removed the name that we opened
    return None
