"""``make storm``: deployments arrive at 1 to 20 times of what may be in flight; the definition of scalable that Ingot serves.

    python -m tests.bench.storm [--load 1,2,5,10,20] [--seconds 30] [--conductors 2] [--database mariadb|postgresql|sqlite]

Real processes: an API, conductors, RabbitMQ, a database (with sqlite: ``ingot serve``), and fake hardware that takes --service
seconds for a deployment, of which --in-flight may run. Capacity is measured first: deployments a second while every place is
taken and more wait. Then, for each load, requests of five owners (one of them sends half of all) arrive when chance says so
(--seed), whether those before are answered or not; with each comes a look at a node that was asked for before. Times count
from when a request was to be sent. Jain's index is of the places that owners got once there was a queue, over what is fair
(max-min) by their wishes. When a storm is over, what waits still is withdrawn. Prints the table, writes docs/storm.svg.
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import os
import pathlib
import random
import re
import sys
import tempfile
import time
import urllib.parse
import uuid

import orjson
import sqlalchemy as sa

from ingot import concurrency, ring
from ingot.cli import client
from ingot.db import models
from ingot.db import queue as line
from ingot.db.engine import Database, now
from tests import databases
from tests.bench import load, plot
from tests.bench.sampling import Sampler
from tests.cli import conftest, processes
from tests.clients import serve
from tests.rabbit import broker

#: Share of all requests, by owner.
OWNERS = {'greedy': 0.5, **{f'owner-{number}': 0.125 for number in range(4)}}
DEPLOY = orjson.dumps({'target': 'active'})
VERSION = {'X-OpenStack-Ironic-API-Version': '1.81'}


class Site:
    """The processes: ``port`` of the API, ``pids`` by what they are, the Database."""

    def __init__(self, options, folder, stack):
        self.options, self.folder, self.stack, self.made = options, folder, stack, 0
        url, self.pids = self._embedded() if options.database == 'sqlite' else self._apart()
        self.port, self.api = urllib.parse.urlsplit(url).port, client.connect(url)

    def _embedded(self):
        url, process = self.stack.enter_context(serve.ingot(self.folder, conductor__automated_clean='false'))
        self.database = Database(f'sqlite:///{self.folder}/ingot.sqlite')
        return url, {'ingot serve': [process.pid]}

    def _apart(self):
        bus = self.stack.enter_context(broker(self.folder))
        where = databases.new(self.folder, self.options.database)
        words = [*conftest.told(self.folder, bus, where), '--set=conductor.power_sync_seconds=0']
        api, greeting = self.stack.enter_context(processes.running(self.folder, 'api', words))
        conductors = [self.stack.enter_context(processes.running(
            self.folder, 'conductor', [f'--set=host=c{number}', '--set=conductor.automated_clean=false', *words],
            f'c{number}'))[0].pid for number in range(self.options.conductors)]
        self.database = Database(where)
        return re.search(r'http://\S+', greeting)[0], {'API': [api.pid], 'conductors': conductors}

    def ask(self, method, path, body=None):
        answer = self.api.request(path, method, json=body, headers=VERSION, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def prepare(self):
        """One node made as clients do it, of which all others are copies."""
        delay = {'fake': {'deploy.export': {'delay': self.options.service}}}
        node = self.ask('POST', '/nodes', {'driver': 'fake-hardware', 'driver_info': delay,
                                           'instance_info': {'image_source': 'file:///os.raw'}})
        self.ask('POST', '/ports', {'node_uuid': node['uuid'], 'address': '52:54:00:00:00:01'})
        for verb, state in (('manage', 'manageable'), ('provide', 'available')):
            self.ask('PUT', f'/nodes/{node["uuid"]}/states/provision', {'target': verb})
            assert concurrency.wait_for(lambda state=state: self.ask(
                'GET', f'/nodes/{node["uuid"]}')['provision_state'] == state, 60)
        with self.database.read() as connection:
            found = connection.execute(sa.select(models.nodes).where(models.nodes.c.uuid == node['uuid'])).mappings().one()
        self.model = {name: value for name, value in found.items() if name != 'id'}
        self.ask('PUT', '/queue/policies/global', {'max_in_flight': self.options.in_flight})

    def make(self, owners):
        """Uuids of new nodes that are available, one of each of ``owners``."""
        made = [str(uuid.uuid4()) for _ in owners]
        rows = [{**self.model, 'uuid': one, 'slot': ring.slot(one), 'owner': owner, 'created_at': now(), 'lock_epoch': 0}
                for one, owner in zip(made, owners, strict=True)]
        with self.database.write() as connection:
            for start in range(0, len(rows), 500):
                connection.execute(sa.insert(models.nodes), rows[start:start + 500])
                connection.execute(sa.insert(models.ports), [self._port(one, connection) for one in made[start:start + 500]])
        return made

    def _port(self, node, connection):
        self.made += 1
        address = ':'.join(f'{(0x525401 << 24) + self.made:012x}'[place:place + 2] for place in range(0, 12, 2))
        node_id = connection.execute(sa.select(models.nodes.c.id).where(models.nodes.c.uuid == node)).scalar_one()
        return {'uuid': str(uuid.uuid4()), 'node_id': node_id, 'address': address, 'created_at': now()}

    def operations(self, nodes):
        """The deployments of these nodes: dicts of id, owner, status, admitted_at."""
        ops, found = models.operations, []
        for start in range(0, len(nodes), 500):
            query = sa.select(ops.c.id, ops.c.status, ops.c.admitted_at, models.nodes.c.owner).join(
                models.nodes, models.nodes.c.id == ops.c.node_id).where(
                ops.c.flow == 'deploy', models.nodes.c.uuid.in_(nodes[start:start + 500]))
            with self.database.read() as connection:
                found += map(dict, connection.execute(query).mappings())
        return found

    def clear(self):
        """Withdraw what waits, await what is in flight."""
        ops = models.operations
        while line.is_waiting(self.database):
            with self.database.read() as connection:
                waiting = connection.execute(sa.select(models.nodes.c.uuid).join(ops, ops.c.node_id == models.nodes.c.id).where(
                    ops.c.status == 'queued').order_by(ops.c.id.desc()).limit(500)).scalars().all()
            asyncio.run(_withdraw(self.port, iter(waiting)))
        assert concurrency.wait_for(lambda: not self._in_flight(), 120, every=0.2), 'deployments do not end'

    def _in_flight(self):
        with self.database.read() as connection:
            return connection.execute(sa.select(models.operations.c.id).where(
                models.operations.c.status.in_(line.IN_FLIGHT))).first()

    def cpu(self):
        """{what: seconds of CPU so far}: of each part, and of the servers that they need."""
        used = {name: sum(map(load.cpu, pids)) for name, pids in self.pids.items()}
        return {**used, 'bus and database': load.cpu(os.getpid()) - sum(used.values()) - _own()}


def _own():
    """Of this process alone, without its children."""
    return sum(os.times()[:2])


async def _withdraw(port, nodes):
    async def work():
        connection = load.Connection(port)
        for node in nodes:            # those that were given a place meanwhile are refused: they end by themselves
            await connection.ask('PUT', f'/v1/nodes/{node}/states/provision', b'{"target":"deleted"}')
        connection.close()
    await asyncio.gather(*(work() for _ in range(4)))


# The storm itself, in a process of its own.

def blow(port, arrivals):
    """Send the requests of ``arrivals`` [(seconds from now, node)] in time: [(kind, seconds, status)], and our CPU seconds."""
    return asyncio.run(_blow(port, arrivals)), time.process_time()


async def _blow(port, arrivals):
    answers, free, tasks, began = [], [], [], time.monotonic()

    async def ask(kind, due, *request):
        connection = free.pop() if free else load.Connection(port)
        status, _ = await connection.ask(*request)
        free.append(connection)
        answers.append((kind, time.monotonic() - due, status))

    for number, (offset, node) in enumerate(arrivals):
        due = began + offset
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(ask('PUT', due, 'PUT', f'/v1/nodes/{node}/states/provision', DEPLOY)))
        if number:
            other = arrivals[number // 2][1]
            tasks.append(asyncio.create_task(ask('GET', due, 'GET', f'/v1/nodes/{other}')))
    await asyncio.gather(*tasks)
    return answers


# Measuring.

def level(site, pool, times, capacity, options):
    """One level: a dict of what was measured."""
    dice = random.Random(f'{options.seed}:{times}')
    offsets, last = [], 0.0
    while (last := last + dice.expovariate(times * capacity)) < options.seconds:
        offsets.append(last)
    owners = dice.choices(list(OWNERS), OWNERS.values(), k=len(offsets))
    nodes = site.make(owners)
    used, began = site.cpu(), time.time()
    with Sampler(site.database) as sampler:
        answers, own = pool.submit(blow, site.port, list(zip(offsets, nodes, strict=True))).result()
        time.sleep(max(0.0, began + options.seconds - time.time()))
        ended, seconds = time.time(), time.time() - began
        spent = {name: after - used[name] for name, after in site.cpu().items()}
        site.clear()
    done = [{**one, 'ended': sampler.ended(one['id'])} for one in site.operations(nodes) if one['status'] == 'done']
    start = began + min(offsets, default=0) + options.service       # nothing can have ended before
    return {'times': times, 'offered': len(offsets) / options.seconds, 'answers': answers, 'done': done,
            'most': sampler.most, 'goodput': sum(start < one['ended'] <= ended for one in done) / (ended - start),
            'owners': [sum(one['owner'] == owner and start < one['admitted_at'] <= ended for one in done) for owner in OWNERS],
            'wished': [owners.count(owner) - sum(one['owner'] == owner and one['admitted_at'] <= start for one in done)
                       for owner in OWNERS],
            'spent': {name: value / seconds for name, value in spent.items()}, 'own': own / seconds}


def calibrate(site, options):
    """Deployments a second while places are always full."""
    nodes = site.make(['nobody'] * options.in_flight * 6)
    with Sampler(site.database) as sampler:
        load.measure(site.port, os.getpid(), (
            ('PUT', f'/v1/nodes/{node}/states/provision', DEPLOY, 202) for node in nodes), 4)
        assert concurrency.wait_for(lambda: not line.is_waiting(site.database) and not site._in_flight(), 300, every=0.1)
    ends = sorted(sampler.ended(one['id']) for one in site.operations(nodes))
    first, last = ends[options.in_flight - 1], ends[-options.in_flight - 1]       # in full swing
    return (len(ends) - 2 * options.in_flight) / (last - first)


def quantile(values, share):
    values = sorted(values)
    return values[min(int(share * len(values)), len(values) - 1)] if values else float('nan')


def shares(total, wished):
    """What each of ``wished`` has of ``total`` when all have the same, and nobody more than he wished (max-min fairness)."""
    found, left = dict.fromkeys(range(len(wished)), 0), total
    for place, number in enumerate(sorted(found, key=wished.__getitem__)):
        found[number] = min(wished[number], left / (len(wished) - place))
        left -= found[number]
    return list(found.values())


def jain(values):
    """1.0: all have the same; 1 / their number: one has all."""
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values)) if any(values) else float('nan')


def row(one, first, levels):
    """The cells of a level; ``first``: the level that durations are compared with."""
    put, get = ([seconds * 1000 for kind, seconds, _ in one['answers'] if kind == wanted] for wanted in ('PUT', 'GET'))
    took, usual = ([each['ended'] - each['admitted_at'] for each in which['done']] for which in (one, first))
    peak, fair = max(each['goodput'] for each in levels), shares(sum(one['owners']), one['wished'])
    had = [each / share for each, share in zip(one['owners'], fair, strict=True) if share]
    return [f'{one["times"]}x', f'{one["offered"]:.1f}', quantiles(put), quantiles(get), f'{quantile(put + get, .95):.0f}',
            str(sum(status >= 300 for _, _, status in one['answers'])),
            f'{mean(took):.2f} ({mean(took) / mean(usual):.2f}x)',
            f'{quantile(took, .95):.2f} ({quantile(took, .95) / quantile(usual, .95):.2f}x)',
            f'{one["goodput"]:.2f} ({100 * one["goodput"] / min(peak, one["offered"]):.0f} %)',
            f'{jain(had):.3f}', str(one['most']),
            ', '.join(f'{name} {100 * value:.0f}' for name, value in one['spent'].items()), f'{100 * one["own"]:.0f}']


def quantiles(values):
    return ' / '.join(f'{quantile(values, share):.0f}' for share in (.5, .95, .99))


def mean(values):
    return sum(values) / len(values) if values else float('nan')


HEAD = ('load', 'requests/s', 'PUT p50 / p95 / p99 ms', 'GET p50 / p95 / p99 ms', 'API p95 ms', 'refused',
        'admission to end, mean s', 'p95 s', 'goodput/s', 'Jain', 'most in flight', 'CPU %', 'CPU % of the clients')


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--load', type=lambda text: [int(part) for part in text.split(',')], default=[1, 2, 5, 10, 20])
    parser.add_argument('--seconds', type=float, default=30, help='of each storm')
    parser.add_argument('--in-flight', type=int, default=6)
    parser.add_argument('--service', type=float, default=3, help='seconds that fake hardware takes for a deployment')
    parser.add_argument('--conductors', type=int, default=2)
    parser.add_argument('--database', choices=databases.KINDS, default='mariadb')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--svg', type=pathlib.Path, default=pathlib.Path('docs/storm.svg'))
    options = parser.parse_args(words)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='ingot-bench-')))
        folder.chmod(0o755)
        site = Site(options, folder, stack)
        site.prepare()
        pool = stack.enter_context(concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context('spawn'), max_tasks_per_child=1))
        capacity = calibrate(site, options)
        print(f'{options.database}, {options.conductors} conductors, {options.in_flight} in flight, {options.service:g} s of '
              f'fake hardware each: capacity {capacity:.2f} deployments/s; each storm {options.seconds:g} s.\n', flush=True)
        print(f'| {" | ".join(HEAD)} |\n|{"---|" * len(HEAD)}')
        levels = []
        for times in options.load:
            levels.append(level(site, pool, times, capacity, options))
            print(f'| {" | ".join(row(levels[-1], levels[0], levels))} |', flush=True)
        site.database.close()
    options.svg.write_text(plot.storm([one['times'] for one in levels], [one['goodput'] for one in levels],
                                      [quantile([1000 * seconds for _, seconds, _ in one['answers']], .95) for one in levels]))
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
