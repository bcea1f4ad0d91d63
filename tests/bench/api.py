"""``make bench``: the API of Ironic 39 and of Ingot side by side, as a table for docs/figures.md.

    python -m tests.bench.api [--nodes 10000] [--clients 1,8,32] [--seconds 1] [--rounds 3]

Both run at once with the same data (SQLite, no authentication, fake-hardware) and are asked in turn, some rounds for each line.
Told are the CPU milliseconds of the server's processes per request in the round with the least of them (what else the machine
does, and other machines on the same processors, only adds to them), and the most requests per second.
"""

import argparse
import itertools
import os
import pathlib
import platform
import sys
import tempfile
import urllib.parse

import orjson

from tests.bench import load, peer
from tests.clients import serve

#: What is wanted: {operation: how many times less CPU}.
GOALS = {'show': 10, 'list 1000': 60, 'list detail 1000': 20, 'list by resource class': 40, 'create': 20, 'patch': 40,
         'delete': 40, 'port create': 40}
CLASSES = 10


def body(number, prefix='bench'):
    return {'driver': 'fake-hardware', 'name': f'{prefix}-{number}', 'resource_class': f'class-{number % CLASSES}',
            'properties': {'cpus': 64, 'memory_mb': 262144, 'local_gb': 1800, 'cpu_arch': 'x86_64',
                           'capabilities': 'boot_mode:uefi'},
            'extra': {'rack': f'r{number % 40}', 'unit': number % 42, 'serial': f'S{number:08}'}}


class Server:
    """One of the two: its port and process, and the nodes that it has."""

    def __init__(self, name, port, pid):
        self.name, self.port, self.pid, self.numbers = name, port, pid, itertools.count()
        self.uuids, self.made = [], []

    def ask(self, requests, clients, seconds=None):
        return load.measure(self.port, self.pid, requests, clients, seconds)

    def seed(self, count):
        made = (('POST', '/v1/nodes', orjson.dumps(body(number)), 201) for number in range(count))
        self.uuids = [orjson.loads(answer)['uuid'] for answer in self.ask(made, 4)[2]]

    def run(self, operation, clients, seconds):
        """(CPU ms, requests a second) of one operation."""
        if operation == 'delete':           # one costs about what its creation costs
            self.run('create', clients, 2 * seconds)
        ms, rate, answers = self.ask(getattr(self, '_' + operation.replace(' ', '_'))(), clients, seconds)
        if operation == 'create':
            self.made += [orjson.loads(answer)['uuid'] for answer in answers]
        return ms, rate

    def get(self, path):
        return itertools.repeat(('GET', path, b'', 200))

    def _list_1000(self):
        return self.get('/v1/nodes?limit=1000')

    def _list_detail_1000(self):
        return self.get('/v1/nodes/detail?limit=1000')

    def _list_by_resource_class(self):
        return self.get('/v1/nodes?limit=100&resource_class=class-3')

    def _show(self):
        return (('GET', f'/v1/nodes/{uuid}', b'', 200) for uuid in itertools.cycle(self.uuids))

    def _patch(self):
        """Another node each time: two at once on one node are answered with 409 by Ironic."""
        return (('PATCH', f'/v1/nodes/{uuid}', orjson.dumps([{'op': 'add', 'path': '/extra/n', 'value': number}]), 200)
                for number, uuid in enumerate(itertools.cycle(self.uuids)))

    def _create(self):
        return (('POST', '/v1/nodes', orjson.dumps(body(number, 'more')), 201) for number in self.numbers)

    def _delete(self):
        while self.made:
            yield 'DELETE', f'/v1/nodes/{self.made.pop()}', b'', 204

    def _port_create(self):
        for number in self.numbers:
            address = ':'.join(f'{number + (0x52 << 40):012x}'[place:place + 2] for place in range(0, 12, 2))
            yield 'POST', '/v1/ports', orjson.dumps({'node_uuid': self.uuids[number % len(self.uuids)],
                                                     'address': address}), 201


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nodes', type=int, default=1000)
    parser.add_argument('--clients', type=lambda text: [int(part) for part in text.split(',')], default=[1, 8, 32])
    parser.add_argument('--seconds', type=float, default=1, help='for each operation, number of clients, server and round')
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix='ingot-bench-') as name:
        folders = [pathlib.Path(name) / part for part in ('ironic', 'ingot')]
        for folder in folders:
            folder.mkdir()
        with peer.ironic(folders[0]) as (port, pid), serve.ingot(folders[1]) as (url, process):
            servers = [Server('Ironic 39.0.0', port, pid), Server('Ingot', urllib.parse.urlsplit(url).port, process.pid)]
            compare(servers, options)
    return 0


def compare(servers, options):
    for server in servers:
        server.seed(options.nodes)
    print(f'{options.nodes} nodes, {os.cpu_count()} cores, Python {platform.python_version()}, '
          f'the best of {options.rounds} rounds of {options.seconds:g} s; CPU ms of the server a request, requests a second.\n')
    titles = ' | '.join(f'{server.name} ms | per s' for server in servers)
    print(f'| operation | clients | {titles} | ratio of CPU | wanted |')
    print('|---|---|---|---|---|---|---|---|')
    for operation, clients in itertools.product(GOALS, options.clients):
        rounds = [[server.run(operation, clients, options.seconds) for server in servers] for _ in range(options.rounds)]
        (theirs, their_rate), (ours, our_rate) = ((min(ms), max(rates)) for ms, rates in (
            zip(*told, strict=True) for told in zip(*rounds, strict=True)))
        print(f'| {operation} | {clients} | {theirs:.2f} | {their_rate:.0f} | {ours:.2f} | {our_rate:.0f} '
              f'| {theirs / ours:.0f}x | {GOALS[operation]}x |', flush=True)
    print('\n' + ', '.join(f'{server.name}: {memory(server.pid)} MiB' for server in servers) + ' of memory afterwards.')


def memory(pid):
    """MiB of the process and its children that are theirs alone."""
    lines = [line for one in load.processes(pid) for line in pathlib.Path(f'/proc/{one}/smaps_rollup').read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith('Pss:')) // 1024


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
