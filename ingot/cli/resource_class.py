"""``ingot resource-class``: what nodes are of, over the API."""

from ingot.cli import client
from ingot.cli.node import show_rows

COLUMNS = ('name', 'nodes', 'available', 'allocated', 'unavailable')


def arguments(parser):
    client.actions(parser, 'resource-class')('list', 'all of them, with counts', list_classes)


def run(options):
    return client.reporting(lambda: options.action(client.connect(options.url), options))


def list_classes(baremetal, options):
    show_rows(client.ask(baremetal.get, '/resource_classes').json()['resource_classes'], COLUMNS, options.output)
