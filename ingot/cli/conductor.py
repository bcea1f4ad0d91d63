"""``ingot conductor``: a conductor without an API, listening on the bus."""

from ingot import concurrency, config, rpc
from ingot.cli import claim, process, settings


def arguments(parser):
    settings.arguments(parser)


def run(options):
    conf = settings.load(options)
    concurrency.start(conf.concurrency)
    # Imported only now: what eventlet patches must be patched before it is used.
    from ingot.conductor.service import Service
    from ingot.db import clock, schema
    from ingot.db.engine import Database
    from ingot.drivers import registry
    database = Database(config.database_url(conf))
    schema.check(database)
    drivers = registry.load(conf)
    service = Service(conf, database, drivers)
    service.crew.peers = rpc.Bus(conf, clock.time)
    return process.run(process.Parts([claim.Claim(conf), drivers, service, rpc.Listener(conf, service, clock.time)],
                                     [service.crew.peers, database]),
                       lambda: f'Ingot conductor {conf.host}')
