"""Facts that are kept: whatever was changed, by whatever way, the decision is the one that the tables give."""

import pathlib
import tempfile
import threading

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingot import errors
from ingot.db import allocation, change, decision, event, facts, kept, models, node, pci_device, pci_flavor, placement_group
from tests import databases
from tests.db import stock
from tests.db.test_claim import GOLD, SHOWN

COUNT = 5
REQUESTS = [
    {}, {'pci': [{'flavors': ['gpu'], 'count': 2}]}, {'pci': [{'flavors': ['slice', 'card']}], 'count': 2},
    {'strategy': 'pack', 'preferred_traits': ['CUSTOM_A']}, {'count': 3, 'strategy': 'spread'}, {'placement_group': 'apart'},
    {'where': ['cpu.count >= 32'], 'forbidden_traits': ['CUSTOM_A']}, {'count': 9},
    {'candidate_nodes': ['c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000003']}]


class World:
    """A site, a Kept that follows it, and what happens to it, as clients and conductors do it."""

    def __init__(self, database):
        self.database, self.kept = database, kept.Kept(threading.Lock())
        stock.fill(database, COUNT, flavors={**stock.FLAVORS, 'spare': [{'vendor_id': 'dead'}]})
        self.chassis = self._make_chassis()
        self.group = placement_group.STORE.create(database, {
            'name': 'apart', 'policy': 'anti-affinity', 'scope': 'rack', 'hard': True}, (placement_group.STORE.table.c.uuid,))[0]
        self.made = 0

    def _make_chassis(self):
        with self.database.write() as connection:
            return change.insert(connection, 'chassis', models.chassis, {'extra': {'zone': 'z1'}})

    def check(self):
        for wanted in REQUESTS:
            wanted = {**GOLD, **wanted}
            seen = decision.decide(self.database, wanted, limit=10, explain=True, kept=self.kept)
            anew = kept.Kept(threading.Lock())
            assert seen == decision.decide(self.database, wanted, limit=10, explain=True, kept=anew), wanted

    def _nodes(self):
        with self.database.read() as connection:
            return connection.execute(sa.select(models.nodes.c.uuid).order_by(models.nodes.c.id)).scalars().all()

    def edit(self, number, **values):
        nodes = self._nodes()
        node.edit(self.database, nodes[number % len(nodes)], tuple(models.nodes.c), lambda current: values)

    def maintain(self, number):
        self.edit(number, maintenance=number % 2 == 0)

    def move(self, number):
        self.edit(number, extra={'rack': f'rack{number % 4}'}, chassis_id=self.chassis if number % 2 else None)

    def trait(self, number):
        self.edit(number, traits=['CUSTOM_A'] * (number % 2), resource_class='gold' if number % 3 else 'iron')

    def chassis_moves(self, number):
        with self.database.read() as connection:
            current = dict(connection.execute(sa.select(models.chassis)).mappings().first())
        with self.database.write() as connection:
            change.update(connection, 'chassis', models.chassis, current, {'extra': {'rack': f'rack{number % 4}'}})

    def allocate(self, number):
        allocation.create(self.database, GOLD, SHOWN, REQUESTS[number % len(REQUESTS)])

    def give_back(self, number):
        with self.database.read() as connection:
            made = connection.execute(sa.select(models.allocations.c.uuid).order_by(models.allocations.c.id)).scalars().all()
        if made:
            allocation.delete(self.database, made[number % len(made)])

    def device(self, number):
        devices = stock.devices(self.database)
        one = devices[number % len(devices)]
        if one['state'] != 'claimed':
            pci_device.STORE.edit(self.database, one['uuid'], (models.devices.c.uuid,), lambda current: {
                'state': 'failed' if current['state'] == 'ready' else 'ready'})

    def label(self, number):
        devices = stock.devices(self.database)
        pci_device.STORE.edit(self.database, devices[number % len(devices)]['uuid'], (models.devices.c.uuid,),
                              lambda current: {'labels': {'a': str(number % 3)}})

    def flavor(self, number):
        pci_flavor.STORE.edit(self.database, 'gpu', (pci_flavor.STORE.table.c.uuid,), lambda current: {
            'match': [{'vendor_id': '10de', 'numa_node': number % 2}, {'product_id': '10ca'}][:1 + number % 2]
            if number % 3 else stock.FLAVORS['gpu']})

    def remove(self, number):
        nodes = self._nodes()
        if len(nodes) > 2:
            with self.database.write() as connection:
                key = connection.execute(sa.select(models.nodes.c.id).where(
                    models.nodes.c.uuid == nodes[-1], models.nodes.c.allocation_uuid.is_(None))).scalar()
                if key:
                    for table in (models.devices, models.node_inventory):
                        connection.execute(sa.delete(table).where(table.c.node_id == key))
                    connection.execute(sa.delete(models.nodes).where(models.nodes.c.id == key))
                    event.add(connection, 'node.deleted', node=nodes[-1])

    def add(self, number):
        self.made += 1
        with self.database.write() as connection:
            stock._node(connection, 100 + self.made, stock.BOARD[:number % 4], f'rack{number % 4}', {})
            event.add(connection, 'node.created', node=f'c0000000-0000-4000-8000-{100 + self.made:012x}')


WORDS = ('maintain', 'move', 'trait', 'chassis_moves', 'allocate', 'allocate', 'give_back', 'device', 'label', 'flavor', 'remove',
         'add')


@settings(max_examples=25 if databases.kind == 'sqlite' else 6, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 30)), min_size=2, max_size=10))
def test_whatever_happens_it_is_what_the_tables_say(happenings):
    with tempfile.TemporaryDirectory() as folder:
        database = databases.empty(pathlib.Path(folder))
        world = World(database)
        world.check()
        for word, number in happenings:
            getattr(world, word)(number)
            world.check()
        database.close()


@pytest.fixture
def world(database):
    world = World(database)
    world.check()
    return world


def test_only_what_changed_is_read_again(world, monkeypatch):
    read, nodes = [], facts.nodes

    def spy(connection, conditions, needs, **kwargs):
        found = nodes(connection, conditions, needs, **kwargs)
        read.append(len(found))
        return found
    monkeypatch.setattr(facts, 'nodes', spy)

    def look(wanted):
        read.clear()
        decision.decide(world.database, {**GOLD, **wanted}, limit=1, kept=world.kept)
        return [count for count in read if count]
    assert look({}) == [1], 'the candidate'
    world.maintain(2)
    assert look({}) == [1, 1]
    with world.database.write() as connection:
        event.add(connection, 'agent.progress', node=world._nodes()[0], data={'phase': 'write image'})
    assert look({}) == [1]
    world.chassis_moves(1)
    assert look({}) == [COUNT, 1]
    assert look({}) == [1]


def test_when_much_has_changed_all_is_read_anew(world, monkeypatch):
    monkeypatch.setattr(kept, '_MOST', 2)
    for number in range(3):
        world.trait(number)
    world.check()


def test_when_the_feed_was_pruned_all_is_read_anew(world):
    with world.database.write() as connection:
        connection.execute(sa.delete(models.events))
        connection.execute(sa.update(models.nodes).values(resource_class='lost'))
        for uuid in world._nodes()[:2]:
            event.add(connection, 'node.updated', node=uuid)
        connection.execute(sa.delete(models.events).where(models.events.c.seq == sa.select(
            sa.func.min(models.events.c.seq)).scalar_subquery()))
    assert decision.decide(world.database, GOLD, limit=1, explain=True, kept=world.kept).picks == ()


def test_a_look_that_fails_is_forgotten(world, monkeypatch):
    def fail(*args, **kwargs):
        raise errors.DatabaseFailed('away')
    world.maintain(2)
    with monkeypatch.context() as patch:
        patch.setattr(facts, 'nodes', fail)
        with pytest.raises(errors.DatabaseFailed):
            decision.decide(world.database, GOLD, limit=1, kept=world.kept)
    world.check()


def test_a_device_that_is_gone_since_is_decided_on_anew(world, monkeypatch):
    """The facts are older than the tables, as with a feed whose events come late."""
    wanted = {**GOLD, 'pci': [{'flavors': ['gpu'], 'count': 2}]}
    [first] = decision.decide(world.database, wanted, limit=1, kept=world.kept).picks
    with world.database.write() as connection:
        connection.execute(sa.delete(models.devices).where(models.devices.c.uuid == first.devices[0][0]))
    [second] = decision.decide(world.database, wanted, limit=1, kept=world.kept).picks
    assert second.node != first.node


def test_a_node_that_changed_without_a_word_is_decided_on_anew(world):
    [first] = decision.decide(world.database, GOLD, limit=1, kept=world.kept).picks
    with world.database.write() as connection:
        connection.execute(sa.update(models.nodes).where(models.nodes.c.uuid == first.node).values(
            generation=first.generation + 1))
    [second] = decision.decide(world.database, GOLD, limit=1, kept=world.kept).picks
    assert (second.node, second.generation) == (first.node, first.generation + 1)
