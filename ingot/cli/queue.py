"""``ingot queue``: what waits for its turn, and how much may be in flight, over the API."""

import argparse
import functools
import json

from ingot import queue
from ingot.cli import client
from ingot.cli.node import show_rows

COLUMNS = ('position', 'scope', 'node', 'flow', 'owner', 'queued_at', 'estimated_start', 'reason')
_SETTINGS = ('mode', 'max_in_flight', 'points', 'order', 'pause_on_failure_ratio', 'failure_window')
POLICY_COLUMNS = ('scope', *_SETTINGS, 'in_flight', 'points_in_use', 'waiting', 'paused_reason')


def arguments(parser):
    add = client.actions(parser, 'queue')
    add('list', 'what waits, and why', list_waiting).add_argument('--node', help='of this node only (uuid or name)')
    add('policies', 'how much may be in flight', list_policies)
    for name, text, action in (('set', 'change how much may be in flight; it counts for what waits already', set_policy),
                               ('unset', 'limit nothing any more', unset_policy), ('resume', 'go on after a pause', resume)):
        sub = add(name, text, action)
        sub.add_argument('--group', default='global', help='conductor group (default: everything)')
        if name == 'set':
            settings(sub)


def settings(parser):
    """What is not given stays as it is: it does not turn up in the options."""
    add = functools.partial(parser.add_argument, default=argparse.SUPPRESS)
    add('--mode', choices=queue.MODES, help='rolling: one at a time, and none after a failure')
    add('--max-in-flight', type=number, metavar='NUMBER', help='or "none"')
    add('--points', type=number, metavar='NUMBER', help='service points (deployment: 2, cleaning: 1), or "none"')
    add('--order', choices=queue.ORDERS, help='fair: by turns of owners')
    add('--pause-on-failure-ratio', type=number, metavar='SHARE', help='of the last ends, 0 to 1, or "none"')
    add('--failure-window', type=number, metavar='NUMBER', help='how many of the last ends count')


def number(word):
    """A number as JSON has it; None for "none"."""
    try:
        value = None if word == 'none' else json.loads(word)
    except ValueError:
        value = word
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise argparse.ArgumentTypeError(f'"{word}" is neither a number nor "none"')
    return value


def run(options):
    return client.reporting(lambda: options.action(client.connect(options.url), options))


def _path(options):
    return f'/queue/policies/{options.group}'


def list_waiting(baremetal, options):
    query = {'node': options.node} if options.node else {}
    show_rows(list(client.pages(baremetal, '/queue', 'queue', query, key='operation')), COLUMNS, options.output)


def list_policies(baremetal, options):
    show_rows(client.ask(baremetal.get, '/queue/policies').json()['policies'], POLICY_COLUMNS, options.output)


def set_policy(baremetal, options):
    """What is not given stays as it is."""
    from openstack import exceptions
    try:
        found = client.ask(baremetal.get, _path(options)).json()
        current = {name: found[name] for name in _SETTINGS}
    except exceptions.NotFoundException:
        current = {}
    given = {name: getattr(options, name) for name in _SETTINGS if name in vars(options)}
    show_rows([client.ask(baremetal.put, _path(options), json={**current, **given}).json()], POLICY_COLUMNS, options.output)


def unset_policy(baremetal, options):
    client.ask(baremetal.delete, _path(options))


def resume(baremetal, options):
    client.ask(baremetal.post, f'{_path(options)}/resume')
