"""``make power``: how long one conductor takes to read the power of many machines, and what that costs.

    python -m tests.bench.power [--bmcs 1000,10000] [--database sqlite] [--silent 0.3]

For each number of BMCs: a fleet in a process of its own, and a conductor in another, which is measured. The first round logs
in to every BMC; later rounds have sessions. Then the conductor works by itself, as it always does, and the age of the oldest
look is watched; and a round in which a share of the BMCs fell silent.
"""

import argparse
import contextlib
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import time

import sqlalchemy as sa

from ingot import concurrency, config
from ingot.cli import process as processes
from ingot.cli import stage
from ingot.conductor.service import Service
from ingot.db import models, row
from ingot.db.engine import Database, now
from ingot.drivers import registry
from ingot.lab.fleet import identity
from tests import databases

_ROUNDS = 3
#: Nodes a second that the conductor is to keep up with, working by itself.
_RATE = 500
_NODES = models.nodes


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bmcs', type=lambda text: [int(part) for part in text.split(',')], default=[1000, 10_000])
    parser.add_argument('--database', choices=databases.KINDS, default='sqlite')
    parser.add_argument('--silent', type=float, default=0.3, metavar='SHARE')
    parser.add_argument('--conductor', metavar='FILE', help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.conductor:
        return measure(**json.loads(pathlib.Path(options.conductor).read_text()))
    databases.kind = options.database
    print(f'Database: {options.database}.\n')
    print('| BMCs | what | seconds | CPU ms of the conductor a BMC | MiB |\n|---|---|---|---|---|')
    for count in options.bmcs:
        with tempfile.TemporaryDirectory(prefix='ingot-power-') as folder:
            run(pathlib.Path(folder), count, options.silent)
    return 0


def run(folder, count, share):
    """The lines of ``count`` BMCs."""
    database = databases.empty(folder)
    with fleet(folder, count) as (port, pid):
        fill(database, count, port)
        say(count, 'the fleet itself', '', '', f'{memory(pid):.0f}')
        conductor(folder, database, count=count)
    with fleet(folder, count, {'faults': [{'share': share, 'silent': True}]}) as (port, _):
        fill(database, count, port)
        conductor(folder, database, count=count, silent=round(share * count))
    database.close()


@contextlib.contextmanager
def fleet(folder, count, plan=None):
    """(port, process id) of a fleet."""
    (folder / 'plan.json').write_text(json.dumps(plan or {'faults': []}))
    process = subprocess.Popen([sys.executable, '-m', 'ingot.cli.main', 'fleet', '--count', str(count), '--port', '0', '--faults',
                                str(folder / 'plan.json')], stdout=subprocess.PIPE, text=True)
    try:
        greeting = process.stdout.readline()
        yield int(greeting.partition('UDP port ')[2].partition(',')[0]), process.pid
    finally:
        stage.end(process)
        process.stdout.close()


def fill(database, count, port):
    """Active nodes, whose power is known and is to be read now."""
    rows = [row.dump(_NODES, {
        'uuid': identity.node(0, number), 'name': identity.name(number), 'driver': 'ipmi', 'created_at': now(),
        'provision_state': 'active', 'power_state': 'power off', 'driver_info': identity.access(0, number, address, port)})
        for number, address in enumerate(identity.addresses(count))]
    with database.write() as connection:
        connection.execute(sa.delete(_NODES))
        connection.execute(sa.insert(_NODES), rows)


def conductor(folder, database, **work):
    """Measure in a process of its own, whose memory and CPU time are those of one conductor."""
    script = folder / 'work.json'
    script.write_text(json.dumps({'url': database.url.render_as_string(hide_password=False), 'folder': str(folder), **work}))
    subprocess.run([sys.executable, '-m', 'tests.bench.power', '--conductor', str(script)], check=True)


def measure(url, folder, count, silent=None):
    """In the conductor's process; everything is due at once, all the time."""
    processes.limit_heaps()
    logging.disable(logging.WARNING)       # a line for each silent BMC
    conf = config.load(state_dir=folder, conductor__enabled_drivers=['ipmi'], conductor__power_sync_seconds=0.001)
    bench = Bench(conf, url, count)
    try:
        bench.silence(silent) if silent is not None else bench.rounds()
    finally:
        bench.close()
    return 0


class Bench:
    def __init__(self, conf, url, count):
        self.count, self.database = count, Database(url)
        self.drivers = registry.load(conf)
        self.drivers.start()
        self.conf, self.sync = conf, Service(conf, self.database, self.drivers).crew.sync

    def close(self):
        self.drivers.stop()
        self.database.close()

    def rounds(self):
        say(self.count, 'before the first round', '', '', f'{memory("self"):.0f}')
        for number in range(_ROUNDS):
            self.round(f'round {number + 1}: {"log in, read" if not number else "read"}')
        self.by_itself()

    def round(self, title):
        began, cpu = time.time(), time.process_time()
        while self.oldest() < began:
            self.sync.turn(is_whole=True)
        seconds, cpu = time.time() - began, time.process_time() - cpu
        say(self.count, title, f'{seconds:.2f}', f'{cpu / self.count * 1000:.2f}', f'{memory("self"):.0f}')

    def by_itself(self):
        """The whole conductor, its periodic work included: what it takes, and how old the oldest look gets."""
        every = self.count / _RATE
        self.conf.set_override('power_sync_seconds', every, 'conductor')
        service = Service(self.conf, self.database, self.drivers)
        service.start()
        begun_at = time.time()
        concurrency.wait_for(lambda: self.oldest() > begun_at, 5 * every)
        began, cpu, ages = time.monotonic(), time.process_time(), []
        concurrency.wait_for(lambda: ages.append(time.time() - self.oldest()), max(3 * every, 10), every=0.5)
        seconds = time.monotonic() - began
        load = (time.process_time() - cpu) / seconds
        service.stop()
        say(self.count, f'by itself, each one every {every:.0f} s: oldest look, and load', f'{max(ages):.1f}',
            f'{load / _RATE * 1000:.2f} ({load:.0%} of a core)', f'{memory("self"):.0f}')

    def silence(self, silent):
        """A round in which many are silent: the others are not held up."""
        began, answered = time.time(), None
        while self.oldest() < began:
            self.sync.turn()
            if answered is None and self.ask(sa.func.count(), _NODES.c.power_checked_at >= began,
                                             _NODES.c.power_failures == 0) >= self.count - silent:
                answered = time.time() - began
        say(self.count, f'{silent} silent: until the others are read; until all have failed', f'{answered:.1f}; '
            f'{time.time() - began:.1f}', '', f'{memory("self"):.0f}')

    def oldest(self):
        return self.ask(sa.func.min(_NODES.c.power_checked_at))

    def ask(self, what, *where):
        with self.database.read() as connection:
            return connection.execute(sa.select(what).select_from(_NODES).where(*where)).scalar()


def say(*cells):
    print(f'| {" | ".join(map(str, cells))} |', flush=True)


def memory(pid):
    """MiB of a process."""
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith('VmRSS'))) / 1024


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
