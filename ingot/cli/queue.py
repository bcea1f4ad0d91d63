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
_VERSION = {'X-OpenStack-Ironic-API-Version': client.VERSION}


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


def _ask(method, path, **kwargs):
    return _good(method(path, headers=_VERSION, **kwargs))


def _good(answer):
    from openstack import exceptions
    exceptions.raise_from_response(answer)
    return answer


def _path(options):
    return f'/queue/policies/{options.group}'


def list_waiting(baremetal, options):
    query, rows = {'node': options.node} if options.node else {}, []
    while True:
        page = _ask(baremetal.get, '/queue', params=query).json()
        rows += page['queue']
        if 'next' not in page:
            break
        query['marker'] = page['queue'][-1]['operation']
    show_rows(rows, COLUMNS, options.output)


def list_policies(baremetal, options):
    show_rows(_ask(baremetal.get, '/queue/policies').json()['policies'], POLICY_COLUMNS, options.output)


def set_policy(baremetal, options):
    """What is not given stays as it is."""
    found = baremetal.get(_path(options), headers=_VERSION)
    current = {} if found.status_code == 404 else {name: _good(found).json()[name] for name in _SETTINGS}
    given = {name: getattr(options, name) for name in _SETTINGS if name in vars(options)}
    show_rows([_ask(baremetal.put, _path(options), json={**current, **given}).json()], POLICY_COLUMNS, options.output)


def unset_policy(baremetal, options):
    _ask(baremetal.delete, _path(options))


def resume(baremetal, options):
    _ask(baremetal.post, f'{_path(options)}/resume')
