"""The image's target: log in with iscsistart, find the disk it becomes, end the session.

What really happens on the way out is told in netlink.py. A broken connection is not mended by the kernel alone (nobody
is left to log in again): reads fail after about 20 s without an answer (a ping, and the replacement timeout) and at once when
the target closes; then ``login`` makes a new session, and with it a new disk.
"""

import contextlib
import os
import re
import subprocess
import time

from . import netlink
from .errors import Refused, Unreachable

_LOGIN_SECONDS = 40
_DISK_SECONDS = 15
_READ_KIB = 4096              # the largest read that is sent as one command
_REFUSALS = {'5', '19', '24'}     # open-iscsi's numbers (iscsiadm(8)): login failed, fatal at login, not authorised
#: Notice a dead network in 15 s (a busy machine may be silent for some), fail reads 5 s later, do not retry inside of
#: iscsistart: we do that.
_SETTINGS = ('node.conn[0].timeo.noop_out_interval=5', 'node.conn[0].timeo.noop_out_timeout=10',
             'node.session.timeo.replacement_timeout=5', 'node.session.initial_login_retry_max=1',
             'node.conn[0].iscsi.MaxRecvDataSegmentLength=1048576', 'node.session.iscsi.MaxBurstLength=4194304')


class Session:
    """``login`` gives the path of the disk, ``logout`` ends it; both may be called again and again."""

    def __init__(self, machine, target, initiator):
        self.machine, self.target, self.initiator = machine, target, initiator

    def login(self):
        """The path of the target's disk. Refused: it said no; Unreachable: it did not answer."""
        self.logout()
        run_iscsistart(command(self.target, self.initiator), self.target)
        for _ in range(_DISK_SECONDS * 20):
            disk = find_disk(self.machine, self.target['iqn'], self.target['lun'])
            if disk and os.path.exists(os.path.join(self.machine.dev, disk)):
                self._tune(disk)
                return os.path.join(self.machine.dev, disk)
            time.sleep(0.05)
        raise Unreachable(f'logged in to {self.target["iqn"]}, but its LUN {self.target["lun"]} became no disk '
                          f'within {_DISK_SECONDS} s')

    def logout(self):
        """No session with the target is left; returns their number. OSError: the kernel would not end one."""
        numbers = find_sessions(self.machine, self.target['iqn'])
        handle = self.machine.number('class/iscsi_transport/tcp/handle')
        for number in numbers:
            netlink.end_session(handle, number)
        return len(numbers)

    def _tune(self, disk):
        """Ask for big reads. Not vital."""
        most = self.machine.number('block', disk, 'queue/max_hw_sectors_kb') or _READ_KIB
        with contextlib.suppress(OSError), open(
                os.path.join(self.machine.sys, 'block', disk, 'queue/max_sectors_kb'), 'w') as file:
            file.write(str(min(most, _READ_KIB)))


def command(target, initiator):
    """The words of iscsistart's command line. The secret is among them: nobody else is on this machine."""
    words = ['iscsistart', '-i', initiator, '-t', target['iqn'], '-g', '1', '-a', target['host'], '-p', str(target['port'])]
    if target.get('user'):
        words += ['-u', target['user'], '-w', target['secret']]
    return words + [word for setting in _SETTINGS for word in ('-P', setting)]


def initiator_name(mac):
    """The name under which the machine logs in."""
    return f'iqn.2026-11.ingot:{(mac or "unknown").replace(":", "")}'


def run_iscsistart(words, target):
    """Log in. Refused or Unreachable say why, without the secret."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors='replace', timeout=_LOGIN_SECONDS,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Unreachable(f'no login to {target["iqn"]} at {target["host"]}:{target["port"]} '
                          f'within {_LOGIN_SECONDS} s') from None
    if done.returncode:
        raise explain(done.stdout + done.stderr, done.returncode, target)


def explain(output, status, target):
    """The exception that tells why iscsistart failed: Refused or Unreachable."""
    where = f'{target["iqn"]} at {target["host"]}:{target["port"]}'
    found = re.search(r'error \((\d+) ?-? ?([^)]*)\)', output)
    number, words = found.groups() if found else (str(status), ' '.join(output.split())[-200:])
    if target.get('secret'):
        words = words.replace(target['secret'], '***')
    kind = Refused if number in _REFUSALS else Unreachable
    return kind(f'login to {where} as "{target.get("user")}" failed with open-iscsi\'s error {number}: {words}')


def find_sessions(machine, iqn):
    """Numbers of the kernel's sessions with a target."""
    return [int(name[len('session'):]) for name in machine.names('class/iscsi_session')
            if machine.read('class/iscsi_session', name, 'targetname') == iqn]


def find_disk(machine, iqn, lun):
    """Kernel name ('sdb') of a LUN of a target we are logged in to, or None.

    /sys/class/iscsi_session/session1/device/target2:0:0/2:0:0:1/block/sdb
    """
    for number in find_sessions(machine, iqn):
        session = f'class/iscsi_session/session{number}/device'
        for target in machine.names(session):
            for unit in machine.names(session, target) if target.startswith('target') else ():
                if re.fullmatch(rf'\d+:\d+:\d+:{lun}', unit):
                    return next(iter(machine.names(session, target, unit, 'block')), None)
    return None
