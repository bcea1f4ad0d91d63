"""A terminal on a machine's serial console; Ctrl-] leaves."""

import contextlib
import os
import select
import sys
import termios
import tty

from ingot import errors
from ingot.lab import control

LEAVE = b'\x1d'


def attach(path, *, keyboard=None, screen=None):
    """Join this terminal to the console socket at ``path`` until Ctrl-] is typed, input ends or the machine goes off.

    ``keyboard`` and ``screen``: file descriptors, by default standard input and output. NotFound when nobody listens.
    """
    try:
        channel = control.connect(path)
    except OSError:
        raise errors.NotFound(f'No console at {path}: the machine is off.') from None
    keyboard = sys.stdin.fileno() if keyboard is None else keyboard
    screen = sys.stdout.fileno() if screen is None else screen
    with channel, _raw(keyboard):
        while True:
            ready, _, _ = select.select([keyboard, channel], [], [])
            if channel in ready:
                said = channel.recv(4096)
                if not said:
                    return
                os.write(screen, said)
            if keyboard in ready:
                typed = os.read(keyboard, 4096)
                channel.sendall(typed.partition(LEAVE)[0])
                if not typed or LEAVE in typed:
                    return


@contextlib.contextmanager
def _raw(keyboard):
    """The terminal hands over every key at once, Ctrl-C too; anything that is no terminal stays as it is."""
    if not os.isatty(keyboard):
        yield
        return
    before = termios.tcgetattr(keyboard)
    tty.setraw(keyboard)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
