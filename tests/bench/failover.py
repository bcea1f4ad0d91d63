"""``make failover``: what clients and deployments see when a conductor dies, is stopped, or sleeps.

    python -m tests.bench.failover [--times 20] [--others 5] [--database mariadb] [--ways kill,term,stop] [--many 500]

An API and three conductors as processes of their own, RabbitMQ, fake machines. Each time one conductor has deployments under way
while requests to other nodes of its own come in without a pause, four at a time: two clients look (validate), two change (set
the boot device); none of them tries again by itself. Then that conductor gets a signal: SIGKILL, SIGTERM or SIGSTOP. ``--many``:
at the end one dies that has so many under way: as many as it has workers are in a step, the others wait for their machines, which
report then. Seconds from the signal on; as clients and the feed of events see it.
"""

import argparse
import collections
import contextlib
import http.client
import itertools
import json
import pathlib
import re
import signal
import statistics
import sys
import tempfile
import threading
import time

import sqlalchemy as sa

from ingot import concurrency, ring
from ingot.db import event, models, row
from ingot.db import node as nodes
from ingot.db.engine import Database, now
from tests import databases
from tests.cli.conftest import told
from tests.cli.processes import running
from tests.rabbit import broker

HOSTS = ('c1', 'c2', 'c3')
WAYS = {'kill': (signal.SIGKILL, 'killed (SIGKILL)'), 'term': (signal.SIGTERM, 'stopped (SIGTERM)'),
        'stop': (signal.SIGSTOP, 'asleep (SIGSTOP)')}
#: Nodes of each conductor: those that are deployed, and those that requests are about.
FLOWS, ASKED = 10, 12
#: Seconds that a deployment stays in its second and in its third step.
STAY = 2.5
#: Seconds that anything here may take.
PATIENCE = 90
_HEADERS = {'X-OpenStack-Ironic-API-Version': '1.81', 'Content-Type': 'application/json'}
_Asked = collections.namedtuple('Asked', 'kind began ended status')


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--times', type=int, default=20, help='with SIGKILL')
    parser.add_argument('--others', type=int, default=5, help='with SIGTERM, and with SIGSTOP')
    parser.add_argument('--database', choices=sorted(databases.SERVERS), default='mariadb')
    parser.add_argument('--ways', type=lambda text: text.split(','), default=list(WAYS))
    parser.add_argument('--many', type=int, default=500, help='0: none')
    options = parser.parse_args(words)
    with site(options.database) as cluster:
        print(f'Database: {options.database}. Seconds.\n\n| conductor | what | median | worst |\n|---|---|---|---|', flush=True)
        for way in options.ways:
            times = options.times if way == 'kill' else options.others
            tell(f'{WAYS[way][1]}, {times} times', [cluster.blow(way, host) for host in (HOSTS * times)[:times]])
        if options.many:
            tell_many(options.many, cluster.blow_many(HOSTS[0], options.many))
    return 0


@contextlib.contextmanager
def site(database):
    """A Cluster with all its conductors and nodes."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='ingot-failover-')))
        url = databases.new(folder, database)
        words = told(folder, stack.enter_context(broker(folder)), url)
        cluster = Cluster(folder, [*words, '--set=rpc.timeout=60', '--set=conductor.power_sync_seconds=0',
                                   '--set=conductor.automated_clean=false'], Database(url), stack)
        yield cluster


class Cluster:
    """The API, three conductors by name, and nodes by the conductor that they belong to."""

    def __init__(self, folder, words, database, stack):
        self.folder, self.words, self.database, self.stack = folder, words, database, stack
        stack.callback(database.close)
        _, where = stack.enter_context(running(folder, 'api', words))
        self.port = int(re.search(r':(\d+)$', where.strip())[1])
        self.conductors = {}
        for host in HOSTS:
            self.start(host)
        slow = {'deploy.fetch': {'delay': STAY}}
        self.deployed = {host: self.enrol(host, FLOWS, fake=slow) for host in HOSTS}
        self.asked = {host: self.enrol(host, ASKED, fake={}) for host in HOSTS}

    def start(self, host):
        self.conductors[host], _ = self.stack.enter_context(
            running(self.folder, 'conductor', [f'--set=host={host}', *self.words], host))

    def enrol(self, host, count, **driver_info):
        """Uuids of so many new active nodes that belong to ``host``."""
        made = ring.Ring([{'hostname': one, 'conductor_group': '', 'drivers': ['fake-hardware']} for one in HOSTS])
        uuids = (f'{number:08x}-0000-4000-8000-{next(_NUMBERS):012x}' for number in itertools.count())
        mine = list(itertools.islice((one for one in uuids if made.host(ring.slot(one), '', 'fake-hardware') == host), count))
        rows = [row.dump(models.nodes, {
            'uuid': one, 'driver': 'fake-hardware', 'created_at': now(), 'provision_state': 'active', 'power_state': 'power on',
            'driver_info': driver_info, 'instance_info': {'image_source': 'file:///os.raw'}}) for one in mine]
        with self.database.write() as connection:
            for one in rows:
                connection.execute(sa.insert(models.nodes).values(one))
        return mine

    # What is asked for.

    def ask(self, method, path, body=None, connection=None):
        """(status, answer) of one request."""
        connection = connection or http.client.HTTPConnection('127.0.0.1', self.port, timeout=PATIENCE)
        connection.request(method, f'/v1/nodes/{path}', body and json.dumps(body), _HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def deploy(self, uuids):
        for uuid in uuids:
            status, text = self.ask('PUT', f'{uuid}/states/provision', {'target': 'rebuild'})
            assert status == 202, text

    # What is seen.

    def steps(self, since, uuids):
        """{node: when its first step after the event ``since`` was seen}, again and again."""
        seen = {}
        while True:
            for one in event.since(self.database, since, limit=1000):
                since = one['seq']
                if one['kind'] == 'step' and one['node'] in uuids:
                    seen.setdefault(one['node'], time.monotonic())
            yield seen

    def newest(self):
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.max(models.events.c.seq))).scalar() or 0

    def await_steps(self, since, uuids):
        """{node: when its first step after ``since`` was seen}, of all ``uuids``."""
        look = self.steps(since, set(uuids))
        concurrency.wait_for(lambda: len(next(look)) == len(uuids), PATIENCE, every=0.02)
        seen = next(look)
        assert len(seen) == len(uuids), f'{len(uuids) - len(seen)} of {len(uuids)} do not go on'
        return seen

    def await_steps_of(self, uuids, *steps):
        """Until the operations of ``uuids`` are in these."""
        self._await_operations(uuids, models.operations.c.step.in_(steps))

    def unfinished(self, uuids):
        """Those of ``uuids`` that have steps before them still."""
        ops = models.operations
        query = sa.select(models.nodes.c.uuid).join(ops, ops.c.uuid == models.nodes.c.operation).where(
            models.nodes.c.uuid.in_(uuids), ops.c.step.in_(('fetch image', 'export image')))
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def _await_operations(self, uuids, condition):
        ops = models.operations
        query = sa.select(sa.func.count()).select_from(models.nodes).join(ops, ops.c.uuid == models.nodes.c.operation).where(
            models.nodes.c.uuid.in_(uuids), condition)

        def found():
            with self.database.read() as connection:
                return connection.execute(query).scalar()
        assert concurrency.wait_for(lambda: found() == len(uuids), PATIENCE, every=0.02), f'{found()} of {len(uuids)}'

    def settle(self):
        """Until all three serve and nothing is under way."""
        def busy():
            query = sa.select(sa.func.count()).select_from(models.nodes).where(
                sa.or_(models.nodes.c.operation.is_not(None), models.nodes.c.lock_owner.is_not(None)))
            with self.database.read() as connection:
                return connection.execute(query).scalar()
        assert concurrency.wait_for(lambda: not busy(), PATIENCE, every=0.1), f'{busy()} nodes do not come to rest'
        for host in HOSTS:
            assert concurrency.wait_for(lambda host=host: self.owner(self.asked[host][0]) == host, PATIENCE, every=0.1)

    def owner(self, uuid):
        return json.loads(self.ask('GET', f'{uuid}?fields=conductor')[1])['conductor']

    # What is done to a conductor.

    def blow(self, way, host):
        """{what: seconds, or (status, reason): how many} of one time."""
        self.settle()
        victim, mine = self.conductors[host], self.deployed[host]
        self.deploy(mine)
        self.await_steps_of(mine, 'fetch image', 'export image')
        with Requests(self, self.asked[host]) as requests:
            time.sleep(0.3 + time.time() % 1)        # heartbeats come each second: at any time between two of them
            since, began = self.newest(), time.monotonic()
            victim.send_signal(WAYS[way][0])
            try:
                went_on = sorted(self.await_steps(since, self.unfinished(mine)).values())
                requests.until_served(began)
            finally:
                if way == 'stop':
                    victim.send_signal(signal.SIGCONT)
        if way != 'stop':
            victim.wait(PATIENCE)
            self.start(host)
        return requests.seen(began) | {'its first deployment goes on': went_on[0] - began,
                                       'its last deployment goes on': went_on[-1] - began}

    def blow_many(self, host, count):
        """Seconds until each of ``count`` operations of a killed conductor went on: (in a step, waiting for their machines)."""
        self.settle()
        in_step = self.enrol(host, min(64, count // 2), fake={'deploy.fetch': {'delay': 8}})
        waiting = self.enrol(host, count - len(in_step), fake={'deploy.machine_report': {'silent': True}})
        self.deploy(waiting)
        self._await_operations(waiting, models.operations.c.status == 'waiting')
        self.deploy(in_step)
        self.await_steps_of(in_step, 'fetch image', 'export image')
        since, began = self.newest(), time.monotonic()
        self.conductors[host].kill()
        self.report(waiting)
        seen = self.await_steps(since, [*in_step, *waiting])
        return tuple(sorted(seen[node] - began for node in some) for some in (in_step, waiting))

    def report(self, uuids):
        """The machines are done; nobody is told but the database."""
        ops, ids = models.operations, [nodes.get(self.database, uuid)['operation'] for uuid in uuids]
        with self.database.write() as connection:
            connection.execute(sa.update(ops).where(ops.c.uuid.in_(ids)).values(report=json.dumps(
                {'seq': 1, 'result': 'done', 'data': {}})))


_NUMBERS = itertools.count()


class Requests:
    """Four clients that ask one thing after the other about ``uuids``, each about its own, while the context lasts."""

    def __init__(self, cluster, uuids):
        self.cluster, self.answers, self._ended = cluster, [], threading.Event()
        quarter = len(uuids) // 4
        parts = [uuids[quarter * n:quarter * (n + 1)] for n in range(4)]
        self._threads = [threading.Thread(target=self._work, args=(('look', 'change')[n % 2], part))
                         for n, part in enumerate(parts)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _work(self, kind, uuids):
        connection = http.client.HTTPConnection('127.0.0.1', self.cluster.port, timeout=PATIENCE)
        for uuid in itertools.cycle(uuids):
            if self._ended.is_set():
                connection.close()
                return
            began = time.monotonic()
            status, text = self._ask(connection, kind, uuid)
            self.answers.append(_Asked(kind, began, time.monotonic(), status if status < 400 else f'{status} {code(text)}'))
            self._ended.wait(0.02)

    def _ask(self, connection, kind, uuid):
        if kind == 'look':
            return self.cluster.ask('GET', f'{uuid}/validate', connection=connection)
        return self.cluster.ask('PUT', f'{uuid}/management/boot_device', {'boot_device': 'pxe'}, connection=connection)

    def until_served(self, began):
        """Until each of the four has its good answer to a request that it sent after ``began``, and a second more."""
        assert concurrency.wait_for(lambda: all(self._first(kind, began) for kind in ('look', 'change')), PATIENCE)
        time.sleep(1)

    def _first(self, kind, began):
        """When the first good answer came to a request that was sent after ``began``, or None."""
        return min((one.ended for one in list(self.answers)
                    if one.kind == kind and one.began > began and not isinstance(one.status, str)), default=None)

    def seen(self, began):
        found = {}
        for kind, words in (('look', 'questions'), ('change', 'changes')):
            mine = [one for one in self.answers if one.kind == kind and one.ended > began]
            found[f'{words} are answered again'] = self._first(kind, began) - began
            found[f'the longest of the {words}'] = max(one.ended - one.began for one in mine)
            found |= collections.Counter((words, one.status) for one in mine if isinstance(one.status, str))
        return found


def code(text):
    """The stable code of a refusal."""
    try:
        return json.loads(text)['code']
    except (ValueError, KeyError, TypeError):
        return text[:60]


def tell(words, seen):
    """Lines of the table: medians and worst, then how many were refused in all."""
    for what in [key for key in seen[0] if isinstance(key, str)]:
        values = [one[what] for one in seen]
        print(f'| {words} | {what} | {statistics.median(values):.2f} | {max(values):.2f} |')
    refused = sum((collections.Counter({key: value for key, value in one.items() if not isinstance(key, str)}) for one in seen),
                  collections.Counter())
    text = ', '.join(f'{count} {kind} with {status}' for (kind, status), count in sorted(refused.items())) or 'none'
    print(f'| {words} | refused in all | {text} | |', flush=True)


def tell_many(count, seen):
    for words, times in zip(('in a step', 'waiting for their machines, which report at once'), seen, strict=True):
        print(f'| killed with {count} under way | {len(times)} {words}: half of them, all go on | '
              f'{times[len(times) // 2]:.2f} | {times[-1]:.2f} |', flush=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
