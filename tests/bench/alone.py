"""A conductor without API and bus, for ``make cycle``: its methods are called as a listener on the bus would call them.

    python -m tests.bench.alone URL FOLDER CLIENTS

It reads orders, one JSON document a line: {"verb": ..., "nodes": [uuids]}; it answers with an empty line when all were asked for.
"""

import sys

import orjson

from ingot import concurrency, config
from ingot.cli import log, process
from ingot.conductor.service import Service
from ingot.db import schema
from ingot.db.engine import Database
from ingot.drivers import registry


class Orders:
    """What clients would ask for over the bus."""

    def __init__(self, service, clients):
        self._service, self._clients = service, clients

    def start(self):
        concurrency.spawn(self._read)

    def _read(self):
        for line in sys.stdin:
            order = orjson.loads(line)
            pool = concurrency.Pool(self._clients, 'client')
            for node in order['nodes']:
                pool.submit(self._service.provision, node, order['verb'])
            pool.close()
            print(flush=True)

    def stop(self):
        """Nothing: who waits for the end has no more orders."""


def main(url, folder, clients):
    log.start(is_debug=False)
    conf = config.load(state_dir=folder, host='alone', database__connection=url, conductor__enabled_drivers=['fake-hardware'],
                       conductor__power_sync_seconds=0, conductor__automated_clean=False)
    database = Database(url)
    schema.upgrade(database)
    service = Service(conf, database, registry.load(conf))
    return process.run(process.Parts([service, Orders(service, int(clients))], [database]), lambda: '')


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
