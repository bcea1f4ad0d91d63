"""``make endurance``: what stays the same about Ingot however much it stores, and however long it runs.

    python -m tests.bench.endurance [--stored 1000,10000,100000] [--minutes 60]

Pages of 1,000 nodes at each number of stored nodes; then everything that ``make bench`` asks for, over and over.
"""

import argparse
import pathlib
import sys
import tempfile
import time
import urllib.parse

import orjson

from tests.bench import api
from tests.clients import serve

#: {what is asked for: its query}; "MIDDLE" is the uuid of a node in the middle.
PAGES = {'first page': 'nodes?limit=1000', 'a page in the middle': 'nodes?limit=1000&marker=MIDDLE',
         'by name': 'nodes?limit=1000&sort_key=name', 'in detail': 'nodes/detail?limit=1000',
         'one resource class': 'nodes?limit=100&resource_class=class-3'}


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--stored', type=lambda text: [int(part) for part in text.split(',')], default=[1000, 10_000, 100_000])
    parser.add_argument('--minutes', type=float, default=60)
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix='ingot-endurance-') as name, serve.ingot(pathlib.Path(name)) as (url, process):
        server = api.Server('Ingot', urllib.parse.urlsplit(url).port, process.pid)
        print(f'| CPU ms of | {" | ".join(f"{count:,} stored" for count in options.stored)} |')
        print(f'|---|{"---|" * len(options.stored)}')
        columns = [measure(server, count) for count in options.stored]
        for title in PAGES:
            print(f'| {title} | {" | ".join(f"{column[title]:.2f}" for column in columns)} |', flush=True)
        last(server, options.minutes)
    return 0


def measure(server, count):
    """{title: CPU ms} of pages when ``count`` nodes are stored."""
    bodies = (('POST', '/v1/nodes', orjson.dumps(api.body(number)), 201) for number in range(len(server.uuids), count))
    server.uuids += [orjson.loads(answer)['uuid'] for answer in server.ask(bodies, 4)[2]] if len(server.uuids) < count else []
    middle = server.uuids[count // 2]
    return {title: server.ask(server.get(f'/v1/{query.replace("MIDDLE", middle)}'), 1, 2)[0] for title, query in PAGES.items()}


def last(server, minutes):
    """Ask for everything in turn, and tell the memory now and then."""
    began, told, requests = time.monotonic(), 0, 0
    print('\n| minutes | requests | MiB |\n|---|---|---|')
    while (passed := (time.monotonic() - began) / 60) < minutes or not told:
        if passed >= told:
            print(f'| {passed:.0f} | {requests:,} | {api.memory(server.pid)} |', flush=True)
            told += max(minutes / 6, 0.01)
        for operation in api.GOALS:
            requests += int(server.run(operation, 8, 1)[1])
    print(f'| {minutes:.0f} | {requests:,} | {api.memory(server.pid)} |')


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
