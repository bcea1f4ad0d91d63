"""A PostgreSQL of our own, for tests. It refuses to run as root, so root lends it the user that Debian's package has made."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from ingot import concurrency
from ingot.cli import stage

_OPTIONS = {'fsync': 'off', 'synchronous_commit': 'off', 'full_page_writes': 'off', 'max_connections': '400',
            'listen_addresses': '127.0.0.1'}


class Server:
    """A server that lives in ``folder``; ``start`` and ``stop`` it as often as you like, ``url`` stays (it names no database)."""

    def __init__(self, folder):
        self.folder, self._process = folder, None
        self._port, = stage.free_ports(1)
        self.url = f'postgresql+psycopg://postgres@127.0.0.1:{self._port}'
        self._programs = max(pathlib.Path('/usr/lib/postgresql').glob('*/bin'), key=lambda path: float(path.parent.name))
        self._whom = {'cwd': folder}
        if os.geteuid() == 0:
            shutil.chown(folder, 'postgres', 'postgres')
            self._whom |= {'user': 'postgres', 'group': 'postgres', 'extra_groups': []}
        with open(folder / 'log', 'wb') as out:
            subprocess.run([self._programs / 'initdb', '-D', folder / 'data', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8',
                            '--locale=C.UTF-8', '--no-sync'], check=True, stdout=out, stderr=out, timeout=120, **self._whom)

    def start(self):
        """It accepts connections when this returns."""
        log = self.folder / 'log'
        options = [word for name, value in _OPTIONS.items() for word in ('-c', f'{name}={value}')]
        with open(log, 'wb') as out:
            self._process = subprocess.Popen(
                [self._programs / 'postgres', '-D', self.folder / 'data', '-p', str(self._port), '-k', self.folder, *options],
                stdout=out, stderr=out, **self._whom)
        assert concurrency.wait_for(
            lambda: b'ready to accept connections' in log.read_bytes() or self._process.poll() is not None, 60)
        assert self._process.poll() is None, log.read_text()

    def stop(self):
        """Its connections end; what was committed is there after the next start."""
        process, self._process = self._process, None
        if process:
            process.send_signal(signal.SIGINT)      # fast: clients are cut off
            process.wait(30)


@contextlib.contextmanager
def server(folder):
    """SQLAlchemy URL (without a database) of a server that lives in ``folder`` and ends with the context."""
    server = Server(folder)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
