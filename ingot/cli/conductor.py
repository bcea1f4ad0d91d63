"""``ingot conductor``: a conductor without an API, listening on the bus."""

import logging

from ingot import concurrency, config, rpc
from ingot.cli import claim, process, settings

log = logging.getLogger(__name__)
#: Drivers of databases that wait in Python, where eventlet lets others go on meanwhile; any other one would hold up all.
_GREEN = ('+pymysql', '+psycopg2')


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
    return process.run(process.Parts([claim.Claim(conf), drivers, service, rpc.Listener(conf, service, clock.time)], [database]),
                       lambda: f'Ingot conductor {conf.host}')
