"""The agent's last deed: switch the machine off, restart it, or leave it as it is."""

import subprocess
import time

_SYNC_SECONDS = 30
_PROGRAMS = {'power off': 'poweroff', 'reboot': 'reboot'}
_KEYS = {'power off': 'o', 'reboot': 'b'}      # Documentation/admin-guide/sysrq.rst
SYSRQ = '/proc/sysrq-trigger'


def end(then):
    """Does not return. A disk that hangs must not keep the machine on: sync has a limit."""
    while then not in _PROGRAMS:
        time.sleep(3600)
    for words in (['sync'], [_PROGRAMS[then], '-n', '-f']):
        try:
            subprocess.run(['busybox', *words], timeout=_SYNC_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f'ingot-agent: {words[0]} failed: {error}', flush=True)
    time.sleep(5)
    with open(SYSRQ, 'w') as file:
        file.write(_KEYS[then])
