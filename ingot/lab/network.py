"""The network between machines and host: a private namespace with a bridge (root), or QEMU's own (everybody).

Both say how machines see the host (``host``), what QEMU's -netdev takes (``attach``) and how a program is run where it
can see the machines (``argv_prefix``).
"""

import os

from ingot import errors, programs

ADDRESS, ADDRESS_6 = '172.30.0.1', 'fd00:172:30::1'


class Namespace:
    """A network namespace of its own: bridge br0 (172.30.0.1/24, fd00:172:30::1/64), a tap for each machine. Needs root."""

    kind, host, interface = 'namespace', ADDRESS, 'br0'

    def __init__(self, name):
        self.name = name

    @property
    def argv_prefix(self):
        return [programs.find('ip'), 'netns', 'exec', self.name]

    def create(self):
        """Make it. One that a dead lab left behind is replaced; Conflict when programs still run in it."""
        if os.geteuid():
            raise errors.NotPermitted('A network namespace needs root.', remedy="Use network='user'.")
        if self.name in _names():
            users = programs.run('ip', 'netns', 'pids', self.name).split()
            if users:
                raise errors.Conflict(f'Network namespace {self.name} is in use by {len(users)} processes ({users[0]} ...).',
                                      remedy='Take that lab down, or choose another name.')
            self.delete()
        programs.run('ip', 'netns', 'add', self.name)
        self._build()

    def _build(self):
        # stp and a forward delay would keep a port silent for the first 15 to 30 s; nodad makes the address usable at once
        for line in ('link set lo up', 'link add br0 type bridge stp_state 0 forward_delay 0', f'addr add {ADDRESS}/24 dev br0',
                     f'addr add {ADDRESS_6}/64 dev br0 nodad', 'link set br0 up'):
            programs.run('ip', '-n', self.name, *line.split())

    def delete(self):
        """Remove it with all that is in it; fine when it is gone already."""
        if self.name in _names():
            programs.run('ip', 'netns', 'del', self.name)

    def attach(self, number):
        """Make the tap of machine ``number``; called inside of the namespace."""
        tap = f'tap{number}'
        programs.run('ip', 'tuntap', 'add', 'dev', tap, 'mode', 'tap')
        programs.run('ip', 'link', 'set', tap, 'master', 'br0', 'up')
        return f'tap,ifname={tap},script=no,downscript=no'


class User:
    """QEMU's user-mode network: machines reach the host's loopback at 10.0.2.2 and boot from ``boot_port`` there."""

    kind, host, interface, name, argv_prefix = 'user', '10.0.2.2', None, None, []

    def __init__(self, boot_port):
        self.boot_port = boot_port

    def create(self):
        """Nothing to do."""

    def delete(self):
        """Nothing to do."""

    def attach(self, number):
        return f'user,bootfile=http://{self.host}:{self.boot_port}/boot.ipxe'


def _names():
    return [line.split()[0] for line in programs.run('ip', 'netns', 'list').splitlines() if line]
