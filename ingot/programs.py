"""Every helper program that Ingot calls, and the two ways to call one: ``run`` to its end, or keep as a ``Daemon``.

Distributions override the names in ``NAMES``; ``find`` looks in the sbin folders too, which an ordinary user's PATH lacks.
"""

import contextlib
import os
import shutil
import signal
import subprocess

from ingot import concurrency, errors

#: What we say -> (program, the Debian package it comes from).
NAMES = {
    'busybox': ('busybox', 'busybox-static'),
    'cpio': ('cpio', 'cpio'),
    'debugfs': ('debugfs', 'e2fsprogs'),
    'depmod': ('depmod', 'kmod'),
    'dnsmasq': ('dnsmasq', 'dnsmasq-base'),
    'ip': ('ip', 'iproute2'),
    'ipmitool': ('ipmitool', 'ipmitool'),
    'mformat': ('mformat', 'mtools'),
    'mcopy': ('mcopy', 'mtools'),
    'mmd': ('mmd', 'mtools'),
    'mke2fs': ('mke2fs', 'e2fsprogs'),
    'modprobe': ('modprobe', 'kmod'),
    'nginx': ('nginx', 'nginx-light'),
    'prlimit': ('prlimit', 'util-linux'),
    'qemu': ('qemu-system-x86_64', 'qemu-system-x86'),
    'qemu-img': ('qemu-img', 'qemu-utils'),
    'setpriv': ('setpriv', 'util-linux'),
    'sfdisk': ('sfdisk', 'fdisk'),
    'syslinux': ('syslinux', 'syslinux'),
    'tgtadm': ('tgtadm', 'tgt'),
    'tgtd': ('tgtd', 'tgt'),
    'zstd': ('zstd', 'zstd'),
}
_PATH = os.environ.get('PATH', os.defpath) + ':/usr/local/sbin:/usr/sbin:/sbin'


def find(name):
    """Absolute path of the program that we call ``name``; ProgramFailed names the package that has it."""
    program, package = NAMES.get(name, (name, name))
    path = shutil.which(program, path=_PATH)
    if path is None:
        raise errors.ProgramFailed(f'Program "{program}" is not installed.', remedy=f'apt-get install {package}')
    return path


def run(name, *args, timeout=60, stdin=None, environment=None, cwd=None, secrets=(), accepts=(0,)):
    """Run a program to its end and return its standard output (str).

    :param timeout: seconds; then it is killed. :param stdin: text for its standard input. :param environment: variables
        added to ours. :param secrets: words that are masked in the error.
    :param accepts: exit statuses that are no error.
    Raises ProgramFailed with exit status and the last words of standard error.
    """
    command = [find(name), *map(str, args)]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, cwd=cwd,
                              errors='replace', env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        raise errors.ProgramFailed(f'{name} did not end within {timeout} s and was killed.') from None
    if done.returncode not in accepts:
        words = (done.stderr or done.stdout).strip()[-500:]
        for secret in secrets:
            words = words.replace(secret, '***')
        raise errors.ProgramFailed(f'{name} ended with status {done.returncode}: {words}')
    return done.stdout


class Daemon:
    """A program that is kept running: started by ``start``, started again when it dies, ended by ``stop``.

    It dies with the thread of ours that started it (PR_SET_PDEATHSIG), so that a kill -9 of Ingot leaves no orphan: that
    thread is one of its own, which lives as long as the daemon. ``on_restart`` is called after each restart, to put back
    what the program had in memory. ``is_alive`` and ``pid`` are for tests and for status pages.
    """

    def __init__(self, name, args, *, log, environment=None, on_restart=None):
        self.name, self.args, self.log = name, [str(word) for word in args], log
        self.environment, self.on_restart = environment or {}, on_restart
        self.restarts = 0
        self._process = None
        self._stopping = concurrency.Event()
        self._started = concurrency.Event()
        self._keeper = None

    @property
    def pid(self):
        return self._process.pid if self._process else None

    @property
    def is_alive(self):
        return self._process is not None and self._process.poll() is None

    def start(self):
        """Start it and return once the process runs; ProgramFailed when the program is missing."""
        self._path = find(self.name)
        self._stopping.clear()
        self._started.clear()
        self._keeper = concurrency.spawn(self._keep, name=f'keep-{self.name}')
        self._started.wait(10)

    def stop(self, seconds=5):
        """Terminate it, kill it when it does not obey within ``seconds``; returns when it is gone."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if self._keeper is not None:
            self._keeper.join(seconds)

    def _keep(self):
        while not self._stopping.is_set():
            with open(self.log, 'ab') as log:
                self._process = subprocess.Popen(
                    [find('setpriv'), '--pdeathsig', 'KILL', self._path, *self.args], stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, env={**os.environ, **self.environment}, start_new_session=True)
            if self._started.is_set() and self.on_restart:
                concurrency.spawn(self.on_restart, name=f'restore-{self.name}')
            self._started.set()
            self._process.wait()
            if not self._stopping.wait(0.2):
                self.restarts += 1


def kill(pid):
    """End a process by its id, at once; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
