"""``ingot api``: the API and the machines' listener, without a conductor; conductors are reached over the bus."""

from ingot import config, rpc
from ingot.api import server
from ingot.cli import process, settings
from ingot.conductor.client import Client
from ingot.db import clock, schema
from ingot.db.engine import Database


def arguments(parser):
    settings.arguments(parser)


def run(options):
    conf = settings.load(options)
    server.refuse_open_network(conf)
    database = Database(config.database_url(conf))
    schema.check(database)
    bus = rpc.Bus(conf, clock.time)
    parts = process.http_servers(conf, database, Client(bus, database))
    return process.run(process.Parts(parts, [bus, database]),
                       lambda: f'Ingot API at http://{conf.api.host}:{parts[1].port}')
