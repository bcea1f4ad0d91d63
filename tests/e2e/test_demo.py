"""``ingot demo`` as a user runs it: with a network namespace, and without any rights."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

LAST = re.compile(r'DEPLOYED 2 of 2 in \d+\.\d s')
ROOTLESS = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', '--bounding-set=-all',
            '--inh-caps=-all']
#: Where an ordinary user cannot reach this interpreter: root in name only, without a single capability.
POWERLESS = ['setpriv', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all']


def run(prefix, folder, *arguments, **environment):
    with open(folder / 'out.log', 'wb') as out:
        demo = subprocess.Popen([*prefix, sys.executable, '-m', 'ingot.cli.main', 'demo', '--folder', str(folder), '--timeout',
                                 '400', *arguments], stdout=out, stderr=out, cwd='/', env={**os.environ, **environment})
    try:
        status = demo.wait(500)
    except subprocess.TimeoutExpired:
        status = end_all(folder)
    words = (folder / 'out.log').read_text()
    assert status == 0, tell(folder)
    assert LAST.fullmatch(words.splitlines()[-1]), tell(folder)
    for name in ('machine-1', 'machine-2'):
        assert re.search(rf'{name} +says: INGOT-BOOTED image=\w+ root=/dev/vda\d hostname={name}\n', words), tell(folder)
    assert left_running(folder) == []


def end_all(folder):
    """End what hangs; where each thread of it was stands in the logs."""
    for kind in (signal.SIGUSR1, signal.SIGKILL):
        for pid, line in processes(folder):
            if ' demo ' in line or ' serve ' in line:
                os.kill(pid, kind)
        time.sleep(2)
    return 'it hung'


def tell(folder):
    """The ends of all logs of a demo that failed: its own, the service's, the rack's, the consoles of its machines."""
    return '\n'.join(f'--- {path}\n{path.read_text(errors="replace")[-12_000:]}' for path in sorted(folder.rglob('*.log')))


def left_running(folder):
    """Command lines of processes that have to do with ``folder``."""
    return [line for _, line in processes(folder)]


def processes(folder):
    """(pid, command line) of processes that have to do with ``folder``."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            line = path.read_bytes().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        if str(folder) in line:
            found.append((int(path.parent.name), line))
    return found


def warm(folder, built):
    """The ramdisk as an earlier demo would have left it."""
    if (built / 'ramdisk').exists():
        shutil.copytree(built / 'ramdisk', folder / 'ramdisk')


@pytest.mark.skipif(os.geteuid() != 0, reason='a network namespace needs root')
def test_with_a_namespace(tmp_path, built):
    warm(tmp_path, built)
    run([], tmp_path, '--network', 'namespace')
    assert b'ingot-lab' not in subprocess.run(['ip', 'netns', 'list'], capture_output=True, check=True).stdout


def test_without_rights(tmp_path, built):
    warm(tmp_path, built)
    prefix = []
    if os.geteuid() == 0:
        # Twice: setpriv itself still has the rights to run what the user cannot.
        probe = subprocess.run([*ROOTLESS, sys.executable, '-c', 'import subprocess, sys; '
                                'subprocess.run([sys.executable, "-c", "import ingot"], check=True)'],
                               capture_output=True, check=False, cwd='/')
        prefix = POWERLESS if probe.returncode else ROOTLESS
        if prefix is ROOTLESS:
            for path in [tmp_path, *tmp_path.rglob('*')]:
                os.chown(path, 65534, 65534)
            for parent in list(tmp_path.parents)[:2]:
                parent.chmod(0o755)
    run(prefix, tmp_path, '--network', 'user', HOME=str(tmp_path))
