"""``make line``: many conductors work on a long queue.

    python -m tests.bench.line [--count 100000] [--conductors 16] [--places 200] [--seconds 60] [--database mariadb]

So many deployments wait (as in tests/bench/queue.py: of 50 owners, in 4 conductor groups) under a policy that lets --places be in
flight at once. Then an API and the conductors start, real processes over RabbitMQ, with fake hardware that takes no time; while
they work, the place of one node after the other is asked for. Conductors are done with one as fast as they can, so the queue
gives places as fast as it ever has to. Prints a table.
"""

import argparse
import contextlib
import pathlib
import random
import re
import statistics
import sys
import tempfile
import time

import sqlalchemy as sa

from ingot import concurrency
from ingot.cli import client
from ingot.db import models
from ingot.db import queue as policies
from ingot.db.engine import Database
from tests import databases
from tests.bench import load, queue
from tests.bench.sampling import Sampler
from tests.bench.storm import quantile
from tests.cli.conftest import told
from tests.cli.processes import running
from tests.rabbit import broker

_ops = models.operations
_OWNER = sa.select(models.nodes.c.owner, sa.func.count()).select_from(_ops).join(
    models.nodes, models.nodes.c.id == _ops.c.node_id).where(_ops.c.admitted_at.is_not(None)).group_by(models.nodes.c.owner)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=100_000)
    parser.add_argument('--conductors', type=int, default=16)
    parser.add_argument('--places', type=int, default=200)
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--database', choices=sorted(databases.SERVERS), default='mariadb')
    options = parser.parse_args(argv)
    databases.kind = options.database
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='ingot-line-')))
        url = databases.new(folder)
        words = [*told(folder, stack.enter_context(broker(folder)), url), '--set=conductor.power_sync_seconds=0']
        database = Database(url)
        stack.callback(database.close)
        queue.fill(database, options.count)
        policies.put(database, '', {'max_in_flight': 1})         # until all are there
        _, greeting = stack.enter_context(running(folder, 'api', words))
        pids = [stack.enter_context(running(folder, 'conductor', [
            f'--set=host=c{number}', f'--set=conductor.group=rack{number % queue.GROUPS}', *words], f'c{number}'))[0].pid
            for number in range(options.conductors)]
        print(f'{options.count:,} wait, {options.conductors} conductors, {options.places} places, {options.database}\n',
              flush=True)
        policies.put(database, '', {'max_in_flight': options.places, 'order': 'fair'})
        tell(watch(database, client.connect(re.search(r'http://\S+', greeting)[0]), pids, options))
    return 0


def watch(database, api, pids, options):
    """{what: figure} of so many seconds, from when each conductor had time to begin."""
    assert concurrency.wait_for(lambda: ended(database) >= options.places, 120), 'nothing is carried out'
    dice, seconds = random.Random(1), []
    before, used, began = ended(database), sum(map(load.cpu, pids)), time.monotonic()
    with Sampler(database) as sampler:
        while time.monotonic() < began + options.seconds:
            seconds.append(look(api, queue.one(dice.randrange(options.count // 2, options.count))))
            time.sleep(0.2)
    lasted = time.monotonic() - began
    done, cpu = ended(database) - before, sum(map(load.cpu, pids)) - used
    with database.read() as connection:
        owners = [number for _, number in connection.execute(_OWNER)]
    return {
        'deployments a second': f'{done / lasted:.1f}', 'most in flight (the limit)': f'{sampler.most} ({options.places})',
        'CPU ms of all conductors a deployment': f'{cpu * 1000 / max(done, 1):.1f}',
        'places that the 50 owners got: fewest, most': f'{min(owners)}, {max(owners)}',
        'the place of one node, ms: p50, p95': f'{statistics.median(seconds) * 1000:.0f}, {quantile(seconds, 0.95) * 1000:.0f}'}


def look(api, node):
    """Seconds until the place of a node was told."""
    began = time.monotonic()
    answer = api.request(f'/queue?node={node}', 'GET', headers={'X-OpenStack-Ironic-API-Version': '1.81'})
    assert answer.status_code == 200, answer.text
    return time.monotonic() - began


def ended(database):
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).where(_ops.c.status.in_(('done', 'failed')))).scalar()


def tell(figures):
    print('| what | |\n|---|---|')
    for what, figure in figures.items():
        print(f'| {what} | {figure} |')


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
