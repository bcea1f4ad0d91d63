"""``ingot db``: the schema of the database."""

from ingot import config
from ingot.cli import settings
from ingot.db import schema
from ingot.db.engine import Database


def arguments(parser):
    parser.add_argument('what', choices=['upgrade', 'version'])
    settings.arguments(parser)


def run(options):
    database = Database(config.database_url(settings.load(options)))
    if options.what == 'upgrade':
        schema.upgrade(database)
    print(schema.version(database) or 'empty')
    return 0
