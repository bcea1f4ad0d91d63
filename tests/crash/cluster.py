"""A site of real processes: an API, conductors, RabbitMQ and a database server; machines that outlive them all."""

import collections
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import sqlalchemy as sa

from ingot import concurrency
from ingot.cli import stage
from ingot.db import models
from ingot.db.engine import Database
from ingot.db.operation import LIVE
from ingot.lab.fleet import identity
from tests import mariadb, postgresql
from tests.cli.processes import INGOT
from tests.crash.machines import Machines
from tests.rabbit import Broker

SERVERS = {'mariadb': mariadb.Server, 'postgresql': postgresql.Server}
#: Seconds for something that takes a few.
LONG = 120
_VERSION = {'X-OpenStack-Ironic-API-Version': '1.95', 'Content-Type': 'application/json'}
#: Whoever plays the agent is the machine itself.
SILENT = {'fake': {'deploy.machine_report': {'silent': True}}}
IMAGE = ('/instance_info', {'image_source': 'file:///image'})
#: State -> the verb that leads nearer to available, and the state in which it ends.
_BACK = {'enroll': ('manage', 'manageable'), 'manageable': ('provide', 'available'),
         **dict.fromkeys(('active', 'rescue', 'deploy failed'), ('deleted', 'available'))}
_NODE = ('uuid', 'provision_state', 'target_provision_state', 'target_power_state', 'power_state', 'last_error', 'operation',
         'lock_owner', 'lock_expires_at', 'maintenance')
_ROWS = sa.select(*(models.nodes.c[name] for name in _NODE))


class Answer(NamedTuple):
    status: int
    body: object
    seconds: float


class Cluster:
    """``with Cluster(folder, count=...) as cluster``: all of it is up, its nodes are enrolled.

    :param count: machines. :param options: {'group.name': value} for all processes. :param urls: {name: URL of the database for
        this conductor}, a function of the real URL, where it is another one.
    """

    def __init__(self, folder, *, count, database='mariadb', names=('c1', 'c2', 'c3'), options=None, urls=None, driver_info=None):
        self.folder, self.count, self.names, self._urls = folder, count, names, urls or {}
        self._driver_info = driver_info or (lambda number: SILENT)
        self._stack, self.conductors = contextlib.ExitStack(), {}
        for name in ('broker', 'database'):
            (folder / name).mkdir()
            (folder / name).chmod(0o755)
        self.broker, self.server = Broker(folder / 'broker'), SERVERS[database](folder / 'database')
        self._options = options or {}
        self._ports, self._excused = stage.free_ports(2), set()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._stack = stack
            for server in (self.broker, self.server):
                stack.callback(server.stop)
                server.start()
            self._prepare()
            self.machines = Machines(self.count, self.folder / 'machines', self.database)
            self.machines.start()
            stack.callback(self.machines.stop)
            self.nodes = self.machines.nodes
            stack.callback(self._end)
            self.api = self._spawn('api', [*INGOT, 'api', *self._words('api', self._url())])
            for name in self.names:
                self.begin(name)
            for name in self.names:
                self.await_start(name)
            self.await_alive(*self.names)
            for number in range(self.count):
                self._enrol(number)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _prepare(self):
        """An empty database with the schema; the clock file of each conductor."""
        self._create()
        subprocess.run([*INGOT, 'db', 'upgrade', *self._words('db', self._url())], check=True, capture_output=True)
        self.database = Database(self._url())
        self._stack.callback(self.database.close)
        for name in self.names:
            (self.folder / f'{name}.clock').write_text('0')

    def _create(self):
        place = 'postgres' if 'postgresql' in self.server.url else 'mysql'
        engine = sa.create_engine(f'{self.server.url}/{place}', isolation_level='AUTOCOMMIT')
        with engine.connect() as connection:
            connection.exec_driver_sql('CREATE DATABASE ingot')
        engine.dispose()

    def _url(self):
        return f'{self.server.url}/ingot'

    def _words(self, name, url):
        api, agent = self._ports
        options = {'database.connection': url, 'rpc.transport_url': self.broker.url, 'rpc.timeout': 10, 'boot.port': 0,
                   'api.port': api, 'agent.port': agent, 'conductor.enabled_drivers': 'fake-hardware', 'host': name,
                   'workers': 128, **self._options}
        return ['--state-dir', str(self.folder / name), *(f'--set={key}={value}' for key, value in options.items())]

    # Processes.

    def _spawn(self, name, command):
        process = self._start(name, command)
        assert process.stdout.readline(), self.log(name)[-3000:]
        return process

    def _start(self, name, command):
        with open(self.folder / f'{name}.log', 'a') as log:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)

    def begin(self, name):
        """Start a conductor; it may take a moment (``await_start``)."""
        url = self._urls.get(name, lambda url: url)(self._url())
        self.conductors[name] = self._start(name, [
            sys.executable, '-m', 'tests.crash.conductor', self.machines.address, name, str(self.folder / f'{name}.clock'),
            'conductor', *self._words(name, url)])

    def await_start(self, name):
        assert self.conductors[name].stdout.readline(), self.log(name)[-3000:]

    def start(self, name):
        self.begin(name)
        self.await_start(name)

    def kill(self, name):
        """kill -9; the machines know that it is gone when this returns."""
        process = self.conductors.pop(name)
        process.kill()
        process.wait(30)
        process.stdout.close()

    def pause(self, name):
        self.conductors[name].send_signal(signal.SIGSTOP)

    def go_on(self, name):
        self.conductors[name].send_signal(signal.SIGCONT)

    def set_clock(self, name, seconds):
        """From now on the clock of this conductor's host is wrong by so many seconds."""
        path = self.folder / f'{name}.clock'
        path.with_suffix('.new').write_text(str(seconds))
        os.replace(path.with_suffix('.new'), path)

    def log(self, name):
        return (self.folder / f'{name}.log').read_text(errors='replace')

    def _end(self):
        processes = [*self.conductors.values(), *([self.api] if hasattr(self, 'api') else [])]
        for process in processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
        for process in processes:
            process.wait(30)
            process.stdout.close()

    # Requests.

    def ask(self, method, path, body=None, *, timeout=60):
        """The Answer of the API; an OSError when there is none in ``timeout`` seconds."""
        began = time.monotonic()
        connection = http.client.HTTPConnection('127.0.0.1', self._ports[0], timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, f'/v1{path}', None if body is None else json.dumps(body), _VERSION)
            answer = connection.getresponse()
            text = answer.read()
        return Answer(answer.status, json.loads(text) if text else None, time.monotonic() - began)

    def must(self, method, path, body=None):
        """As ``ask``, for what has to succeed."""
        answer = self.ask(method, path, body)
        assert answer.status < 300, f'{method} {path}: {answer.status} {answer.body}'
        return answer.body

    def _enrol(self, number):
        node = self.nodes[number]
        self.must('POST', '/nodes', {'uuid': node, 'driver': 'fake-hardware', 'driver_info': self._driver_info(number),
                                     'instance_info': {'image_source': 'file:///image'}})
        self.must('POST', '/ports', {'node_uuid': node, 'address': identity.mac(number)})

    def verb(self, node, verb, **arguments):
        """Ask for a verb of states/provision."""
        return self.ask('PUT', f'/nodes/{node}/states/provision', {'target': verb, **arguments})

    def bring(self, nodes, verb, state, **arguments):
        """Ask for ``verb`` of all ``nodes`` and wait until they are in ``state``."""
        for node in nodes:
            self.accepted(self.verb(node, verb, **arguments))
        self.await_state(nodes, state)

    @staticmethod
    def accepted(answer):
        assert answer.status == 202, answer

    def patch(self, nodes, path, value):
        for node in nodes:
            self.must('PATCH', f'/nodes/{node}', [{'op': 'add', 'path': path, 'value': value}])

    def make_available(self, driver_info=SILENT):
        """All nodes are available, with an image to deploy, whatever they were before."""
        self.patch(self.nodes, '/automated_clean', False)
        while moves := {node: _BACK[row['provision_state']] for node, row in self.rows().items()
                        if row['provision_state'] != 'available'}:
            for node, (verb, _) in moves.items():
                self.accepted(self.verb(node, verb))
            for state in {state for _, state in moves.values()}:
                self.await_state([node for node, move in moves.items() if move[1] == state], state)
        self.patch(self.nodes, *IMAGE)
        self.patch(self.nodes, '/driver_info', driver_info)

    # What is true of all.

    def rows(self, nodes=None):
        """{uuid: row} of ``nodes``, or of all."""
        with self.database.read() as connection:
            rows = {row['uuid']: dict(row) for row in connection.execute(_ROWS).mappings()}
        return rows if nodes is None else {node: rows[node] for node in nodes}

    def row(self, node):
        """As ``rows``, of one."""
        with self.database.read() as connection:
            return dict(connection.execute(_ROWS.where(models.nodes.c.uuid == node)).mappings().one())

    def await_state(self, nodes, state, seconds=LONG):
        def missing():
            return {node: row for node, row in self.rows(nodes).items() if row['provision_state'] != state or row['lock_owner']}
        assert concurrency.wait_for(lambda: not missing(), seconds, every=0.1), list(missing().values())[:3]

    def await_alive(self, *names):
        """Until these conductors, and no others, count as alive."""
        def alive():
            return {one['hostname'] for one in self.must('GET', '/conductors')['conductors'] if one['alive']}
        assert concurrency.wait_for(lambda: alive() == set(names), LONG, every=0.1), alive()

    def operations(self):
        """All operations as dicts of uuid, node (uuid), flow, status, error."""
        table = models.operations
        query = sa.select(table.c.uuid, models.nodes.c.uuid.label('node'), table.c.flow, table.c.status, table.c.error).join(
            models.nodes, models.nodes.c.id == table.c.node_id)
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def faults(self, *, may_fail=False):
        """What is wrong, as phrases, when all should rest: an empty list when nothing is.

        ``may_fail``: operations may have failed, with an error that is told.
        """
        return [*self._of_nodes(may_fail), *self._of_operations(may_fail), *self._of_machines(), *(
            f'{touch.host} touched machine {touch.node} ({".".join(touch.what)}), which {touch.holder or "nobody"} held'
            for touch in self.machines.strangers())]

    def _of_nodes(self, may_fail):
        for node, row in self.rows().items():
            what = {name: row[name] for name in ('target_provision_state', 'target_power_state', 'operation', 'lock_owner')
                    if row[name] and not (name == 'target_provision_state' and may_fail)}
            if row['lock_expires_at']:
                what['lock_expires_at'] = row['lock_expires_at']
            if row['last_error'] and not may_fail:
                what['last_error'] = row['last_error']
            if what:
                yield f'node {node} in {row["provision_state"]}: {what}'
            yield from (f'node {node}: {one}' for one in self.machines.leftovers(node))

    def _of_operations(self, may_fail):
        failed = {one['uuid'] for one in self.operations() if one['status'] == 'failed' and one['error']}
        if may_fail:
            self._excused |= failed
        for one in self.operations():
            if one['status'] in LIVE or (one['status'] == 'failed' and one['uuid'] not in self._excused):
                yield f'operation {one}'

    def _of_machines(self):
        """What an agent must do once was done once; who deployed and is done has written once."""
        counts = self.machines.counts()
        for operation, done in counts.items():
            yield from (f'operation {operation}: {action}, {part}: {count} times'
                        for (action, part), count in done.items() if count != 1)
        for one in self.operations():
            writes = counts[one['uuid']]['write image', 'done']
            if one['flow'] in ('deploy', 'rebuild') and one['status'] == 'done' and writes != 1:
                yield f'operation {one} wrote {writes} times'

    def holders(self):
        """How many of the points where conductors halt now each of them has."""
        return collections.Counter(host for _, host in list(self.machines.held.values()))
