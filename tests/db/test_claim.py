"""Claims: whatever happens between a decision and its claim, nothing is anybody's twice, and a gang is whole or not there."""

import pathlib
import tempfile
import threading

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingot import errors
from ingot.db import allocation, claim, decision, models
from ingot.scheduler import device
from tests import databases
from tests.db import stock

SHOWN = (allocation.TABLE.c.uuid, allocation.TABLE.c.state)
REQUESTS = [{'pci': [{'flavors': ['gpu']}]}, {'pci': [{'flavors': ['gpu'], 'count': 2}], 'count': 2}, {'count': 3}, {},
            {'pci': [{'flavors': ['slice', 'card']}, {'flavors': ['gpu']}]}, {'pci': [{'flavors': ['card']}], 'strategy': 'pack'}]
GOLD = {'resource_class': 'gold'}


class Site:
    """Decisions that were made, and what happens to nodes and devices meanwhile."""

    def __init__(self, database):
        self.database, self.decisions = database, []
        stock.fill(database, 4)

    def decide(self, number):
        self.decisions.append(decision.decide(self.database, {**GOLD, **REQUESTS[number % len(REQUESTS)]}, explain=False).picks)

    def claim(self, number):
        picks = self.decisions.pop(number % len(self.decisions)) if self.decisions else ()
        try:
            return bool(picks) and len(allocation.take(self.database, GOLD, picks, SHOWN)) == len(picks)
        except errors.Outdated:
            return False

    def allocate(self, number):
        allocation.create(self.database, GOLD, SHOWN, REQUESTS[number % len(REQUESTS)])

    def delete(self, number, *, is_gang=False):
        made = self._allocations()
        if made:
            allocation.delete(self.database, made[number % len(made)], is_gang=is_gang)

    def delete_gang(self, number):
        self.delete(number, is_gang=True)

    def free(self, number):
        """As at the end of an undeployment."""
        with self.database.write() as connection:
            nodes = models.nodes
            key = connection.execute(sa.select(nodes.c.id).order_by(nodes.c.id).offset(number % 4).limit(1)).scalar()
            connection.execute(sa.update(nodes).where(nodes.c.id == key).values(
                instance_uuid=None, allocation_uuid=None, generation=nodes.c.generation + 1))
            allocation.free(connection, key)

    def _move(self, number, happening):
        devices = stock.devices(self.database)
        one = devices[number % len(devices)]
        if (one['state'], happening) in device.MOVES:
            with self.database.write() as connection:
                connection.execute(sa.update(models.devices).where(models.devices.c.uuid == one['uuid']).values(
                    state=device.move(one['state'], happening), generation=models.devices.c.generation + 1))

    def vanish(self, number):
        self._move(number, 'vanish')

    def drain(self, number):
        self._move(number, 'drain')

    def deploy(self, number):
        self._move(number, 'deploy')

    def _allocations(self):
        with self.database.read() as connection:
            return connection.execute(sa.select(models.allocations.c.uuid).order_by(models.allocations.c.id)).scalars().all()


WORDS = ('decide', 'decide', 'claim', 'claim', 'allocate', 'delete', 'delete_gang', 'free', 'vanish', 'drain', 'deploy')


@settings(max_examples=20 if databases.kind == 'sqlite' else 6, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 30)), min_size=3, max_size=14))
def test_whatever_happens_nothing_is_anybodys_twice(happenings):
    with tempfile.TemporaryDirectory() as folder:
        database = databases.empty(pathlib.Path(folder))
        site = Site(database)
        for word, number in happenings:
            getattr(site, word)(number)
            whole = word not in ('delete', 'free')          # who gives back one of a gang has less than a gang
            assert [flaw for flaw in stock.flaws(database) if whole or not flaw.startswith('gang')] == []
            if not whole:
                site.delete_gang(0)
                if any(flaw.startswith('gang') for flaw in stock.flaws(database)):
                    break
        database.close()


def test_two_decisions_on_one_node_give_it_to_one(database):
    site = Site(database)
    site.decide(1)
    site.decide(1)
    assert site.claim(0)
    site.decide(1)
    assert not site.claim(0), 'both had decided on the same two nodes'
    assert site.claim(0)
    assert stock.flaws(database) == []


@pytest.mark.parametrize(('happening', 'words'), [
    ('vanish', 'it is "removed"'), ('drain', 'it is "not_ready"'), ('fail', 'it is "failed"')])
def test_a_device_that_went_between_decision_and_claim_is_told(database, happening, words):
    site = Site(database)
    site.decide(0)
    [[pick]] = site.decisions
    number = next(number for number, one in enumerate(stock.devices(database)) if one['uuid'] == pick.devices[0][0])
    site._move(number, happening)
    with pytest.raises(errors.Outdated, match=words):
        allocation.take(database, GOLD, [pick], SHOWN)
    assert stock.flaws(database) == []
    assert site._allocations() == []


def test_who_meets_a_device_that_went_decides_again(database, monkeypatch):
    """The race itself: the device goes after the decision, in the middle of the request."""
    site, decide, seen = Site(database), decision.decide, []

    def late(*args, **kwargs):
        found = decide(*args, **kwargs)
        if not seen:
            for one in stock.devices(database):
                if one['uuid'] == found.picks[0].devices[0][0]:
                    site._move(stock.devices(database).index(one), 'vanish')
        seen.append(found)
        return found
    monkeypatch.setattr(decision, 'decide', late)
    allocation.create(database, GOLD, SHOWN, REQUESTS[0])
    assert len(seen) == 2
    assert stock.flaws(database) == []
    [uuid] = site._allocations()
    assert allocation.STORE.get(database, uuid)['state'] == 'active'


def test_who_is_always_too_late_is_told_so(database, monkeypatch):
    site, decide = Site(database), decision.decide
    picks = decide(database, {**GOLD, **REQUESTS[1]}).picks
    stale = [claim.Pick(pick.node, pick.generation + 1, pick.devices) for pick in picks]
    monkeypatch.setattr(decision, 'decide', lambda *args, **kwargs: decision.Decided(tuple(stale)))
    allocation.create(database, GOLD, SHOWN, REQUESTS[1])
    [uuid] = site._allocations()
    told = allocation.STORE.get(database, uuid)
    assert told['state'] == 'error'
    assert f'others were faster {allocation.TRIES} times' in told['last_error']
    assert stock.flaws(database) == []


def test_a_claim_that_breaks_in_the_middle_leaves_nothing(database, monkeypatch):
    site, taken = Site(database), []
    take = claim._take_devices

    def break_off(*args):
        taken.append(args)
        if len(taken) == 2:
            raise KeyboardInterrupt
        take(*args)
    monkeypatch.setattr(claim, '_take_devices', break_off)
    with pytest.raises(KeyboardInterrupt):
        allocation.create(database, GOLD, SHOWN, REQUESTS[1])
    assert site._allocations() == []
    assert stock.flaws(database) == []
    assert {one['state'] for one in stock.devices(database)} == {'ready'}


def test_a_unit_is_claimed_whole_and_a_card_without_its_slices(database):
    stock.fill(database, 1, board=[{**one, 'unit': 'pair' if one['vendor_id'] == '10de' else None} for one in stock.BOARD])
    gpus, [card] = ([one['uuid'] for one in stock.devices(database) if one['address'] in addresses] for addresses in (
        ('0000:3b:00.0', '0000:af:00.0'), ('0000:5e:00.0',)))
    [pick] = decision.decide(database, {**GOLD, 'pci': [{'flavors': ['gpu']}, {'flavors': ['card']}]}).picks
    assert sorted(pick.devices[0]) == sorted(gpus)
    assert pick.devices[1] == (card,)
    with pytest.raises(errors.Invalid, match='unit pair'):
        allocation.take(database, GOLD, [claim.Pick(pick.node, pick.generation, ((gpus[0],),))], SHOWN)
    slices = tuple(one['uuid'] for one in stock.devices(database) if one['parent'])
    with pytest.raises(errors.Invalid, match='virtual or physical'):
        allocation.take(database, GOLD, [claim.Pick(pick.node, pick.generation, ((card, slices[0]),))], SHOWN)
    with pytest.raises(errors.Invalid, match='twice'):
        allocation.take(database, GOLD, [claim.Pick(pick.node, pick.generation, ((card,), (card,)))], SHOWN)
    allocation.take(database, GOLD, [pick], SHOWN)
    assert [one['state'] for one in stock.devices(database) if one['parent']] == ['ready', 'ready']


def test_many_at_once_over_few_nodes(database):
    """4 x 30 requests over 40 nodes; what is got is given back soon. tests/bench/claims.py does it with processes, and kills."""
    stock.fill(database, 40)
    failures, got = [], []

    def work(number):
        try:
            for turn in range(30):
                wanted = REQUESTS[(number + turn) % len(REQUESTS)]
                [uuid, *_] = allocation.create(database, GOLD, SHOWN, wanted)
                got.append(allocation.STORE.get(database, uuid)['state'])
                if turn % 3:
                    allocation.delete(database, uuid, is_gang=True)
        except Exception as error:
            failures.append(error)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    assert len(got) == 120
    assert stock.flaws(database) == []
    assert got.count('active') > 20


SOME_ALLOCATION = sa.select(sa.func.max(models.allocations.c.id)).scalar_subquery()


@pytest.mark.parametrize(('where', 'table', 'values'), [
    ('_nodes', models.nodes, {'generation': 99}), ('_nodes', models.nodes, {'instance_uuid': 'somebody'}),
    ('_devices', models.devices, {'state': 'draining'}), ('_devices', models.devices, {'allocation_id': SOME_ALLOCATION})])
def test_what_changes_between_a_look_and_the_write_is_not_taken(database, monkeypatch, where, table, values):
    """The look inside of a claim locks nothing: what counts is what the UPDATE finds."""
    stock.fill(database, 1)
    [pick] = decision.decide(database, {**GOLD, **REQUESTS[0]}).picks
    look = getattr(claim, where)

    def look_and_lose(connection, *args):
        found = look(connection, *args)
        if seen:
            connection.execute(sa.update(table).values(values))
        seen.append(found)
        return found
    seen = [] if where == '_nodes' else [None]      # nodes are looked at once more, before anything is written
    monkeypatch.setattr(claim, where, look_and_lose)
    with pytest.raises(errors.Outdated, match='somebody else just now'):
        allocation.take(database, GOLD, [pick], SHOWN)
    assert {one['state'] for one in stock.devices(database)} == {'ready'}
