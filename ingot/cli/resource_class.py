"""``ingot resource-class``: what nodes are of, over the API."""

from ingot.cli import client
from ingot.cli.node import show_rows

COLUMNS = ('name', 'nodes', 'available', 'allocated', 'unavailable')


def arguments(parser):
    commands = parser.add_subparsers(dest='what', required=True, metavar='ACTION')
    sub = commands.add_parser('list', help='all of them, with counts', description='ingot resource-class list: all of them, '
                              'with counts.')
    client.arguments(sub)
    sub.add_argument('-o', '--output', choices=['table', 'json'], default='table')


def run(options):
    return client.reporting(lambda: list_classes(client.connect(options.url), options))


def list_classes(baremetal, options):
    show_rows(client.ask(baremetal.get, '/resource_classes').json()['resource_classes'], COLUMNS, options.output)
