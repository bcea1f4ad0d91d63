"""``ingot allocation``: what was asked for, and what became of it."""

import json
import sys

from ingot.cli import client
from ingot.cli.node import show_rows

COLUMNS = ('uuid', 'name', 'resource_class', 'state', 'node_uuid', 'owner')


def arguments(parser):
    add = client.actions(parser, 'allocation')
    listing = add('list', 'all allocations', list_allocations)
    for name in ('state', 'owner', 'node', 'resource-class'):
        listing.add_argument(f'--{name}', help='only those')
    add('show', 'everything about one allocation', show).add_argument('allocation', help='uuid or name')
    deletion = add('delete', 'give back a node and its devices', delete)
    deletion.add_argument('allocation', help='uuid or name')
    deletion.add_argument('--gang', action='store_true', help='and all that were asked for together with it')


def run(options):
    return client.reporting(lambda: options.action(client.connect(options.url), options))


def list_allocations(baremetal, options):
    given = {'state': options.state, 'owner': options.owner, 'node': options.node, 'resource_class': options.resource_class}
    query = {name: value for name, value in given.items() if value is not None}
    show_rows(list(client.pages(baremetal, '/allocations', 'allocations', query)), COLUMNS, options.output)


def show(baremetal, options):
    show_allocation(client.ask(baremetal.get, f'/allocations/{options.allocation}').json(), options.output)


def show_allocation(found, output):
    if output == 'json':
        print(json.dumps(found, indent=2))
        return
    for name, value in sorted(found.items()):
        if name != 'links':
            print(f'{name:<18} {value if not isinstance(value, dict | list) else json.dumps(value)}')


def tell_why(why, *, is_long):
    """On standard error: the sentence; with ``is_long`` what blocks, and what would help."""
    print(f'ingot: {why["summary"] if why else "nothing fits"}', file=sys.stderr)
    for title, name in (('blocked by', 'blocking'), ('would help', 'relax')) if why and is_long else ():
        for one in why[name]:
            print(f'  {title}: {one if isinstance(one, str) else json.dumps(one)}', file=sys.stderr)


def delete(baremetal, options):
    client.ask(baremetal.delete, f'/allocations/{options.allocation}', params={'gang': 'true'} if options.gang else {})
