"""A RabbitMQ of our own, for tests."""

import contextlib
import os
import subprocess

from ingot import concurrency
from ingot.cli import stage


@contextlib.contextmanager
def broker(folder):
    """URL of a broker that lives in ``folder`` and ends with the context."""
    port, distribution, epmd = stage.free_ports(3)
    names = {'MNESIA_BASE': 'mnesia', 'LOG_BASE': 'log', 'PID_FILE': 'pid', 'FEATURE_FLAGS_FILE': 'flags',
             'ENABLED_PLUGINS_FILE': 'plugins'}
    environment = {**os.environ, 'HOME': str(folder), 'RABBITMQ_NODENAME': f'ingot{port}@127.0.0.1',
                   'RABBITMQ_USE_LONGNAME': 'true',
                   'RABBITMQ_NODE_PORT': str(port), 'RABBITMQ_NODE_IP_ADDRESS': '127.0.0.1',
                   'RABBITMQ_DIST_PORT': str(distribution), 'ERL_EPMD_PORT': str(epmd), 'ERL_EPMD_ADDRESS': '127.0.0.1',
                   **{f'RABBITMQ_{name}': str(folder / file) for name, file in names.items()}}
    log = folder / 'out'
    with open(log, 'wb') as out:
        process = subprocess.Popen(['/usr/lib/rabbitmq/bin/rabbitmq-server'], env=environment, stdout=out, stderr=out,
                                   cwd=folder, start_new_session=True)
    try:
        assert concurrency.wait_for(lambda: b'completed with' in log.read_bytes() or process.poll() is not None, 120)
        assert process.poll() is None, log.read_text()
        yield f'rabbit://guest:guest@127.0.0.1:{port}/'
    finally:
        os.killpg(process.pid, 9)
        process.wait(30)
        assert concurrency.wait_for(lambda: _is_gone(environment), 30), 'epmd does not end'


def _is_gone(environment):
    """Whether the name server of Erlang, which runs in a session of its own, has ended: it does not while it knows of a node."""
    told = subprocess.run(['epmd', '-kill'], env=environment, capture_output=True, text=True, check=False)
    return 'Killed' in told.stdout or 'Cannot connect' in told.stdout + told.stderr
