"""``ingot serve`` as a process of its own, for clients: on free ports, with a folder of its own."""

import contextlib
import re
import subprocess
import sys

from ingot import concurrency
from ingot.cli import stage

_QUIET = {'api.port': 0, 'agent.port': 0, 'boot.port': 0, 'conductor.power_sync_seconds': 0}


@contextlib.contextmanager
def ingot(folder, database=None, **options):
    """(url, process) of a server that ends with the context. ``options``: group__name=value. Its log is ``folder``/serve.log."""
    wanted = _QUIET | {name.replace('__', '.', 1): value for name, value in options.items()}
    if database:
        wanted['database.connection'] = database
    words = [word for name, value in wanted.items() for word in ('--set', f'{name}={value}')]
    log = folder / 'serve.log'
    with open(log, 'wb') as out:
        process = subprocess.Popen([sys.executable, '-m', 'ingot.cli.main', 'serve', '--state-dir', folder, *words],
                                   stdout=out, stderr=out, start_new_session=True)
    try:
        greeting = concurrency.wait_for(
            lambda: re.search(r'serves at (http://\S+:\d+)', log.read_text()) or process.poll() is not None, 120)
        assert process.poll() is None, log.read_text()
        assert greeting, f'ingot serve does not say that it serves:\n{log.read_text()}'
        yield re.search(r'serves at (http://\S+:\d+)', log.read_text())[1], process
    finally:
        stage.end(process)
        process.wait(30)
