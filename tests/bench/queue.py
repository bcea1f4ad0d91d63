"""What a look at a long queue costs.

    python -m tests.bench.queue [--count 100000] [--database mariadb]

So many deployments wait, of 50 owners in 4 conductor groups, and 1,000 may be in flight. Prints a table.
"""

import argparse
import pathlib
import sys
import tempfile
import time

import sqlalchemy as sa

from ingot import queue, ring
from ingot.db import lane, models
from ingot.db import queue as line
from ingot.db.engine import now
from tests import databases

OWNERS, GROUPS, BATCH = 50, 4, 5000


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=100_000)
    parser.add_argument('--database', choices=databases.KINDS, default='sqlite')
    options = parser.parse_args(argv)
    databases.kind = options.database
    with tempfile.TemporaryDirectory(prefix='ingot-bench-') as folder:
        database = databases.empty(pathlib.Path(folder))
        fill(database, options.count)
        print(f'{options.count:,} wait, {options.database}\n\n| what | ms |\n|---|---|')
        measure(database, options.count)
        database.close()
    return 0


def fill(database, count):
    """Nodes, each with a queued deployment."""
    line.put(database, '', {'max_in_flight': 1000})
    for start in range(1, count + 1, BATCH):
        nodes = [{'id': number, 'uuid': one(number), 'driver': 'fake-hardware', 'created_at': now(),
                  'owner': f'owner-{number % OWNERS}', 'conductor_group': f'rack{number % GROUPS}',
                  'slot': ring.slot(one(number)), 'operation': _operation(number), 'provision_state': 'deploying',
                  'target_provision_state': 'active'}
                 for number in range(start, min(start + BATCH, count + 1))]
        operations = [{'uuid': _operation(node['id']), 'node_id': node['id'], 'flow': 'deploy',
                       'created_at': now(), 'deadline_at': 0, **line.waiting({**node, 'lessee': None})} for node in nodes]
        with database.write() as connection:
            connection.execute(sa.insert(models.nodes), nodes)
            connection.execute(sa.insert(models.operations), operations)
    with database.write() as connection:
        for table in ('nodes', 'operations'):           # as servers do by themselves, some time later
            connection.exec_driver_sql(f'ANALYZE {"TABLE " if databases.kind == "mariadb" else ""}{table}')


def measure(database, count):
    seen = timed('look at the heads', lambda: line.look(database, 64))
    turns = timed('whose turn it is', lambda: queue.plan(seen.policies, seen.flying, seen.waiting))
    chosen = [turn.item for turn in turns if turn.reason is None][:seen.most]
    timed(f'give {len(chosen)} of them a place', lambda: line.admit(database, seen, chosen, 60), 1)
    line.put(database, '', {'max_in_flight': len(chosen)})
    timed('look when all places are taken', lambda: line.look(database, 64))
    timed('whether anything is limited (with each deployment)', lambda: line.is_limited(database))
    timed('the first 1,000 with positions and estimates (GET /v1/queue)', lambda: first(database))
    pick = lane.First(64)
    seen = timed('what the place of one node is found beside (twice a second)', lambda: line.look(database, pick=pick))
    timed('the place of one node (GET /v1/queue?node=NODE, and the node)',
          lambda: lane.place(database, one(count), seen.policies, pick.lanes))
    timed('the whole queue with positions and estimates (later pages)', lambda: whole(database), 1)


def one(number):
    return f'00000000-0000-4000-8000-{number:012}'


def _operation(number):
    return f'10000000-0000-4000-8000-{number:012}'


def first(database):
    return estimated(line.look(database, pick=lane.First(1001)))


def whole(database):
    return estimated(line.look(database))


def estimated(seen):
    turns = queue.plan(seen.policies, seen.flying, seen.waiting)
    return queue.estimate(seen.policies, seen.flying, turns, {'deploy': 600.0}, time.time())


def timed(title, work, count=3):
    """Print the best of ``count`` times; what ``work`` returned."""
    best = None
    for _ in range(count):
        began = time.perf_counter()
        answer = work()
        taken = time.perf_counter() - began
        best = taken if best is None else min(best, taken)
    print(f'| {title} | {best * 1000:.1f} |', flush=True)
    return answer


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
