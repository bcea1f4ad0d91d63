"""What we say to a tgtd by tgtadm: portals, targets with one LUN each, accounts. Source: tgtadm(8) of tgt 1.0.85."""

import re
from typing import NamedTuple

from ingot import concurrency, errors, programs

LUN = 1
#: Big bursts, so that 4 MiB reads are few PDUs: 264 instead of 98 MB/s on the machines that this was measured with.
SPEED = {'MaxRecvDataSegmentLength': 1 << 20, 'MaxXmitDataSegmentLength': 1 << 20, 'MaxBurstLength': 4 << 20,
         'FirstBurstLength': 1 << 20, 'ImmediateData': 'Yes', 'InitialR2T': 'No'}
_ANYBODY = 'ALL'
#: What is said of a target whose sessions are closed while commands of theirs are on their way, and how long those may take.
_ACTIVE, _ACTIVE_SECONDS = 'logical unit is still active', 10


class Target(NamedTuple):
    """A target as tgtd shows it; ``acl`` are the initiator addresses that may see it."""

    tid: int
    path: str | None
    is_readonly: bool
    accounts: list
    acl: list
    luns: list

    @property
    def is_complete(self):
        """Whether ``add`` came to its end: the address list is written last."""
        return _ANYBODY in self.acl and bool(self.accounts) and self.is_readonly


class Tgt:
    """The tgtd that listens on the IPC socket ``socket`` (tgtd itself adds '.0' to the name)."""

    def __init__(self, socket):
        self.environment = {'TGT_IPC_SOCKET': socket}

    def portals(self):
        """['127.0.0.1:3260', ...]; ProgramFailed while tgtd does not answer."""
        return re.findall(r'^Portal: (\S+),\d+$', self._ask('show', 'portal'), re.MULTILINE)

    def targets(self):
        """{iqn: Target}."""
        blocks = re.split(r'^Target (\d+): (.*)$', self._ask('show', 'target'), flags=re.MULTILINE)[1:]
        return {iqn.strip(): _parse(int(tid), text) for tid, iqn, text in zip(*[iter(blocks)] * 3, strict=True)}

    def add(self, iqn, path, user, secret):
        """Make the target with ``path`` as its read-only LUN 1, for whoever knows ``secret``.

        The order matters: nobody can reach it before the LUN is read-only and the account is bound. What is left of an
        attempt that did not come to its end is removed first.
        """
        self.remove(iqn, user)
        tid = _lowest_free({target.tid for target in self.targets().values()})
        self._do('new', 'target', tid, '--targetname', iqn)
        for name, value in SPEED.items():
            self._do('update', 'target', tid, '--name', name, '--value', value)
        self._do('new', 'logicalunit', tid, '--lun', LUN, '--backing-store', path)
        self._do('update', 'logicalunit', tid, '--lun', LUN, '--params', 'readonly=1')
        self._ask('new', 'account', '--user', user, '--password', secret, secrets=[secret])
        self._do('bind', 'account', tid, '--user', user)
        self._do('bind', 'target', tid, '--initiator-address', _ANYBODY)

    def remove(self, iqn, user):
        """Target, its sessions and account are gone; fine with half or none of it.

        The target goes first: without its account it would be open to everybody.
        """
        target = self.targets().get(iqn)
        if target:
            self._delete(target.tid)
        if user in self.accounts():
            self._ask('delete', 'account', '--user', user)

    def _delete(self, tid):
        """Its sessions are closed at once; it goes when the last command of theirs has come to its end."""
        last = None

        def is_gone():
            nonlocal last
            try:
                self._do('delete', 'target', tid, '--force')
            except errors.ProgramFailed as error:
                if _ACTIVE not in str(error):
                    raise
                last = error
                return False
            return True
        if not concurrency.wait_for(is_gone, _ACTIVE_SECONDS, every=0.2):
            raise last

    def accounts(self):
        """Names of all accounts."""
        return [line.strip() for line in self._ask('show', 'account').splitlines() if line.startswith(' ')]

    def _do(self, op, mode, tid, *args):
        return self._ask(op, mode, '--tid', tid, *args)

    def _ask(self, op, mode, *args, secrets=()):
        try:
            return programs.run('tgtadm', '--lld', 'iscsi', '--op', op, '--mode', mode, *args, timeout=10,
                                environment=self.environment, secrets=secrets)
        except errors.ProgramFailed as error:
            raise errors.ProgramFailed(f'tgtadm, {op} {mode}: {error}', remedy=error.remedy) from None


def _parse(tid, text):
    sections = {title: body for title, body in re.findall(r'^    (\S[^\n]*?):\n((?:     [^\n]*\n?)*)', text, re.MULTILINE)}
    disk = re.split(r'^ +LUN: \d+$', sections.get('LUN information', ''), flags=re.MULTILINE)[-1]
    luns = [int(lun) for lun in re.findall(r'^ +LUN: (\d+)$', sections.get('LUN information', ''), re.MULTILINE)]
    path = re.search(r'Backing store path: (.*)', disk)
    return Target(tid, path[1].strip() if path and LUN in luns else None, 'Readonly: Yes' in disk,
                  _lines(sections.get('Account information', '')), _lines(sections.get('ACL information', '')), luns)


def _lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def _lowest_free(taken):
    return next(number for number in range(1, len(taken) + 2) if number not in taken)
