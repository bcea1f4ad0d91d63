"""``make placement``: how long OpenStack Placement does not know what has changed, and what telling it costs.

    python -m tests.bench.placement [--nodes 1000] [--rates 20,50,100] [--seconds 20] [--away 60] [--database sqlite]

The real Placement over SQLite, one process with one thread; a conductor's reporter in a process of its own; and here, as API
processes do, changes of nodes that alter what can be scheduled, so many a second whatever becomes of them. Lag: from the
commit of the oldest change of a push to the end of the push. Then Placement is killed, the changes go on, and it comes back.
At the end what it holds is compared with all nodes.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

from ingot import concurrency, config
from ingot.conductor.crew import Crew
from ingot.conductor.provider import Providers
from ingot.db import node as nodes
from ingot.db import placement
from ingot.db.engine import Database
from tests import databases
from tests.placement import TOKEN
from tests.placement import placement as running

_TICKS = os.sysconf('SC_CLK_TCK')
_PATIENCE = 600


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nodes', type=int, default=1000)
    parser.add_argument('--rates', type=lambda text: [float(part) for part in text.split(',')], default=[20, 50, 100])
    parser.add_argument('--seconds', type=float, default=20)
    parser.add_argument('--away', type=float, default=60, help='seconds for which Placement is away; 0: never')
    parser.add_argument('--database', choices=databases.KINDS, default='sqlite')
    parser.add_argument('--reporter', nargs=3, metavar=('DATABASE', 'PLACEMENT', 'FILE'), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.reporter:
        return report(*options.reporter)
    databases.kind = options.database
    with tempfile.TemporaryDirectory(prefix='ingot-placement-') as folder, running(pathlib.Path(folder)) as server:
        return run(pathlib.Path(folder), server, options)


def report(url, endpoint, file):
    """The reporter of a conductor, until SIGTERM; writes [seconds, lag] of each push to ``file``."""
    conf = config.load(state_dir=str(pathlib.Path(file).parent), host='here', placement__endpoint=endpoint,
                       placement__token=TOKEN)
    crew, ended = Crew(conf, Database(url), None), concurrency.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with open(file, 'a', buffering=1) as out:
        watch(out)
        while not ended.wait(0.2):
            crew.reporter.turn()
    return 0


def watch(out):
    """Write how old the oldest row of each push is when it is stored."""
    born, waiting, settle = {}, placement.waiting, placement.settle

    def read(database):
        rows = waiting(database)
        for row in rows:
            born.setdefault(row.id, (row.node, row.at))
        return rows

    def done(database, ids, results):
        settle(database, ids, results)
        oldest = {}
        for row in sorted(ids, reverse=True):
            node, at = born.pop(row)
            oldest[node] = at
        for at in oldest.values():
            out.write(json.dumps([time.time(), time.time() - at]) + '\n')
    placement.waiting, placement.settle = read, done


def run(folder, server, options):
    database = databases.empty(folder)
    database.tell_placement()
    fill(database, options.nodes)
    file = folder / 'lags'
    url = database.url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, '-m', 'tests.bench.placement', '--reporter', url, server.url, str(file)])
    try:
        started = time.time()
        assert concurrency.wait_for(lambda: not placement.status(database)['waiting'], _PATIENCE, every=0.5)
        print(f'Database: {options.database}. {options.nodes} nodes told for the first time in {time.time() - started:.0f} s.\n')
        print('| changes/s | told in | lag p50 s | p95 s | most s | pushes/s | CPU ms of the reporter a push | of Placement |\n'
              '|---|---|---|---|---|---|---|---|')
        for rate in options.rates:
            measure(database, server, process.pid, file, rate, options.seconds)
        if options.away:
            outage(database, server, options)
    finally:
        process.terminate()
        process.wait(60)
    wrong = compare(database, server)
    print(f'\nOf {options.nodes} nodes Placement holds something else than it should of {wrong}.')
    database.close()
    return 1 if wrong else 0


def fill(database, count):
    for _ in range(count):
        nodes.create(database, {'uuid': str(uuid.uuid4()), 'driver': 'fake-hardware', 'provision_state': 'available',
                                'power_state': 'power off', 'resource_class': 'gold', 'traits': ['CUSTOM_A']}, [nodes.TABLE.c.id])


def change(database, rate, seconds):
    """Set nodes aside and give them back, ``rate`` a second; how many changes there were and how long they took."""
    uuids, start = [one[0] for one in nodes.rows(database, [nodes.TABLE.c.uuid], {}, limit=1_000_000)], time.time()
    chance = random.Random(1)
    for number in range(int(rate * seconds)):
        time.sleep(max(0, start + number / rate - time.time()))
        nodes.edit(database, chance.choice(uuids), [nodes.TABLE.c.id],
                   lambda current: {'maintenance': not current['maintenance']})
    return int(rate * seconds), time.time() - start


def measure(database, server, reporter, file, rate, seconds):
    seen, before, start = len(file.read_text().splitlines()), [cpu(reporter), cpu(server.pid)], time.time()
    count, took = change(database, rate, seconds)
    settle(database)
    lags = [json.loads(line)[1] for line in file.read_text().splitlines()[seen:]]
    ours, theirs = ((after - old) * 1000 / len(lags) for after, old in zip([cpu(reporter), cpu(server.pid)], before, strict=True))
    cuts = statistics.quantiles(lags, n=20)
    print(f'| {count / took:.0f} | {time.time() - start:.1f} s | {cuts[9]:.2f} | {cuts[18]:.2f} | {max(lags):.2f} | '
          f'{len(lags) / took:.0f} | {ours:.1f} | {theirs:.1f} |', flush=True)


def outage(database, server, options):
    server.stop()
    count, took = change(database, options.rates[-1], options.away)
    waiting = placement.status(database)
    server.start()
    start = time.time()
    settle(database)
    print(f'\nPlacement away for {took:.0f} s, {count} changes meanwhile: {waiting["waiting"]} nodes waited, the first one for '
          f'{waiting["lag"]:.0f} s; all was told {time.time() - start:.1f} s after it was back.')


def settle(database):
    assert concurrency.wait_for(lambda: not placement.status(database)['waiting'], _PATIENCE, every=0.05)


def compare(database, server):
    """How many nodes Placement holds otherwise than it should, asked of Placement itself."""
    conf = config.load(placement__endpoint=server.url, placement__token=TOKEN).placement
    asked = Providers(conf)
    wrong = 0
    for (node,) in nodes.rows(database, [nodes.TABLE.c.uuid], {}, limit=1_000_000):
        wanted, _ = placement.look(database, node)
        held = asked._ask('GET', f'/resource_providers/{node}/inventories').json()['inventories']
        wrong += {name: one['reserved'] for name, one in held.items()} != {wanted['resource_class']: wanted['reserved']}
    return wrong


def cpu(pid):
    """Seconds of CPU that the process has used; see proc(5)."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
