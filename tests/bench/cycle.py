"""``make cycle``: nodes through manage, provide, active, deleted, by the real Ironic 39 and by Ingot, side by side on MariaDB.

    python -m tests.bench.cycle [--nodes 1000] [--theirs 40] [--clients 4] [--rounds 3]

Both are one process (API and one conductor) with fake hardware and without automated cleaning; then comes a conductor of Ingot
by itself, whose methods are called directly (tests/bench/alone.py). Each has a MariaDB of its own, and one works while the others
rest. Told are nodes a second for each verb (from the first request until the last node is there), CPU milliseconds of the
server's process, and the statements that MariaDB was sent (BEGIN and COMMIT among them) for a node.
"""

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import time
import urllib.parse

import orjson
import sqlalchemy as sa

from ingot.cli import stage
from ingot.db import node, port
from ingot.db.engine import Database
from tests import mariadb
from tests.bench import load, peer
from tests.clients import serve

#: Verb -> the state that it leads to.
LIFE = {'manage': 'manageable', 'provide': 'available', 'active': 'active', 'deleted': 'available'}
_POLL_SECONDS = 0.1
_PATIENCE = 600
_NODE = {'driver': 'fake-hardware', 'instance_info': {'image_source': 'http://127.0.0.1/image', 'image_checksum': '0' * 32}}


class Server:
    """One of the two: where it listens, its process, and its database."""

    def __init__(self, name, port, pid, url, count, clients):
        self.name, self.port, self.pid, self.count, self.clients = name, port, pid, count, clients
        self.engine = sa.create_engine(url, isolation_level='AUTOCOMMIT')
        self.lives = self.polls = 0

    def life(self):
        """{verb: (seconds, CPU ms a node, statements a node)} of new nodes."""
        self.lives += 1
        uuids = self._enrol()
        return {verb: self._ask(uuids, verb, state) for verb, state in LIFE.items()}

    def _enrol(self):
        bodies = ({**_NODE, 'name': f'life{self.lives}-{number}'} for number in range(self.count))
        made = self._send(('POST', '/v1/nodes', orjson.dumps(body), 201) for body in bodies)
        uuids = [orjson.loads(answer)['uuid'] for answer in made]
        cards = ({'node_uuid': uuid, 'address': _mac(self.lives, number)} for number, uuid in enumerate(uuids))
        self._send(('POST', '/v1/ports', orjson.dumps(card), 201) for card in cards)
        return uuids

    def _send(self, requests):
        return load.measure(self.port, self.pid, requests, self.clients)[2]

    def _ask(self, uuids, verb, state):
        self.polls = 0
        began, used, asked = time.monotonic(), load.cpu(self.pid), self._questions()
        self._order(uuids, verb)
        while not self._are_all(state):
            assert time.monotonic() < began + _PATIENCE, f'{self.name}: {verb}: {self._states()}'
            time.sleep(_POLL_SECONDS)
        seconds = time.monotonic() - began
        statements = self._questions() - asked - self.polls - 1
        return seconds, (load.cpu(self.pid) - used) * 1000 / self.count, statements / self.count

    def _order(self, uuids, verb):
        body = orjson.dumps({'target': verb})
        self._send(('PUT', f'/v1/nodes/{uuid}/states/provision', body, 202) for uuid in uuids)

    def _are_all(self, state):
        """Whether every node is in ``state``, and nobody works on any."""
        self.polls += 1
        with self.engine.connect() as connection:
            row = connection.exec_driver_sql(
                f"SELECT COUNT(*) FROM nodes WHERE name LIKE 'life{self.lives}-%%' AND "
                f"(provision_state <> '{state}' OR target_provision_state IS NOT NULL)").scalar()
        return not row

    def _states(self):
        with self.engine.connect() as connection:
            return connection.exec_driver_sql('SELECT provision_state, last_error, COUNT(*) FROM nodes GROUP BY 1, 2').all()

    def _questions(self):
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Questions'").one()[1])


class Conductor(Server):
    """One without an API: its nodes are written to its database, and orders are given to its process."""

    def __init__(self, process, url, count, clients):
        super().__init__('Ingot, the conductor alone', None, process.pid, url, count, clients)
        self._process, self._database = process, Database(url)

    def _enrol(self):
        names = [f'life{self.lives}-{number}' for number in range(self.count)]
        made = [node.create(self._database, {**_NODE, 'name': name, 'provision_state': 'enroll'}, (node.TABLE.c.uuid,))[0]
                for name in names]
        for number, uuid in enumerate(made):
            port.create(self._database, {'node_ident': uuid, 'address': _mac(self.lives, number)}, (port.TABLE.c.uuid,))
        return made

    def _order(self, uuids, verb):
        self._process.stdin.write(orjson.dumps({'verb': verb, 'nodes': uuids}) + b'\n')
        self._process.stdin.flush()
        self._process.stdout.readline()


def _mac(life, number):
    return f'52:54:00:{life:02x}:{number >> 8:02x}:{number & 255:02x}'


def main(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nodes', type=int, default=1000, help='of Ingot')
    parser.add_argument('--theirs', type=int, default=40, metavar='NODES', help='of Ironic; 0: Ingot alone')
    parser.add_argument('--clients', type=int, default=4)
    parser.add_argument('--rounds', type=int, default=3, help='lives of each node; the best one is told')
    options = parser.parse_args(words)
    with contextlib.ExitStack() as stack:
        servers = list(start(stack, options))
        print(f'{os.cpu_count()} cores, Python {platform.python_version()}, MariaDB, {options.clients} clients, '
              f'the best of {options.rounds} lives.\n')
        print('| | verb | nodes | a second | CPU ms a node | statements a node |\n|---|---|---|---|---|---|')
        for server in servers:
            tell(server, options.rounds)
    return 0


def start(stack, options):
    """The servers, each with a folder and a MariaDB of its own."""
    if options.theirs:
        folder, url = mariadb.place(stack, 'ironic')
        port, pid = stack.enter_context(peer.ironic(folder, url))
        yield Server('Ironic 39.0.0', port, pid, url, options.theirs, options.clients)
    folder, url = mariadb.place(stack, 'ingot')
    address, process = stack.enter_context(serve.ingot(folder, url, conductor__automated_clean=False,
                                                       conductor__enabled_drivers='fake-hardware'))
    yield Server('Ingot', urllib.parse.urlsplit(address).port, process.pid, url, options.nodes, options.clients)
    folder, url = mariadb.place(stack, 'conductor')
    process = stack.enter_context(_conductor(folder, url, options.clients))
    yield Conductor(process, url, options.nodes, options.clients)


@contextlib.contextmanager
def _conductor(folder, url, clients):
    with open(folder / 'conductor.log', 'wb') as told:
        process = subprocess.Popen([sys.executable, '-m', 'tests.bench.alone', url, folder, str(clients)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told)
    try:
        assert process.stdout.readline(), (folder / 'conductor.log').read_text()
        yield process
    finally:
        stage.end(process)
        process.wait(30)


def tell(server, rounds):
    """The lines of one server: of its fastest life."""
    lives = [server.life() for _ in range(rounds)]
    best = min(lives, key=lambda life: sum(seconds for seconds, _, _ in life.values()))
    count = server.count
    for verb, (seconds, cpu, statements) in best.items():
        print(f'| {server.name} | {verb} | {count} | {count / seconds:.1f} | {cpu:.1f} | {statements:.0f} |')
    seconds, cpu, statements = (sum(column) for column in zip(*best.values(), strict=True))
    print(f'| {server.name} | whole life | {count} | {count / seconds:.1f} | {cpu:.1f} | {statements:.0f} |', flush=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
