"""``ingot serve``: the API and a conductor in one process, the embedded default."""

from ingot import config, rpc
from ingot.api import server
from ingot.cli import claim, process, settings
from ingot.conductor.client import Client
from ingot.conductor.service import Service
from ingot.db import schema
from ingot.db.engine import Database
from ingot.drivers import registry


def arguments(parser):
    parser.add_argument('--host', help='address of the API (default 127.0.0.1)')
    parser.add_argument('--port', type=int, help='port of the API (default 6385)')
    settings.arguments(parser)


def run(options):
    overrides = {f'api__{name}': getattr(options, name) for name in ('host', 'port') if getattr(options, name) is not None}
    house = House(settings.load(options, **overrides))
    return process.run(house, lambda: f'Ingot serves at http://{house.conf.api.host}:{house.api.port}, '
                                      f'state in {house.conf.state_dir}')


class House(process.Parts):
    """All rooms of one process, wired together. Drivers first, what clients see last: nothing is accepted that nobody
    could carry out."""

    def __init__(self, conf):
        server.refuse_open_network(conf)
        self.conf = conf
        database = Database(config.database_url(conf))
        schema.upgrade(database)
        drivers = registry.load(conf)
        service = Service(conf, database, drivers)
        client = Client(rpc.Local(service), database)
        machine_side, self.api = process.http_servers(conf, database, client)
        super().__init__([claim.Claim(conf), drivers, service, machine_side, self.api], [database])
