"""A conductor's surroundings: a database of its own, fake machines, and services that can be killed."""

import uuid

import pytest
import sqlalchemy as sa

from ingot import concurrency, config
from ingot.conductor.service import Service
from ingot.db import event, models, operation, row
from ingot.db import node as nodes
from ingot.db.engine import now
from ingot.drivers import fake, registry
from tests import databases

SECONDS = 30


class Death(BaseException):
    """The end of a conductor: nothing of it runs after this, and nothing is let go of."""


class House:
    """A database, a world of fake machines, and any number of conductors, none of which does anything by itself."""

    Death = Death

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        self.drivers = registry.load(self.conf())
        self.world = self.drivers.context.service(fake.World)
        self.services = []

    def conf(self, host='here', **overrides):
        return config.load(state_dir=str(self.folder), host=host, workers=4,
                           **{'conductor__enabled_drivers': ['fake-hardware'], **overrides})

    def service(self, host='here', **overrides):
        """A conductor whose periodic work is not started."""
        service = Service(self.conf(host, **overrides), self.database, self.drivers)
        self.services.append(service)
        return service

    def node(self, state='available', **values):
        """Enroll a node with one port in ``state``; its uuid."""
        values = {'uuid': str(uuid.uuid4()), 'driver': 'fake-hardware', 'created_at': now(), 'provision_state': state,
                  'instance_info': {'image_source': 'file:///image'}, 'power_state': 'power off', **values}
        with self.database.write() as connection:
            connection.execute(sa.insert(models.nodes).values(row.dump(models.nodes, values)))
            node_id = connection.execute(sa.select(models.nodes.c.id).where(
                models.nodes.c.uuid == values['uuid'])).scalar()
            connection.execute(sa.insert(models.ports).values(
                uuid=str(uuid.uuid4()), created_at=now(), node_id=node_id, address=self.mac(values['uuid'])))
        return values['uuid']

    def claim(self, node, *claimed, **wanted):
        """An allocation of ``node`` that asked for ``wanted`` and has claimed devices, dicts; its uuid."""
        allocation, node_id = str(uuid.uuid4()), self.row(node)['id']
        with self.database.write() as connection:
            connection.execute(sa.insert(models.allocations).values(row.dump(models.allocations, {
                'uuid': allocation, 'created_at': now(), 'state': 'active', 'node_id': node_id, 'wanted': wanted or None})))
            key = connection.execute(sa.select(models.allocations.c.id).where(models.allocations.c.uuid == allocation)).scalar()
        self.change(node, instance_uuid=allocation, allocation_uuid=allocation)
        for device in claimed:
            self.device(node, **{'state': 'claimed', 'allocation_id': key, 'request': 0, **device})
        return allocation

    def device(self, node, address, **values):
        """A PCI device of ``node``, ready unless ``values`` (columns) say otherwise."""
        values = {'uuid': str(uuid.uuid4()), 'created_at': now(), 'node_id': self.row(node)['id'], 'address': address,
                  'vendor_id': '10de', 'product_id': '20f1', 'link_width': 16, 'offered': True, 'state': 'ready', **values}
        with self.database.write() as connection:
            connection.execute(sa.insert(models.devices).values(row.dump(models.devices, values)))

    def devices(self, node):
        """{address: row} of a node's devices."""
        with self.database.read() as connection:
            found = connection.execute(sa.select(models.devices).where(
                models.devices.c.node_id == self.row(node)['id'])).mappings().all()
        return {one['address']: row.parse(models.devices, one) for one in found}

    def mac(self, node):
        return '52:54:' + ':'.join(node[n:n + 2] for n in (0, 2, 4, 6))

    def row(self, node):
        return nodes.get(self.database, node)

    def change(self, node, **values):
        with self.database.write() as connection:
            connection.execute(sa.update(models.nodes).where(models.nodes.c.uuid == node).values(
                row.dump(models.nodes, values)))

    def change_operation(self, node, **values):
        with self.database.write() as connection:
            operation.change(connection, self.row(node)['operation'], values)

    def operations(self, node):
        """All operations of a node, the oldest first."""
        with self.database.read() as connection:
            uuids = connection.execute(sa.select(models.operations.c.uuid).where(
                models.operations.c.node_id == self.row(node)['id']).order_by(models.operations.c.id)).scalars().all()
        return [operation.get(self.database, uuid) for uuid in uuids]

    def events(self, kind, node):
        return [one for one in event.since(self.database, 0, node=node) if one['kind'] == kind]

    def run(self, service, node, verb, **arguments):
        """Ask for a verb and wait until this conductor has done what it can; the node's row."""
        service.provision(node, verb, arguments)
        return self.settle(service, node)

    def settle(self, service, node):
        assert concurrency.wait_for(lambda: not service.crew.busy, SECONDS, every=0.005), 'the conductor is still busy'
        return self.row(node)

    def let_go(self, service, node):
        """As ``settle``, for a driver that hangs, now or in a moment: it goes on."""
        assert concurrency.wait_for(lambda: self.world.release() or not service.crew.busy, SECONDS)
        return self.row(node)

    def sabotage(self, service, flow, name, do=None, undo=None):
        """Wrap step ``name`` of ``flow``: ``do(work, task)`` and ``undo(work, task)`` are called instead of it."""
        def wrap(step):
            if step.name != name:
                return step
            return step._replace(
                do=(lambda task: do(step.do, task)) if do else step.do,
                undo=(lambda task: undo(step.undo, task)) if undo else step.undo)
        self.wrap(service, flow, wrap)

    def wrap(self, service, flow, change):
        """Put ``change(step)`` in the place of each step of ``flow``."""
        steps_of = service.crew.steps_of
        service.crew.steps_of = lambda operation: tuple(
            change(step) if operation['flow'] == flow else step for step in steps_of(operation))

    def expire(self, node):
        """Time passes: the lease of a dead conductor runs out."""
        self.change(node, lock_expires_at=1.0)

    def agent(self, node):
        """Somebody who plays the machine's part of the operation under way."""
        return Agent(self, node)


class Agent:
    """The machine's side of an operation, with the token that the boot record has."""

    def __init__(self, house, node):
        self.house, self.node, self.session = house, node, uuid.uuid4().hex
        words = house.world.records[house.mac(node)][1].parameters
        self.operation, self.token = words['ingot.operation'], words['ingot.token']

    def hello(self):
        return operation.hello(self.house.database, self.operation, self.token, self.session, 'boot', [])

    def record(self, *events):
        return operation.record(self.house.database, self.operation, self.session, list(events))

    def report(self, result='done', **more):
        report = {'seq': 9, 'result': result, 'data': {}, **more}
        return operation.report(self.house.database, self.operation, self.session, report)


@pytest.fixture(scope='session')
def make_house():
    """A function (folder) -> House with an empty database."""
    return lambda folder: House(databases.empty(folder), folder)


@pytest.fixture
def house(make_house, tmp_path):
    house = make_house(tmp_path)
    yield house
    house.world.release()
    for service in house.services:
        service.stop()
    house.database.close()
