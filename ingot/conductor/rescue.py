"""Rescue and its end on one screen: a machine whose system is broken lets its operator in, and goes back."""

import hashlib
import os

from ingot.conductor import ramdisk
from ingot.conductor.flow import Step

#: Rounds of PBKDF2-SHA512 (OWASP, 2023: 210,000).
_ROUNDS = 210_000


def digest(password):
    """What is kept of a rescue password: '$pbkdf2-sha512$rounds$salt$hash', salt and hash in hex."""
    salt = os.urandom(16)
    return f'$pbkdf2-sha512${_ROUNDS}${salt.hex()}${hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS).hex()}'


def validate(task):
    task.validate('power', 'management', 'rescue')


def enter(task):
    """The machine runs the rescue system, and takes the password whose hash we have."""
    task.interface('rescue').rescue(task.node, task.operation['arguments']['rescue_password_hash'])
    task.note_power('power on')


def leave(task):
    """Nothing of the rescue system is left."""
    task.interface('rescue').clean_up(task.node)


def start_instance(task):
    ramdisk.boot_from(task, 'disk', is_persistent=True)


RESCUE = (
    Step('validate',            validate),
    Step('start rescue system', enter,          undo=leave),
)

UNRESCUE = (
    Step('validate',            validate),
    Step('end rescue system',   leave),
    Step('start instance',      start_instance),
)
