"""A simulated site: one database, conductors that come and go, fake hardware whose inside is a fleet, all on virtual time."""

import contextlib
import time
import uuid

import sqlalchemy as sa

from ingot import concurrency, errors
from ingot.conductor.client import Client
from ingot.db import models, queue, row
from ingot.db.engine import now
from ingot.simulation.bus import Bus
from ingot.simulation.conductor import Conductor, Death
from ingot.simulation.database import Store
from ingot.simulation.machines import Machines

_SILENT = {'fake': {'deploy.machine_report': {'silent': True}}}
_OWNERS = 4


class Site:
    """``count`` nodes with a machine each, and ``conductors``; all of it on ``clock`` (see ingot.simulation.clock).

    :param folder: for the database. :param faults: of the machines (ingot.lab.fleet.trouble). :param policy: of the queue, for
        everything (db.queue.CHOSEN). :param options: of the conductors, as config.load takes them.
    ``problems``: phrases about what nobody may do and somebody did.
    """

    def __init__(self, clock, folder, count, conductors, *, faults=(), policy=None, options=None):
        self.clock, self.folder, self.options = clock, str(folder), {'workers': 64, **(options or {})}
        self.database = Store(f'{folder}/simulation.sqlite')
        self.hardware, self.records = {}, {}
        self.machines = Machines(self, count, faults, clock.random.getrandbits(32))
        self.nodes = [str(uuid.uuid4()) for _ in range(count)]
        self._numbers = {node: number for number, node in enumerate(self.nodes)}
        self._enrol()
        self.conductors, self.problems = {}, []
        self.client = Client(Bus(self), self.database)
        self._limit(policy)
        for number in range(conductors):
            self.start_conductor(f'conductor-{number}')

    def _enrol(self):
        with self.database.write() as connection:
            for number, node in enumerate(self.nodes):
                values = {'uuid': node, 'driver': 'fake-hardware', 'created_at': now(), 'provision_state': 'enroll',
                          'owner': f'owner-{number % _OWNERS}', 'driver_info': _SILENT, 'instance_info': {'image_source': 'file:///image'}}
                key = connection.execute(sa.insert(models.nodes).values(row.dump(models.nodes, values))).inserted_primary_key[0]
                connection.execute(sa.insert(models.ports).values(
                    uuid=str(uuid.uuid4()), created_at=now(), node_id=key, address=self.machines.all[number].mac))

    def _limit(self, policy):
        """From now on never more in flight than ``policy`` allows, at the end of any transaction."""
        if not policy:
            return
        queue.put(self.database, '', policy)
        most = policy.get('max_in_flight', float('inf'))

        def check():
            if self.database.in_flight() > most:
                self.problems.append(f'{self.database.in_flight()} operations are in flight, {most} may be')
        self.database.check = check

    # Conductors.

    def start_conductor(self, host):
        self.conductors[host] = Conductor(self, host)
        self.conductors[host].service.start()

    def kill(self, host, seconds):
        """``host`` dies now, and starts anew after so many seconds."""
        self.conductors.pop(host).kill()

        def start():
            time.sleep(seconds)
            self.start_conductor(host)
        concurrency.spawn(start)

    def stop(self, host, seconds):
        """``host`` is stopped as an operator does it, and starts anew so many seconds after its end."""
        conductor = self.conductors[host]

        def restart():
            with contextlib.suppress(Death):
                conductor.stop()
                if self.conductors.get(host) is conductor:
                    self.kill(host, seconds)
        concurrency.spawn(restart)

    def nudge(self, operation):
        """What the listener does with a report; when nobody can be told, a conductor finds it by itself."""
        with contextlib.suppress(errors.IngotError):
            self.client.continue_operation(operation)

    # Machines.

    def press(self, node):
        """What a conductor did to a fake machine happens to its inside."""
        machine = self.hardware[node]
        self.machines.all[self._numbers[node]].switch(machine.power, machine.booted_from)

    def told(self, number, state):
        self.hardware[self.nodes[number]].press(state)

    def line(self, mac):
        """The kernel line that the boot server has for a card, or None."""
        record = self.records.get(mac)
        return record and ' '.join(f'{name}={value}' for name, value in record[1].parameters.items())

    def check_owner(self, node, host, what):
        """Note whoever touches a machine that another one has the lock of."""
        owner = self.database.lock_owner(node)
        if owner != host:
            self.problems.append(f'node {node}: {host} did {what} while {owner or "nobody"} had its lock')
