"""Machines that outlive conductors: fake hardware with a fleet's computers inside, served on a socket, with all that is counted.

It also says where a conductor has to halt, and notes whoever touches a machine without holding its lock.
"""

import collections
import contextlib
import time
from multiprocessing.connection import Listener
from typing import NamedTuple

import sqlalchemy as sa

from ingot import concurrency, config, states
from ingot.db import models
from ingot.drivers import base, fake, hardware
from ingot.lab.fleet import identity
from ingot.lab.fleet.world import World

#: What changes a machine, or what it netboots, and is for the holder of its lock alone.
CHANGES = {('power', 'set'), ('management', 'set_boot_device'), ('boot', 'publish'), ('boot', 'withdraw'), ('deploy', 'export'),
           ('deploy', 'fetch'), ('bios', 'run_step'), ('raid', 'run_step'), ('rescue', 'rescue'), ('rescue', 'clean_up')}
#: Seconds of the machines in one of ours.
PACE = 10


class Point(NamedTuple):
    """A moment of a flow: the ``number``-th of ``part`` ('do' or 'undo') of a step."""

    flow: str
    step: str
    part: str
    number: int
    label: str


class Touch(NamedTuple):
    """What a conductor did to a machine, and who held the lock of its node then (None: nobody; '?': the database was away)."""

    at: float
    host: str
    what: tuple
    node: str
    holder: str | None


class Machines:
    """``count`` machines; ``start`` listens on ``address`` (a path). ``database`` is looked at, to see who holds which lock."""

    def __init__(self, count, address, database):
        self.address, self._database = str(address), database
        context = base.Context(config.load(state_dir='/nonexistent'))
        self._drivers = hardware.fake_hardware(context)
        self.world = context.service(fake.World)
        self.world.after = self._after
        self.nodes = [identity.node(0, number) for number in range(count)]
        self._numbers = {node: number for number, node in enumerate(self.nodes)}
        self.fleet = World(count, lines=self._line, tell=self._told, pace=PACE)
        self.touches, self.seen = [], collections.defaultdict(list)      # node -> its Points, in their order
        self.armed, self.held = {}, {}                                   # node -> Point; node -> (Point, host)
        self._lock, self._listener = concurrency.Lock(), None

    def start(self):
        self.fleet.start()
        self._listener = Listener(self.address, family='AF_UNIX', backlog=200)
        concurrency.spawn(self._accept, name='machines')

    def stop(self):
        self._listener.close()
        self.fleet.stop()

    # What conductors ask.

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                concurrency.spawn(self._serve, self._listener.accept(), name='conductor')

    def _serve(self, connection):
        with contextlib.suppress(EOFError, OSError), connection:
            while True:
                host, what, *rest = connection.recv()
                connection.send(self._answer(host, *rest) if what == 'do' else self._pass(connection, host, *rest))

    def _answer(self, host, kind, name, args, kwargs):
        try:
            if (kind, name) in CHANGES and args[0]['uuid'] in self._numbers:
                node = args[0]['uuid']
                self.touches.append(Touch(time.monotonic(), host, (kind, name), node, self._holder(node)))
            args = tuple(_without_wishes(one) if isinstance(one, dict) and 'driver_info' in one else one for one in args)
            with self._lock:
                return True, getattr(self._drivers.interfaces[kind]['fake'], name)(*args, **kwargs)
        except Exception as error:
            return False, error

    def _holder(self, node):
        """Host that has the lock of ``node`` now, by the database's own books."""
        query = sa.select(models.nodes.c.lock_owner).where(models.nodes.c.uuid == node)
        try:
            with self._database.read() as connection:
                return connection.execute(query).scalar()
        except Exception:
            return '?'

    def _pass(self, connection, host, node, flow, step, part, number, label):
        """The answer at a point of a step: none, until its conductor is dead, where it is to die."""
        point = Point(flow, step, part, number, label)
        self.seen[node].append(point)
        if self.armed.get(node) == point:
            del self.armed[node]
            self.held[node] = point, host
            connection.recv()            # nothing comes but the end
        return True, None

    # The insides of the machines.

    def _after(self, kind, method, node):
        machine = self.world.machine(node['uuid'])
        if (kind, method) == ('power', 'set'):
            self.fleet.switch(self._numbers[node['uuid']], machine.power, machine.booted_from)
        elif (kind, method) == ('rescue', 'rescue'):
            self.fleet.switch(self._numbers[node['uuid']], 'rebooting', 'disk')

    def _told(self, number, state):
        """Without our lock: the fleet calls with one of its own, and is called by who holds ours."""
        self.world.machine(self.nodes[number]).press(state)

    def _line(self, mac):
        record = self.world.records.get(mac)
        return record and ' '.join(f'{name}={value}' for name, value in record[1].parameters.items())

    # What is counted.

    def counts(self):
        """{operation: {(action, 'begun' or 'done'): how often}} of all machines."""
        found = collections.defaultdict(collections.Counter)
        for _, counts in self.fleet.counts():
            for key, count in counts.items():
                if isinstance(key, tuple):
                    found[key[0]][key[1:]] += count
        return found

    def strangers(self):
        """Touches by conductors that did not hold the lock."""
        return [touch for touch in list(self.touches) if touch.holder not in (touch.host, '?')]

    def leftovers(self, node):
        """What must not be there between two operations, but for power."""
        return [one for one in self.world.leftovers(node) if one != states.POWER_ON]


def _without_wishes(node):
    """What goes wrong on purpose has gone wrong already, at the other end; the machine's own agent reports."""
    return {**node, 'driver_info': {name: value for name, value in node['driver_info'].items() if name != 'fake'}}
