"""``make claims``: 16 schedulers over 500 nodes on MariaDB, some of them killed; and allocations over HTTP beside Ironic 39.

    python -m tests.bench.claims [--schedulers 16] [--requests 1000] [--nodes 500] [--kills 4] [--theirs 60] [--clients 4]

Each scheduler is a process that asks for gangs of 1 to 4 nodes with devices, by the code that the API runs, and gives back two of
three of them. ``--kills`` of them end by SIGKILL at a random moment, and others take their place. Afterwards the tables are
looked at: what is anybody's twice, what is part of a gang that is not whole, what belongs to nobody that there is. Then one API
process of each kind is asked for single nodes: from the request until the answer to it is known, then it is given back.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import platform
import random
import subprocess
import sys
import time
import urllib.parse

import orjson
import sqlalchemy as sa

from ingot.db import allocation, decision, models, schema
from ingot.db.engine import Database
from tests import mariadb
from tests.bench import load, peer
from tests.clients import serve
from tests.db import stock

_SHOWN = (allocation.TABLE.c.uuid,)
_GPU, _CARD = {'flavors': ['gpu']}, {'flavors': ['card', 'slice']}
_REQUESTS = ({'pci': [_GPU]}, {'pci': [{**_GPU, 'count': 2}], 'count': 2}, {'pci': [_GPU, _CARD], 'count': 4}, {'count': 3})


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--schedulers', type=int, default=16)
    parser.add_argument('--requests', type=int, default=1000, help='of each scheduler')
    parser.add_argument('--nodes', type=int, default=500)
    parser.add_argument('--kills', type=int, default=4)
    parser.add_argument('--theirs', type=int, default=60, metavar='REQUESTS', help='to each API; 0: no APIs')
    parser.add_argument('--clients', type=int, default=4)
    parser.add_argument('--worker', nargs=2, metavar=('URL', 'SEED'), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.worker:
        return work(options.worker[0], int(options.worker[1]), options.requests)
    print(f'{os.cpu_count()} cores, Python {platform.python_version()}, MariaDB; load {os.getloadavg()[0]:.1f}.\n')
    with contextlib.ExitStack() as stack:
        flaws = race(mariadb.place(stack, 'claims'), options)
        if options.theirs:
            beside(stack, options)
    return 1 if flaws else 0


def work(url, seed, requests):
    """One scheduler: prints what it did, as JSON, at its end."""
    database, chance = Database(url), random.Random(seed)
    told = {'asked': 0, 'granted': 0, 'nodes': 0, 'decisions': 0}
    decide = decision.decide

    def count(*args, **kwargs):
        told['decisions'] += 1
        return decide(*args, **kwargs)
    decision.decide, mine, times = count, [], []
    for _ in range(requests):
        wanted, began = chance.choice(_REQUESTS), time.monotonic()
        [uuid] = allocation.create(database, {'resource_class': 'gold'}, _SHOWN, wanted)
        times.append(time.monotonic() - began)
        state = allocation.STORE.get(database, uuid)['state']
        told['asked'] += 1
        told['granted'] += state == 'active'
        told['nodes'] += wanted.get('count', 1) * (state == 'active')
        mine.append(uuid)
        if state != 'active' or chance.random() < 0.67:
            allocation.delete(database, mine.pop(), is_gang=True)
        while len(mine) > 5:
            allocation.delete(database, mine.pop(0), is_gang=True)
    times.sort()
    print(json.dumps({**told, 'p50': times[len(times) // 2], 'p95': times[len(times) * 95 // 100], 'slowest': times[-1]}))
    return 0


def race(placed, options):
    """Run the schedulers, kill some, look at the tables; prints the table, returns the flaws."""
    folder, url = placed
    database = Database(url)
    schema.upgrade(database)
    stock.fill(database, options.nodes)
    began = time.monotonic()
    told, killed = run(database, url, folder, options)
    seconds = time.monotonic() - began
    flaws = [*stock.flaws(database), *left_over(database)]
    total = {name: sum(one[name] for one in told) for name in ('asked', 'granted', 'nodes', 'decisions')}
    retries = total['decisions'] - total['asked']
    print('| schedulers | killed -9 | nodes | requests | granted | claims of nodes a second | requests a second | decided again |'
          ' p50 ms | p95 ms | flaws |\n|---|---|---|---|---|---|---|---|---|---|---|')
    middle = len(told) // 2
    p50, p95 = (sorted(one[name] for one in told)[middle] * 1000 for name in ('p50', 'p95'))
    print(f'| {options.schedulers} | {killed} | {options.nodes} | {total["asked"]} | {total["granted"]} | '
          f'{total["nodes"] / seconds:.0f} | {total["asked"] / seconds:.0f} | {retries} ({retries / total["asked"]:.2f} a '
          f'request) | {p50:.0f} | {p95:.0f} | {len(flaws)} |\n', flush=True)
    print(*flaws[:20], sep='\n')
    database.close()
    return flaws


def left_over(database):
    """What was begun and is neither done nor undone."""
    made = models.allocations
    with database.read() as connection:
        return [f'allocation {uuid} is still being decided' for uuid in connection.execute(
            sa.select(made.c.uuid).where(made.c.state == 'allocating')).scalars()]


def run(database, url, folder, options):
    """(what each scheduler that lived has told, how many were killed in the middle of their work)."""
    def start(seed):
        with open(folder / f'out{seed}', 'wb') as out:
            words = ['--worker', url, str(seed), '--requests', str(options.requests)]
            process = subprocess.Popen([sys.executable, '-m', 'tests.bench.claims', *words], stdout=out, stderr=out)
        return process, pathlib.Path(out.name)
    running, chance, killed, told = [start(seed) for seed in range(options.schedulers)], random.Random(1), 0, []
    seed = options.schedulers
    while running:
        time.sleep(chance.uniform(0.5, 2))
        alive = [process for process, _ in running if process.poll() is None]
        if killed < options.kills and alive and is_under_way(database, options):
            process = chance.choice(alive)
            process.kill()
            process.wait()
            killed += 1
            running = [one for one in running if one[0] is not process]
            running.append(start(seed))
            seed += 1
        ended = [one for one in running if one[0].poll() is not None]
        for process, out in ended:
            assert process.returncode == 0, out.read_text()[-3000:]
            told.append(json.loads(out.read_text().splitlines()[-1]))
        running = [one for one in running if one not in ended]
    return told, killed


def is_under_way(database, options):
    """Whether as many allocations were made as there are schedulers: who dies before has done nothing yet."""
    with database.read() as connection:
        return (connection.execute(sa.select(sa.func.max(models.allocations.c.id))).scalar() or 0) > 4 * options.schedulers


def beside(stack, options):
    """The allocation API of both, asked for single nodes by ``--clients``."""
    print('| | requests | allocations a second | p50 ms | CPU ms of the server |\n|---|---|---|---|---|')
    folder, url = mariadb.place(stack, 'ironic')
    port, pid = stack.enter_context(peer.ironic(folder, url))
    tell('Ironic 39.0.0', port, pid, url, options)
    folder, url = mariadb.place(stack, 'ingot')
    address, process = stack.enter_context(serve.ingot(folder, url, conductor__enabled_drivers='fake-hardware'))
    tell('Ingot', urllib.parse.urlsplit(address).port, process.pid, url, options)


def tell(name, port, pid, url, options):
    asyncio.run(_enrol(port, 100))
    with sa.create_engine(url, isolation_level='AUTOCOMMIT').connect() as connection:
        connection.exec_driver_sql("UPDATE nodes SET provision_state = 'available', power_state = 'power off'")
    began, used = time.monotonic(), load.cpu(pid)
    times = sorted(asyncio.run(_allocate(port, options)))
    seconds = time.monotonic() - began
    print(f'| {name} | {len(times)} | {len(times) / seconds:.1f} | {times[len(times) // 2] * 1000:.0f} | '
          f'{(load.cpu(pid) - used) * 1000 / len(times):.1f} |', flush=True)


async def _enrol(port, count):
    connection = load.Connection(port)
    for number in range(count):
        status, body = await connection.ask('POST', '/v1/nodes', orjson.dumps(
            {'name': f'n{number}', 'driver': 'fake-hardware', 'resource_class': 'gold'}))
        assert status == 201, body
    connection.close()


async def _allocate(port, options):
    """Seconds of each allocation, from its request until it is known to be active."""
    left, times = iter(range(options.theirs)), []

    async def client():
        connection = load.Connection(port)
        for _ in left:
            began = time.monotonic()
            status, body = await connection.ask('POST', '/v1/allocations', orjson.dumps({'resource_class': 'gold'}))
            assert status == 201, body
            uuid, found = orjson.loads(body)['uuid'], {'state': 'allocating'}
            while found['state'] == 'allocating':
                found = orjson.loads((await connection.ask('GET', f'/v1/allocations/{uuid}'))[1])
            times.append(time.monotonic() - began)
            assert found['state'] == 'active', found
            status, body = await connection.ask('DELETE', f'/v1/allocations/{uuid}')
            assert status == 204, body
        connection.close()
    await asyncio.gather(*(client() for _ in range(options.clients)))
    return times


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
