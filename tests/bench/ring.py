"""``make ring``: nodes that move when conductors come and go, and what 100,000 nodes cost one conductor of 16.

    python -m tests.bench.ring [--nodes 100000] [--conductors 16] [--databases sqlite,mariadb,postgresql] [--seconds 20]

The first table is arithmetic, over 20 choices of host names. The second: what a conductor, and a client who lists its nodes, ask
the database for again and again; one node in fifty is deployed now, and waits for its machine. The third: one conductor by
itself, its periodic work running, nothing to do but to read the power of its share every 120 s.
"""

import argparse
import collections
import pathlib
import re
import sys
import tempfile
import time
import uuid

import sqlalchemy as sa

from ingot import config, ring
from ingot.conductor.service import Service
from ingot.db import clock, lease, models, power, schema
from ingot.db import conductor as conductors
from ingot.db import node as nodes
from ingot.db import operation as operations
from ingot.db import queue as line
from ingot.db.engine import Database, now
from ingot.drivers import registry
from tests import databases

DRIVER, BATCH, CHOICES = 'fake-hardware', 5000, 20
_PLANS = {'sqlite': 'EXPLAIN QUERY PLAN ', 'mariadb': 'EXPLAIN ', 'postgresql': 'EXPLAIN '}
#: What says in a plan that a whole table is read, and what names an index.
_SCANS = {'sqlite': r'SCAN (nodes|operations)(?! USING)', 'mariadb': r'(nodes|operations) ALL',
          'postgresql': r'Seq Scan on (nodes|operations)'}
_INDEX = r'\b(?:ix|pk|uq)_\w+|PRIMARY KEY|PRIMARY'


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nodes', type=int, default=100_000)
    parser.add_argument('--conductors', type=int, default=16)
    parser.add_argument('--databases', type=lambda text: text.split(','), default=list(databases.KINDS))
    parser.add_argument('--seconds', type=float, default=20)
    options = parser.parse_args(words)
    tell_moves(options.nodes)
    print(f'{options.nodes:,} nodes, {options.conductors} conductors; ms, the best of three.\n\n'
          '| database | what | rows | ms | index |\n|---|---|---|---|---|', flush=True)
    alone = []
    for kind in options.databases:
        databases.kind = kind
        with tempfile.TemporaryDirectory(prefix='ingot-ring-') as folder:
            database = Database(databases.new(pathlib.Path(folder)))
            schema.upgrade(database)
            fill(database, options.nodes, options.conductors)
            tell_queries(database, kind)
            alone.append((kind, *by_itself(database, folder, options.seconds)))
            database.close()
    print('\n| database | CPU of the conductor, % of a core | statements a second | transactions a second |\n|---|---|---|---|')
    for kind, share, statements, transactions in alone:
        print(f'| {kind} | {share:.1f} | {statements:.1f} | {transactions:.1f} |')
    return 0


def uuid_of(number):
    """The uuid of a node."""
    return str(uuid.UUID(int=number * 0x9e3779b97f4a7c15f39cc0605cedc835 % 2**128))


# Nodes that move.


def hosts(count, choice):
    return [f'conductor-{choice}-{number}.example.org' for number in range(count)]


def owners(names, slots):
    made = ring.Ring([{'hostname': name, 'conductor_group': '', 'drivers': [DRIVER]} for name in names])
    return [made.host(slot, '', DRIVER) for slot in slots]


def tell_moves(count):
    slots = [ring.slot(uuid_of(number)) for number in range(count)]
    print(f'{count:,} nodes, {CHOICES} choices of names; moved: share of all nodes, times the number of conductors (1.0 is the '
          'least possible, 1.5 allowed); load: the largest by the mean.\n\n| conductors | one more joins, mean | worst '
          '| one leaves, mean | worst | load, mean | worst | CPU ms to build |\n|---|---|---|---|---|---|---|---|')
    for number in (2, 3, 4, 8, 16):
        joins, leaves, balance, built = [], [], [], []
        for choice in range(CHOICES):
            for cache in (ring._owners, ring._share, ring._ranks):
                cache.cache_clear()
            names, began = hosts(number, choice), time.process_time()
            owners(names, slots[:1])
            built.append(time.process_time() - began)
            present = owners(names, slots)
            joins.append(moved(present, owners([*names, 'newcomer'], slots)) * (number + 1))
            leaves.append(moved(present, owners(names[1:], slots)) * number)
            balance.append(max(collections.Counter(present).values()) * number / count)
        figures = [f(values) for values in (joins, leaves, balance) for f in (mean, max)]
        print(f'| {number} | {" | ".join(f"{one:.2f}" for one in figures)} | {mean(built) * 1000:.1f} |', flush=True)
    print()


def moved(before, after):
    return sum(old != new for old, new in zip(before, after, strict=True)) / len(before)


def mean(values):
    return sum(values) / len(values)


# What is asked for again and again.


def fill(database, count, number):
    """The conductors, the nodes, and operations of the fiftieth part of them."""
    for name in hosts(number, 0):
        conductors.register(database, name, {DRIVER: {'interfaces': {}, 'properties': {}}}, seconds=100_000)
    spread = 120 / count
    for start in range(1, count + 1, BATCH):
        some = [{'id': one, 'uuid': uuid_of(one), 'driver': DRIVER,
                 'created_at': now(), 'power_state': 'power on', 'power_checked_at': clock.time() - one * spread,
                 'provision_state': 'active' if one % 50 else 'wait call-back',
                 'operation': None if one % 50 else f'op-{one}'}
                for one in range(start, min(start + BATCH, count + 1))]
        done = [{'uuid': f'{"op" if number == 2 else f"done{number}"}-{one["id"]}', 'node_id': one['id'], 'flow': 'deploy',
                 'status': 'waiting' if number == 2 else 'done', 'created_at': now(), 'deadline_at': clock.time() + 1800,
                 'heard_at': clock.time() + 100_000} for one in some for number in (range(3) if one['operation'] else range(2))]
        with database.write() as connection:
            connection.execute(sa.insert(models.nodes), some)
            connection.execute(sa.insert(models.operations), done)
    with database.write() as connection:                # as servers do by themselves, some time later; SQLite does not
        for table in ('nodes', 'operations') if databases.kind != 'sqlite' else ():
            connection.exec_driver_sql(f'ANALYZE {"TABLE " if databases.kind == "mariadb" else ""}{table}')


def tell_queries(database, kind):
    me = hosts(1, 0)[0]
    made = conductors.ring(database)
    mine, conf = made.share(me), config.load()
    asked, listed = (nodes.SHOWN['uuid'], nodes.SHOWN['conductor']), {'conductor': (me, mine)}
    for words, ask in (
            ('list its nodes, a page of 1,000', lambda: nodes.rows(database, asked, listed)),
            ('list its nodes, the last page', lambda: nodes.rows(database, asked, listed, marker=last(database))),
            ('count its nodes (every 30 s)', lambda: [power.count(database, (), mine)]),
            ('whose power is due (each second)', lambda: power.due(database, 119, (), mine, limit=50)),
            ('what lost its conductor (each 0.5 s)', lambda: lease.abandoned(database)),
            ('machines to look after (each second)', lambda: machines(database, conf)),
            ('whether anything is queued (each second)', lambda: [line.is_waiting(database)]),
            ('who is there (each 0.5 s)', lambda: conductors.alive(database))):
        rows, seconds, index = timed(database, kind, ask)
        print(f'| {kind} | {words} | {rows if rows is not None else ""} | {seconds * 1000:.1f} | {index} |', flush=True)


def machines(database, conf):
    return operations.waiting(database, conf.conductor.silence_timeout, conf.conductor.deploy_timeout)


def last(database):
    with database.read() as connection:
        uuids = sa.select(models.nodes.c.uuid).order_by(models.nodes.c.id.desc())
        return connection.execute(uuids.offset(2000).limit(1)).scalar()


def timed(database, kind, ask):
    """(rows of the answer, seconds, the indexes that served it) of the best of three."""
    said = []

    def hear(connection, cursor, statement, parameters, context, many):
        if statement.lstrip().startswith(('SELECT', 'WITH')) and ('nodes' in statement or 'operations' in statement):
            said.append((statement, parameters))
    answer = ask()
    best = min(seconds_of(ask) for _ in range(3))
    sa.event.listen(database.engine, 'before_cursor_execute', hear)
    ask()
    sa.event.remove(database.engine, 'before_cursor_execute', hear)
    return len(answer), best, plan_of(database, kind, said)


def seconds_of(ask):
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def plan_of(database, kind, said):
    """What the server says that it does: the indexes, and whether it reads a whole table."""
    found, scans = [], False
    with database.read() as connection:
        for statement, parameters in said:
            rows = connection.exec_driver_sql(_PLANS[kind] + statement, parameters).mappings().all()
            if kind == 'mariadb':                       # which it also tells that it could have used
                rows = [{name: row[name] for name in ('table', 'type', 'key')} for row in rows]
            plan = '\n'.join(' '.join(map(str, row.values())) for row in rows)
            found += re.findall(_INDEX, plan)
            scans = scans or bool(re.search(_SCANS[kind], plan))
    return ', '.join(sorted({one.lower() for one in found})) + (' **and a whole table**' if scans else '')


# One conductor by itself.


def by_itself(database, folder, seconds):
    """(CPU in % of a core, statements and transactions a second) of one that has nothing to do but its periodic work."""
    conf = config.load(state_dir=folder, host=hosts(1, 0)[0], conductor__enabled_drivers=[DRIVER])
    service, counts = Service(conf, database, registry.load(conf)), collections.Counter()
    with database.write() as connection:
        connection.execute(sa.update(models.nodes).values(power_checked_at=clock.time() - models.nodes.c.id % 120))
    service.start()
    time.sleep(5)
    sa.event.listen(database.engine, 'before_cursor_execute', lambda *_: counts.update(['statement']))
    sa.event.listen(database.engine, 'checkout', lambda *_: counts.update(['transaction']))
    used, began = time.process_time(), time.monotonic()
    time.sleep(seconds)
    used, passed = time.process_time() - used, time.monotonic() - began
    found = used / passed * 100, counts['statement'] / passed, counts['transaction'] / passed
    service.stop()
    return found


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
