"""``ingot allocate``: ask for nodes and devices, get exactly that, or hear why not."""

import argparse
import json
import sys

from ingot.cli import client
from ingot.cli.allocation import show_allocation, tell_why
from ingot.cli.node import show_rows

CANDIDATE_COLUMNS = ('node', 'name', 'generation', 'score', 'devices')


def arguments(parser):
    client.arguments(parser)
    add = parser.add_argument
    add('-o', '--output', choices=['table', 'json'], default='table')
    add('--class', dest='resource_class', metavar='CLASS', required=True, help='resource class of the nodes')
    add('--name', help='of the allocation; of several: NAME-1, NAME-2 ...')
    for name, text in (('trait', 'that a node must have'), ('prefer-trait', 'of which more are better'),
                       ('forbid-trait', 'that a node may not have'), ('candidate', 'a node (uuid or name) that it may be'),
                       ('where', 'an expression over the inventory, such as "cpu.count >= 32"')):
        add(f'--{name}', action='append', default=[], metavar=name.upper().rpartition('-')[2], help=f'{text}; may be repeated')
    add('--pci', action='append', default=[], type=devices, metavar='FLAVOR[|FLAVOR...][:COUNT][,numa=same]',
        help='devices of one of these flavors; may be repeated')
    add('--count', type=int, help='so many nodes, or none at all')
    add('--group', help='placement group (uuid or name)')
    add('--strategy', choices=['spread', 'pack', 'sequential_fill'])
    add('--owner')
    add('--priority', type=int, help='of those that wait the highest comes first')
    add('--expires-in', type=int, metavar='SECONDS', help='free again when it is not deployed by then')
    add('--wait', action='store_true', help='when nothing fits: stay in line until something does')
    add('--why', action='store_true', help='when nothing fits: tell what stands in the way, and what would help')
    add('--dry-run', action='store_true', help='only tell who would get it')


def devices(word):
    """What ``fastNIC|slowNIC:2,numa=same`` asks for."""
    head, _, tail = word.partition(',')
    names, _, count = head.partition(':')
    flavors = [name for name in names.split('|') if name]
    if not flavors or (count and not count.isdecimal()) or tail not in ('', 'numa=same'):
        raise argparse.ArgumentTypeError(f'"{word}": expected FLAVOR[|FLAVOR...][:COUNT][,numa=same]')
    return {'flavors': flavors, 'count': int(count or 1), **({'numa': 'same'} if tail else {})}


def body(options):
    """The request that the words ask for."""
    given = {'resource_class': options.resource_class, 'name': options.name, 'traits': options.trait,
             'preferred_traits': options.prefer_trait, 'forbidden_traits': options.forbid_trait,
             'candidate_nodes': options.candidate, 'where': options.where, 'pci': options.pci, 'count': options.count,
             'placement_group': options.group, 'strategy': options.strategy, 'owner': options.owner}
    if not options.dry_run:
        given |= {'priority': options.priority, 'expires_in': options.expires_in, 'wait': options.wait or None}
    return {name: value for name, value in given.items() if value not in (None, [])}


def run(options):
    return client.reporting(lambda: (_decide if options.dry_run else _allocate)(client.connect(options.url), options))


def _decide(baremetal, options):
    found = client.ask(baremetal.post, '/decisions', json=body(options)).json()
    if options.output == 'json':
        print(json.dumps(found, indent=2))
    elif found['candidates']:
        show_rows([{**one, 'devices': sum(map(len, one['devices']))} for one in found['candidates']], CANDIDATE_COLUMNS, 'table')
    else:
        tell_why(found['why'], is_long=options.why)
    return 0 if found['candidates'] else 1


def _allocate(baremetal, options):
    """Exit status 1 when nothing fits."""
    made = client.ask(baremetal.post, '/allocations', json=body(options)).json()
    found = [client.ask(baremetal.get, f'/allocations/{uuid}').json() for uuid in made.get('allocations', [made['uuid']])]
    if options.output == 'json':
        print(json.dumps(found, indent=2))
    for one in found:
        if options.output == 'table':
            show_allocation(one, 'table')
        if one['state'] != 'active':
            print(f'ingot: {one["last_error"]}', file=sys.stderr)
            if options.why:
                tell_why(one.get('why'), is_long=True)
    return 0 if all(one['state'] == 'active' for one in found) else 1
