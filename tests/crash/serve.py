"""``ingot serve`` at a fleet: real IPMI, boot records, iSCSI targets; the machines and their agents are simulated."""

import contextlib
import subprocess
import time

import sqlalchemy as sa

from ingot import concurrency
from ingot.cli import client, stage
from ingot.db import models
from ingot.db.engine import Database
from ingot.db.operation import LIVE
from ingot.lab.fleet import identity
from ingot.lab.fleet.fleet import Fleet
from ingot.lab.fleet.world import World
from tests.cli.processes import INGOT

_VERSION = {'X-OpenStack-Ironic-API-Version': '1.95'}
LONG = 150


class Serve:
    """``with Serve(folder, state, count=...)``: all nodes are enrolled. ``state``: its state folder."""

    def __init__(self, folder, state, *, count, options=None, pace=10):
        self.folder, self.state, self.count, self._pace = folder, state, count, pace
        self._options, self._stack = options or {}, contextlib.ExitStack()
        self.nodes = [identity.node(0, number) for number in range(count)]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._start(stack)
            stack.callback(self.database.close)
            boot = self._ports[2]
            self.world = World(self.count, boot_url=f'http://127.0.0.1:{boot}', tell=self._told, pace=self._pace)
            self.fleet = Fleet(self.count, port=0, on_power=lambda number, state: self.world.switch(
                number, state, self.fleet.machines[number].booted_from))
            for part in (self.world, self.fleet):
                part.start()
                stack.callback(part.stop)
            for number in range(self.count):
                node = self.api.create_node(id=self.nodes[number], driver='ipmi', driver_info=self.fleet.access(number),
                                            automated_clean=False)
                self.api.create_port(node_uuid=node.id, address=identity.mac(number))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _start(self, stack):
        api, agent, boot, iscsi = self._ports = stage.free_ports(4)
        for name in ('kernel', 'initrd'):
            (self.folder / name).write_bytes(b'for simulated machines')
        options = {'api.port': api, 'agent.port': agent, 'boot.port': boot, 'iscsi.port': iscsi,
                   'boot.kernel': self.folder / 'kernel', 'boot.ramdisk': self.folder / 'initrd',
                   'images.allowed_paths': self.folder / 'images', **self._options}
        with open(self.folder / 'serve.log', 'a') as log:
            self.process = subprocess.Popen(
                [*INGOT, 'serve', '--state-dir', str(self.state), *(f'--set={name}={value}' for name, value in options.items())],
                stdout=subprocess.PIPE, stderr=log, text=True)
        stack.callback(self._end)
        greeting = self.process.stdout.readline()
        assert greeting, (self.folder / 'serve.log').read_text()[-3000:]
        self.api = client.connect(f'http://127.0.0.1:{api}')
        self.database = Database(f'sqlite:///{self.state}/ingot.sqlite')

    def _end(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()

    def _told(self, number, state):
        self.fleet.machines[number].is_on = False

    # What is asked for.

    def ask(self, number, path, **body):
        answer = self.api.put(f'/nodes/{self.nodes[number]}/states/{path}', json=body, headers=_VERSION, timeout=60)
        assert answer.status_code == 202, answer.text

    def bring(self, number, verb, state):
        self.ask(number, 'provision', target=verb)
        self.await_states({number: state})

    def deploy(self, numbers, image):
        for number in numbers:
            answer = self.api.patch(f'/nodes/{self.nodes[number]}', json=[
                {'op': 'add', 'path': '/instance_info', 'value': {'image_source': f'file://{image}'}}], headers=_VERSION)
            assert answer.status_code == 200, answer.text
            self.ask(number, 'provision', target='active')

    # What is true.

    def rows(self):
        """[row] of all nodes, by their numbers."""
        with self.database.read() as connection:
            found = {row['uuid']: dict(row) for row in connection.execute(sa.select(models.nodes)).mappings()}
        return [found[node] for node in self.nodes]

    def row(self, number):
        return self.rows()[number]

    def await_states(self, wanted, seconds=LONG):
        """{number: seconds until it was in the state that ``wanted`` ({number: state, or states}) says for it}."""
        began, found = time.monotonic(), {}

        def are_there():
            for number, row in enumerate(self.rows()):
                states = wanted.get(number, ())
                states = (states,) if isinstance(states, str) else states
                if number not in found and row['provision_state'] in states and not row['lock_owner']:
                    found[number] = time.monotonic() - began
            return found.keys() == wanted.keys()
        if not concurrency.wait_for(are_there, seconds, every=0.1):
            rows = self.rows()
            raise AssertionError([(number, rows[number]['provision_state'], rows[number]['last_error'])
                                  for number in wanted if number not in found][:5])
        return found

    def faults(self, *, may_fail=False):
        """What is left though all should rest, as phrases."""
        found = []
        for number, row in enumerate(self.rows()):
            what = {name: row[name] for name in ('target_power_state', 'operation', 'lock_owner') if row[name]}
            if row['last_error'] and not may_fail:
                what['last_error'] = row['last_error']
            if what:
                found.append(f'node {number} in {row["provision_state"]}: {what}')
        with self.database.read() as connection:
            live = connection.execute(sa.select(sa.func.count()).where(models.operations.c.status.in_(LIVE))).scalar()
        left = [path.name for folder, pattern in (('http/boot', '*-*.ipxe'), ('iscsi', '*.json'))
                for path in (self.state / folder).glob(pattern)]
        return [*found, *([f'{live} live operations'] if live else []), *(f'left: {name}' for name in left)]
