"""``make agents``: how many whole lives of agents one listener for machines serves, and what a fleet costs.

    python -m tests.bench.agents [--machines 100,1000] [--idle 10000] [--image-mib 2048] [--database sqlite|mariadb|postgresql]

A life is hello, the plan, its events and the report, as real machines have them: real HTTP, a connection a call. The listener
is a process of its own, without a conductor: what comes after the report is not counted. All machines start at once.
"""

import argparse
import gc
import hashlib
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import uuid

import sqlalchemy as sa

from ingot import concurrency, config
from ingot.api import app, server
from ingot.cli import process, stage
from ingot.conductor import plan
from ingot.db import models, operation, row
from ingot.db.engine import Database, now
from ingot.drivers import base
from ingot.lab.fleet.world import World
from tests import databases
from tests.bench import load

CHUNK, MIB = 4 << 20, 1 << 20


class NoConductor:
    """Whom the listener tells of a report."""

    def continue_operation(self, uuid):
        pass


def serve(folder, url, port):
    """The process of the listener."""
    conf = config.load(state_dir=folder, agent__port=port, database__connection=url)
    database = Database(url)
    listener = server.Server(app.build_machine_side(conf, database, NoConductor()), '127.0.0.1', port, conf.api.threads)
    return process.run(process.Parts([listener], [database]), lambda: 'ready')


def seed(database, count, mib):
    """[(operation, token)] of so many nodes that wait for their machine."""
    found = []
    chunks = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(max(1, mib * MIB // CHUNK))]
    image = base.Image('/image', 'sha256:x', base.Manifest(len(chunks) * CHUNK, CHUNK, [(0, len(chunks) * CHUNK)], chunks))
    with database.write() as connection:
        for _ in range(count):
            node = {'uuid': str(uuid.uuid4()), 'driver': 'fake-hardware', 'created_at': now(),
                    'provision_state': 'wait call-back'}
            done = connection.execute(sa.insert(models.nodes).values(row.dump(models.nodes, node)))
            node |= {'id': done.inserted_primary_key[0], 'instance_info': {}, 'properties': {}}
            values = operation.new(node, 'deploy', seconds=3600)
            export = base.Export('127.0.0.1', 3260, f'iqn.2026-11.bench:{values["uuid"]}', 1, 'user', 'secret')
            actions = plan.write_actions(node, image, export, None)
            token = secrets.token_urlsafe(32)
            operation.insert(connection, values | {'status': 'waiting', 'plan': plan.build(node, values, 1800, actions)})
            operation.mint(connection, values['uuid'], token, 'here')
            found.append((values['uuid'], token))
    return found


def measure(folder, count, mib):
    """(lives a second, calls a life, CPU ms a life of the listener, of the fleet, MiB of the fleet at its most)."""
    database = databases.empty(folder, f'bench{count}')
    waiting = seed(database, count, mib)
    port, = stage.free_ports(1)
    words = [sys.executable, '-m', 'tests.bench.agents', '--serve', str(folder),
             database.url.render_as_string(hide_password=False), str(port)]
    listener = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert listener.stdout.readline() == 'ready\n'
        lines = {mac: f'ingot.api=http://127.0.0.1:{port} ingot.operation={operation} ingot.token={token}'
                 for mac, (operation, token) in zip(macs(count), waiting, strict=True)}
        return live(listener.pid, count, lines, database)
    finally:
        stage.end(listener)
        database.close()


def live(pid, count, lines, database):
    world = World(count, lines=lines.get, boot_seconds=0, write_seconds=0)
    world.start()
    used, own, began, before = load.cpu(pid), time.process_time(), time.monotonic(), memory()
    most = before
    for number in range(count):
        world.switch(number, 'on')

    def is_over():
        nonlocal most
        most = max(most, memory())
        return all(machine.counts['ramdisk'] and not machine.is_on for machine in world.machines)
    assert concurrency.wait_for(is_over, 600, every=0.05), 'machines are still at work'
    seconds, own, used = time.monotonic() - began, time.process_time() - own, load.cpu(pid) - used
    world.stop()
    with database.read() as connection:
        reports = connection.execute(sa.select(sa.func.count()).where(models.operations.c.report.is_not(None))).scalar()
    assert reports == count, f'{reports} of {count} have reported'
    return count / seconds, 1000 * used / count, 1000 * own / count, most - before


def macs(count):
    return [machine.mac for machine in World(count, lines=lambda mac: None).machines]


def memory():
    """MiB that this process has in memory."""
    return int(pathlib.Path('/proc/self/statm').read_text().split()[1]) / 256


def idle(count):
    """MiB of so many machines that were switched on, found nothing to netboot, and stay."""
    gc.collect()
    before = memory()
    world = World(count, lines=lambda mac: None, boot_seconds=0)
    world.start()
    for number in range(count):
        world.switch(number, 'on')
    assert concurrency.wait_for(lambda: all(machine.stage == 'nothing' for machine in world.machines), 120)
    most = memory() - before
    world.stop()
    return most


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--machines', type=lambda text: [int(part) for part in text.split(',')], default=[100, 1000])
    parser.add_argument('--idle', type=int, default=10_000)
    parser.add_argument('--image-mib', type=int, default=2048)
    parser.add_argument('--database', choices=databases.KINDS, default='sqlite')
    parser.add_argument('--serve', nargs=3, metavar=('FOLDER', 'URL', 'PORT'), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.serve:
        return serve(*options.serve[:2], int(options.serve[2]))
    databases.kind = options.database
    print(f'{options.idle:,} machines, switched on and idle: {idle(options.idle):.0f} MiB')
    print(f'\nImage of {options.image_mib} MiB, {options.database}:\n')
    print('| machines at once | lives/s | listener, CPU ms a life | fleet, CPU ms a life | fleet, MiB |')
    print('|---|---|---|---|---|')
    with tempfile.TemporaryDirectory(prefix='ingot-bench-') as folder:
        for count in options.machines:
            rate, served, own, mib = measure(pathlib.Path(folder), count, options.image_mib)
            print(f'| {count:,} | {rate:.0f} | {served:.1f} | {own:.1f} | {mib:.0f} |', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
