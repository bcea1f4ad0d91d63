"""A MariaDB of our own, for tests."""

import contextlib
import os
import subprocess

from ingot import concurrency
from ingot.cli import stage

#: As a distribution would run it, but for the flushes to the disk: nobody needs the data afterwards.
_OPTIONS = ('--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci', '--innodb-flush-log-at-trx-commit=0',
            '--innodb-fast-shutdown=2', '--innodb-buffer-pool-size=64M', '--skip-log-bin', '--max-connections=400',
            '--performance-schema=OFF', '--bind-address=127.0.0.1')


@contextlib.contextmanager
def server(folder):
    """SQLAlchemy URL (without a database) of a server that lives in ``folder`` and ends with the context."""
    port, = stage.free_ports(1)
    data, log = folder / 'data', folder / 'log'
    user = [f'--user={"root" if os.geteuid() == 0 else os.environ["USER"]}']
    with open(log, 'wb') as out:
        subprocess.run(['mariadb-install-db', '--no-defaults', f'--datadir={data}', '--auth-root-authentication-method=normal',
                        '--skip-test-db', *user], check=True, stdout=out, stderr=out, timeout=120)
        process = subprocess.Popen(['mariadbd', '--no-defaults', f'--datadir={data}', f'--port={port}',
                                    f'--socket={folder}/socket', f'--pid-file={folder}/pid', *_OPTIONS, *user],
                                   stdout=out, stderr=out, env={**os.environ, 'PATH': f'{os.environ["PATH"]}:/usr/sbin'})
    try:
        assert concurrency.wait_for(lambda: b'ready for connections' in log.read_bytes() or process.poll() is not None, 60)
        assert process.poll() is None, log.read_text()
        yield f'mysql+pymysql://root@127.0.0.1:{port}'
    finally:
        stage.end(process, 30)
        process.wait(30)
