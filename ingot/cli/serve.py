"""``ingot serve``: the API and a conductor in one process, the embedded default."""

import logging
import signal

from ingot import concurrency, config, rpc
from ingot.api import app, server
from ingot.cli import settings
from ingot.conductor.client import Client
from ingot.conductor.service import Service
from ingot.db import schema
from ingot.db.engine import Database
from ingot.drivers import registry

log = logging.getLogger(__name__)


def arguments(parser):
    parser.add_argument('--host', help='address of the API (default 127.0.0.1)')
    parser.add_argument('--port', type=int, help='port of the API (default 6385)')
    settings.arguments(parser)


def run(options):
    overrides = {f'api__{name}': getattr(options, name) for name in ('host', 'port') if getattr(options, name) is not None}
    house = House(settings.load(options, **overrides))
    ended = concurrency.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        house.start()
        print(f'Ingot serves at http://{house.conf.api.host}:{house.port}, state in {house.conf.state_dir}', flush=True)
        concurrency.notify_systemd('READY=1')
        ended.wait()
    finally:
        concurrency.notify_systemd('STOPPING=1')
        house.stop()
    return 0


class House:
    """All rooms of one process, wired together; ``start`` and ``stop`` may be called once each."""

    def __init__(self, conf):
        self.conf = conf
        server.refuse_open_network(conf)
        self.database = Database(config.database_url(conf))
        schema.upgrade(self.database)
        self.drivers = registry.load(conf)
        self.service = Service(conf, self.database, self.drivers)
        self.client = Client(rpc.Local(self.service), self.database)
        self.machine_side = server.Server(
            app.build_machine_side(conf, self.database, self.client), conf.agent.host, conf.agent.port, conf.api.threads)
        self.api = server.Server(
            app.build(conf, self.database, self.client), conf.api.host, conf.api.port, conf.api.threads)
        self._started = []

    @property
    def port(self):
        return self.api.port

    def start(self):
        """Drivers first, what clients see last: nothing is accepted that nobody could carry out."""
        for part in (self.drivers, self.service, self.machine_side, self.api):
            self._started.append(part)
            part.start()

    def stop(self):
        """The reverse; one part that fails to stop does not keep the others."""
        for part in reversed(self._started):
            try:
                part.stop()
            except Exception:
                log.exception('%s did not stop cleanly', type(part).__name__)
        self.database.close()
