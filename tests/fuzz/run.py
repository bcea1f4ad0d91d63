"""``make fuzz``: malformed requests over real sockets to ``ingot serve``; nothing fails, hangs or grows.

    make fuzz ARGS='--requests 100000 --seed 1'

First schemathesis asks for whatever the OpenAPI document allows, or nearly allows; then clients send what no client should, on
connections that stay open and on some that do not. Every answer is JSON in the shape of all answers, never a 5xx (but 501 and
505, which are about the protocol), and comes within a minute. The second half of the requests must not cost any memory.
"""

import argparse
import collections
import contextlib
import pathlib
import re
import sys
import tempfile
import time
import urllib.parse

import orjson
import schemathesis

from tests.clients import serve
from tests.fuzz import described, stalled, storm
from tests.fuzz.asked import Request
from tests.fuzz.wire import Connection

CLIENTS = 8
_GROWTH = 16    # MiB in the second half: memory levels off after some 200,000 requests (statements, page caches, heaps)


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--requests', type=int, default=100_000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--examples', type=int, default=25, help='requests of schemathesis for each operation')
    options = parser.parse_args(words)
    with running() as (url, process):
        if options.examples:
            began = time.monotonic()
            told = described.ask(schemathesis.openapi.from_url(f'{url}/openapi.json'), options.examples)
            print('schemathesis:', _count(told), f'in {time.monotonic() - began:.0f} s')
        clients, report = fuzz(url, process, options.requests, options.seed)
        print(report)
        for complaint, request in [one for client in clients for one in client.wrong][:20]:
            print(f'\n{complaint}\n  {request!r}')
        silent = stalled.complaints(urllib.parse.urlsplit(url).port)
        print('clients that fall silent in the middle of a request:', silent or 'cut off after a while, others served meanwhile')
        return 1 if silent or complaints(clients, report) else 0


@contextlib.contextmanager
def running():
    """(url, process) of ``ingot serve`` with fake machines."""
    with tempfile.TemporaryDirectory(prefix='ingot-fuzz-') as folder:
        with serve.ingot(pathlib.Path(folder), conductor__enabled_drivers='fake-hardware,ipmi') as served:
            yield served


class Report:
    """What a storm came to."""

    def __init__(self, pid):
        self._pid, self._began = pid, time.monotonic()
        self.mebibytes, self.descriptors, self.at = [], [], []
        self.statuses, self.closed, self.sent = collections.Counter(), 0, 0

    def look(self, clients):
        """Take down how things stand now."""
        status = pathlib.Path(f'/proc/{self._pid}/status').read_text()
        self.mebibytes.append(int(re.search(r'VmRSS:\s+(\d+)', status)[1]) / 1024)
        self.descriptors.append(len(list(pathlib.Path(f'/proc/{self._pid}/fd').iterdir())))
        self.at.append(time.monotonic() - self._began)
        self.statuses = sum((client.statuses for client in clients), collections.Counter())
        self.closed, self.sent = sum(client.closed for client in clients), sum(client.sent for client in clients)

    @property
    def growth(self):
        """MiB that the second half has cost."""
        return self.mebibytes[2] - self.mebibytes[1]

    def __str__(self):
        return '\n'.join([
            f'requests      {self.sent}, of which the server closed the connection on {self.closed}',
            f'statuses      {_count(self.statuses)}',
            'RSS           before {:.1f} MiB, after half {:.1f} MiB, after all {:.1f} MiB'.format(*self.mebibytes),
            'descriptors   before {}, after half {}, after all {}'.format(*self.descriptors),
            f'requests/s    {self.sent / self.at[2]:.0f}'])


def fuzz(url, process, count, seed):
    """([the clients], Report) of ``count`` requests."""
    port, report = urllib.parse.urlsplit(url).port, None
    document = orjson.loads(ask(port, '/openapi.json').body)
    clients = [storm.Client(port, document, seed, number) for number in range(CLIENTS)]
    report = Report(process.pid)
    report.look(clients)
    for _ in range(2):
        storm.together(clients, count // 2)
        report.look(clients)
    return clients, report


def complaints(clients, report, growth=_GROWTH):
    """What is wrong, in words; nothing, one hopes. ``growth``: MiB that the second half may cost."""
    found = [complaint for client in clients for complaint, _ in client.wrong]
    if report.growth > growth:
        found.append(f'the second half cost {report.growth:.1f} MiB')
    if not {200, 201, 202, 204, 400, 404, 405, 406, 409, 415} <= set(report.statuses):
        found.append(f'most of it is refused at the door, this proves little: {_count(report.statuses)}')
    if ask(clients[0].port, '/v1/nodes?limit=1').status != 200:
        found.append('the server does not work any more')
    return found


def ask(port, path):
    """The answer to a GET."""
    with contextlib.closing(Connection(port)) as connection:
        connection.send(Request('GET', path).encode(is_last=True))
        return connection.answer()


def _count(statuses):
    return ', '.join(f'{status}: {count}' for status, count in sorted(statuses.items()))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
