"""A MariaDB of our own, for tests."""

import contextlib
import os
import pathlib
import subprocess
import tempfile

import sqlalchemy as sa

from ingot import concurrency
from ingot.cli import stage

#: As a distribution would run it, but for the flushes to the disk: nobody needs the data afterwards.
_OPTIONS = ('--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci', '--innodb-flush-log-at-trx-commit=0',
            '--innodb-fast-shutdown=2', '--innodb-buffer-pool-size=64M', '--skip-log-bin', '--max-connections=400',
            '--performance-schema=OFF', '--bind-address=127.0.0.1')


class Server:
    """A server that lives in ``folder``; ``start`` and ``stop`` it as often as you like, ``url`` stays (it names no database)."""

    def __init__(self, folder):
        self.folder, self._process = folder, None
        self._port, = stage.free_ports(1)
        self.url = f'mysql+pymysql://root@127.0.0.1:{self._port}'
        self._user = [f'--user={"root" if os.geteuid() == 0 else os.environ["USER"]}']
        with open(folder / 'log', 'wb') as out:
            subprocess.run(['mariadb-install-db', '--no-defaults', f'--datadir={folder}/data',
                            '--auth-root-authentication-method=normal', '--skip-test-db', *self._user],
                           check=True, stdout=out, stderr=out, timeout=120)

    def start(self):
        """It accepts connections when this returns."""
        log = self.folder / 'log'
        with open(log, 'wb') as out:
            self._process = subprocess.Popen(
                ['mariadbd', '--no-defaults', f'--datadir={self.folder}/data', f'--port={self._port}',
                 f'--socket={self.folder}/socket', f'--pid-file={self.folder}/pid', *_OPTIONS, *self._user],
                stdout=out, stderr=out, env={**os.environ, 'PATH': f'{os.environ["PATH"]}:/usr/sbin'})
        assert concurrency.wait_for(
            lambda: b'ready for connections' in log.read_bytes() or self._process.poll() is not None, 60)
        assert self._process.poll() is None, log.read_text()

    def stop(self):
        """Its connections end; what was committed is there after the next start."""
        process, self._process = self._process, None
        if process:
            stage.end(process, 30)
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


def place(stack, name):
    """(folder, URL) of a database of its own on a MariaDB of its own."""
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f'ingot-{name}-')))
    folder.chmod(0o755)
    (folder / 'database').mkdir()
    url = stack.enter_context(server(folder / 'database'))
    with sa.create_engine(f'{url}/mysql', isolation_level='AUTOCOMMIT').connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE {name}')
    return folder, f'{url}/{name}'
