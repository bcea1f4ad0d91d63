"""Every helper program that Ingot calls, and the two ways to call one: ``run`` to its end, or keep as a ``Daemon``.

Distributions override the names in ``NAMES``; ``find`` looks in the sbin folders too, which an ordinary user's PATH lacks.
"""

import contextlib
import logging
import os
import select
import shutil
import signal
import subprocess
import time

from ingot import concurrency, cpu, errors

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
LOG = logging.getLogger(__name__)
_PAUSE, _LONGEST_PAUSE, _OLD = 0.1, 2.0, 30.0      # seconds; a daemon that lived for less than _OLD died young
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
        source = {'stdin': subprocess.DEVNULL} if stdin is None else {'input': stdin}      # never our own
        with cpu.everywhere():
            done = subprocess.run(command, **source, capture_output=True, text=True, timeout=timeout, cwd=cwd,
                                  errors='replace', env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        raise errors.ProgramFailed(f'{name} did not end within {timeout} s and was killed.') from None
    if done.returncode not in accepts:
        words = (done.stderr or done.stdout).strip()[-500:]
        for secret in secrets:
            words = words.replace(secret, '***')
        raise errors.ProgramFailed(f'{name} ended with status {done.returncode}: {words}')
    return done.stdout


#: How long a daemon's log may get, and how often that is looked at.
LOG_BYTES, LOOK_SECONDS = 10 << 20, 60


class Daemon:
    """A program that is kept running: started by ``start``, started again when it dies, ended by ``stop``.

    One that dies young is started again after 0.2 s, then after twice as long each time, 2 s at most.

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
        """Start it and return once the process runs; ProgramFailed when the program is missing or cannot be run."""
        self._path = find(self.name)
        self._stopping.clear()
        self._started.clear()
        self._failure = None
        self._keeper = concurrency.spawn(self._keep, name=f'keep-{self.name}')
        self._started.wait(10)
        if self._failure:
            raise errors.ProgramFailed(f'{self.name} cannot be started: {self._failure}')

    def stop(self, seconds=5):
        """Terminate it, kill it when it does not obey within ``seconds``; returns when it is gone."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(_OLD)
        if self._keeper is not None:
            self._keeper.join(seconds)

    def _keep(self):
        pause = _PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._live()
            except (OSError, errors.ProgramFailed) as error:
                self._fail(error)
            pause = _PAUSE if time.monotonic() - began > _OLD else min(pause * 2, _LONGEST_PAUSE)
            if not self._stopping.wait(pause):
                self.restarts += 1

    def _live(self):
        """Run it once, to its end."""
        self._process = self._open()
        if self._stopping.is_set():      # ``stop`` may have looked before there was a process
            self._process.kill()
        elif self._started.is_set() and self.on_restart:
            concurrency.spawn(self.on_restart, name=f'restore-{self.name}')
        self._started.set()
        with _watching(self._process.pid) as has_ended:
            while not has_ended(LOOK_SECONDS):
                self._shorten_log()
        self._process.wait()

    def _shorten_log(self):
        """Begin the log anew when it is too long; the program goes on at its new end, since it appends."""
        if os.path.getsize(self.log) > LOG_BYTES:
            os.truncate(self.log, 0)

    def _fail(self, error):
        """It cannot be run: at the start that is told, later it is tried again."""
        LOG.error('%s cannot be started: %s', self.name, error)
        if not self._started.is_set():
            self._failure = error
            self._stopping.set()
            self._started.set()

    def _open(self):
        with open(self.log, 'ab') as log, cpu.everywhere():
            return subprocess.Popen(
                [find('setpriv'), '--pdeathsig', 'KILL', self._path, *self.args], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, **self.environment}, start_new_session=True)


@contextlib.contextmanager
def _watching(pid):
    """A function of seconds that waits so long at most, and tells whether the process has ended."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:           # ended, and somebody has asked for its status
        yield lambda seconds: True
        return
    try:
        yield lambda seconds: bool(select.select([watch], [], [], seconds)[0])
    finally:
        os.close(watch)


def kill(pid):
    """End a process by its id, at once; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
