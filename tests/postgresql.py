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


@contextlib.contextmanager
def server(folder):
    """SQLAlchemy URL (without a database) of a server that lives in ``folder`` and ends with the context."""
    port, = stage.free_ports(1)
    programs = max(pathlib.Path('/usr/lib/postgresql').glob('*/bin'), key=lambda path: float(path.parent.name))
    data, log = folder / 'data', folder / 'log'
    whom = {'cwd': folder}
    if os.geteuid() == 0:
        shutil.chown(folder, 'postgres', 'postgres')
        whom |= {'user': 'postgres', 'group': 'postgres', 'extra_groups': []}
    with open(log, 'wb') as out:
        subprocess.run([programs / 'initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8',
                        '--no-sync'], check=True, stdout=out, stderr=out, timeout=120, **whom)
        options = [word for name, value in _OPTIONS.items() for word in ('-c', f'{name}={value}')]
        process = subprocess.Popen([programs / 'postgres', '-D', data, '-p', str(port), '-k', folder, *options],
                                   stdout=out, stderr=out, **whom)
    try:
        ready = b'ready to accept connections'
        assert concurrency.wait_for(lambda: ready in log.read_bytes() or process.poll() is not None, 60)
        assert process.poll() is None, log.read_text()
        yield f'postgresql+psycopg://postgres@127.0.0.1:{port}'
    finally:
        process.send_signal(signal.SIGINT)      # fast: clients are cut off
        process.wait(30)
