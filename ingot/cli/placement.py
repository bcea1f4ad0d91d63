"""``ingot placement``: whether OpenStack Placement has heard everything, over the API."""

import json

from ingot.cli import client
from ingot.cli.node import show_rows

COLUMNS = ('node', 'failures', 'told_at', 'error')


def arguments(parser):
    client.actions(parser, 'placement')('status', 'what it has still to hear of, and what it refused', show_status)


def run(options):
    return client.reporting(lambda: options.action(client.connect(options.url), options))


def show_status(baremetal, options):
    """Exit status 1 when something was refused."""
    found = client.ask(baremetal.get, '/placement').json()
    if options.output == 'json':
        print(json.dumps(found, indent=2))
    elif not found['enabled']:
        print('OpenStack Placement is told nothing: [placement] has neither endpoint nor cloud.')
    else:
        print(f'{found["told"]} nodes told, {found["waiting"]} wait (the longest for {found["lag"]:.1f} s), '
              f'{found["refused"]} refused')
        if found['nodes']:
            show_rows(found['nodes'], COLUMNS, 'table')
    return 1 if found['refused'] else 0
