"""Fences: what is asked before a machine is touched, so that nobody does who lost the node to somebody else.

The database refuses the writes of a conductor whose lease is gone; a machine cannot. A conductor that slept, or was cut off, for
longer than its lease must notice by itself: ``check`` is called right before each request to a BMC.
"""

import contextlib
import contextvars

_fence = contextvars.ContextVar('fence', default=None)


@contextlib.contextmanager
def around(check):
    """Whatever the body does to machines, ``check()`` is asked before; it raises when that may not be any more."""
    token = _fence.set(check)
    try:
        yield
    finally:
        _fence.reset(token)


def current():
    """The check in force here (for another thread that does the work), or None."""
    return _fence.get()


def check():
    """Raise what the check in force raises."""
    check = _fence.get()
    if check is not None:
        check()
