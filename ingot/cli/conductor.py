"""``ingot conductor``: a conductor without an API, listening on the bus."""

import logging

from ingot import concurrency, config, rpc
from ingot.cli import claim, process, settings

log = logging.getLogger(__name__)
#: Drivers of databases that wait in Python, where eventlet lets others go on meanwhile; any other one would hold up all.
_GREEN = ('+pymysql', '+psycopg2')
#: Until everybody has looked up who is there: db.conductor.FRESH_SECONDS, and the calls that are on their way.
_HEARD_SECONDS = 1


def arguments(parser):
    settings.arguments(parser)


def backend(conf):
    """'eventlet' where that is asked for and the database's driver can bear it; else 'threads'."""
    scheme = config.database_url(conf).partition(':')[0]
    if conf.concurrency == 'eventlet' and not scheme.endswith(_GREEN):
        log.warning('[DEFAULT] concurrency = eventlet needs mysql+pymysql:// or postgresql+psycopg2://, not %s://; threads it is',
                    scheme)
        return 'threads'
    return conf.concurrency


def run(options):
    conf = settings.load(options)
    concurrency.start(backend(conf))
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
    parts = [claim.Claim(conf), drivers, service, rpc.Listener(conf, service, clock.time), Farewell(service)]
    return process.run(process.Parts(parts, [service.crew.peers, database]), lambda: f'Ingot conductor {conf.host}')


class Farewell:
    """What is stopped first, while calls are still answered: others are told to call somebody else, and given time to hear it."""

    def __init__(self, service):
        self._service = service

    def start(self):
        """Nothing: the service says itself that it is there."""

    def stop(self):
        self._service.leave()
        concurrency.Event().wait(_HEARD_SECONDS)
