"""OpenStack Placement from PyPI, in a virtual environment of its own, over SQLite: what conductors tell about nodes."""

import contextlib
import os
import signal
import subprocess
import urllib.request

from ingot import concurrency
from ingot.cli import stage
from tests.clients.venv import venv

#: Who sends this token is an administrator: noauth2 takes what stands before the colon for the user.
TOKEN = 'admin:admin'
_VERSION = '16.0.0'
_CONF = """[api]
auth_strategy = noauth2
[DEFAULT]
log_file = {0}/placement.log
use_stderr = false
[placement_database]
connection = sqlite:///{0}/placement.sqlite
# No wait for the disk at each write: it is its processor that is measured.
sqlite_synchronous = false
"""


class Placement:
    """A server that lives in ``folder``; ``start`` and ``stop`` it as often as you like, ``url`` and what it knows stay."""

    def __init__(self, folder):
        self._folder, self._process = folder, None
        self._programs = venv(f'placement-{_VERSION}', f'openstack-placement=={_VERSION}', 'cheroot>=11')
        self._environment = {**os.environ, 'OS_PLACEMENT_CONFIG_DIR': str(folder)}
        self._port, = stage.free_ports(1)
        self.url = f'http://127.0.0.1:{self._port}'
        (folder / 'placement.conf').write_text(_CONF.format(folder))
        self._call([self._programs / 'placement-manage', '--config-file', folder / 'placement.conf', 'db', 'sync'])

    def _call(self, words):
        subprocess.run(words, check=True, env=self._environment, cwd=self._folder, capture_output=True, timeout=120)

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        """It answers when this returns."""
        log = self._folder / 'out'
        with open(log, 'ab') as out:
            self._process = subprocess.Popen(
                # One thread: SQLite refuses the second of two writers, where other databases let it wait.
                [self._programs / 'cheroot', 'placement.wsgi.api:application', '--bind', f'127.0.0.1:{self._port}',
                 '--threads', '1'],
                env=self._environment, cwd=self._folder, stdout=out, stderr=out, start_new_session=True)
        assert concurrency.wait_for(lambda: self._answers() or self._process.poll() is not None, 60, every=0.1)
        assert self._process.poll() is None, log.read_text()[-3000:]

    def stop(self):
        """At once, as a server dies."""
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)

    def _answers(self):
        with contextlib.suppress(OSError):
            return b'versions' in urllib.request.urlopen(self.url, timeout=10).read()
        return False


@contextlib.contextmanager
def placement(folder):
    """A Placement that runs, and ends with the context."""
    server = Placement(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
