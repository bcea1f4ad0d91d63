"""Where the machine shows itself: the roots of sysfs, /dev and /proc, and small reads from them.

Tests hand in folders of their own, in which ordinary files stand for disks.
"""

import os
from typing import NamedTuple


class Machine(NamedTuple):
    sys: str = '/sys'
    dev: str = '/dev'
    proc: str = '/proc'

    def read(self, *path):
        """The text of a sysfs file without white space at its ends, or None where there is none."""
        try:
            with open(os.path.join(self.sys, *path), encoding='utf-8', errors='replace') as file:
                return file.read().replace('\0', '').strip() or None
        except OSError:
            return None

    def read_bytes(self, *path, most=-1):
        """The bytes of a sysfs file, the first ``most`` of them; empty where there is none."""
        try:
            with open(os.path.join(self.sys, *path), 'rb', buffering=0) as file:
                return file.read(most) or b''
        except OSError:
            return b''

    def number(self, *path):
        """The number in a sysfs file, or None."""
        try:
            return int(self.read(*path) or '')
        except ValueError:
            return None

    def names(self, *path):
        """Sorted names in a sysfs folder; empty where there is none."""
        try:
            return sorted(os.listdir(os.path.join(self.sys, *path)))
        except OSError:
            return []

    def real_path(self, *path):
        return os.path.realpath(os.path.join(self.sys, *path))

    def process_text(self, name):
        """The text of a file in /proc; empty where there is none."""
        try:
            with open(os.path.join(self.proc, name), encoding='utf-8', errors='replace') as file:
                return file.read()
        except OSError:
            return ''

    def boot_id(self):
        """The kernel's id of this boot."""
        return self.process_text('sys/kernel/random/boot_id').strip()


def macs(machine):
    """MAC addresses of the machine's network cards (those with a device behind them), sorted."""
    found = {machine.read('class/net', name, 'address') for name in machine.names('class/net')
             if machine.names('class/net', name, 'device')}
    return sorted(mac.lower() for mac in found if mac)
