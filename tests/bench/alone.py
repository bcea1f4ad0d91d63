"""A conductor without API and bus, for ``make cycle``: its methods are called as a listener on the bus would call them.

    python -m tests.bench.alone URL FOLDER CLIENTS

It reads orders, one JSON document a line: {"verb": ..., "nodes": [uuids]}; it answers with an empty line when all were asked for.
"""

import sys
import time

import orjson

from ingot import concurrency, config, cpu
from ingot.cli import log, process
from ingot.conductor.service import Service
from ingot.db import schema
from ingot.db.engine import Database
from ingot.drivers import registry


def main(url, folder, clients):
    log.start(is_debug=False)
    conf = config.load(state_dir=folder, host='alone', database__connection=url, conductor__enabled_drivers=['fake-hardware'],
                       conductor__power_sync_seconds=0, conductor__automated_clean=False)
    database = Database(url)
    schema.upgrade(database)
    service = Service(conf, database, registry.load(conf))
    process.limit_heaps()
    service.start()
    process.spare_collector()
    concurrency.spawn(look)
    print(flush=True)
    for line in sys.stdin:
        order = orjson.loads(line)
        pool = concurrency.Pool(int(clients), 'client')
        for node in order['nodes']:
            pool.submit(service.provision, node, order['verb'])
        pool.close()
        print(flush=True)
    service.stop()


def look():
    """As the main thread of a conductor does."""
    while True:
        time.sleep(process.LOOK_SECONDS)
        cpu.look()


if __name__ == '__main__':
    main(*sys.argv[1:])
