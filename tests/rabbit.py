"""A RabbitMQ of our own, for tests."""

import contextlib
import os
import subprocess

from ingot import concurrency
from ingot.cli import stage


class Broker:
    """A broker that lives in ``folder``; ``start`` and ``stop`` it as often as you like, ``url`` stays."""

    def __init__(self, folder):
        self._folder, self._process = folder, None
        port, distribution, epmd = stage.free_ports(3)
        names = {'MNESIA_BASE': 'mnesia', 'LOG_BASE': 'log', 'PID_FILE': 'pid', 'FEATURE_FLAGS_FILE': 'flags',
                 'ENABLED_PLUGINS_FILE': 'plugins'}
        self._environment = {
            **os.environ, 'HOME': str(folder), 'RABBITMQ_NODENAME': f'ingot{port}@127.0.0.1', 'RABBITMQ_USE_LONGNAME': 'true',
            'RABBITMQ_NODE_PORT': str(port), 'RABBITMQ_NODE_IP_ADDRESS': '127.0.0.1',
            'RABBITMQ_DIST_PORT': str(distribution), 'ERL_EPMD_PORT': str(epmd), 'ERL_EPMD_ADDRESS': '127.0.0.1',
            **{f'RABBITMQ_{name}': str(folder / file) for name, file in names.items()}}
        self.url = f'rabbit://guest:guest@127.0.0.1:{port}/'

    def start(self):
        """It accepts connections when this returns."""
        log = self._folder / 'out'
        with open(log, 'wb') as out:
            self._process = subprocess.Popen(['/usr/lib/rabbitmq/bin/rabbitmq-server'], env=self._environment, stdout=out,
                                             stderr=out, cwd=self._folder, start_new_session=True)
        assert concurrency.wait_for(lambda: b'completed with' in log.read_bytes() or self._process.poll() is not None, 120)
        assert self._process.poll() is None, log.read_text()

    def stop(self):
        """Its connections end; what durable queues had is there after the next start."""
        process, self._process = self._process, None
        if process:
            os.killpg(process.pid, 9)
            process.wait(30)
            assert concurrency.wait_for(self._is_gone, 30), 'epmd does not end'

    def _is_gone(self):
        """Whether the name server of Erlang, which runs in a session of its own, has ended: it does not while it knows of a
        node."""
        told = subprocess.run(['epmd', '-kill'], env=self._environment, capture_output=True, text=True, check=False)
        return 'Killed' in told.stdout or 'Cannot connect' in told.stdout + told.stderr


@contextlib.contextmanager
def broker(folder):
    """URL of a broker that lives in ``folder`` and ends with the context."""
    broker = Broker(folder)
    try:
        broker.start()
        yield broker.url
    finally:
        broker.stop()
