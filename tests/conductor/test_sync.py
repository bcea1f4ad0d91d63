"""Power sync: what is found is written down, silent BMCs are set aside and come back."""

import time

import pytest

from ingot import concurrency, errors
from ingot.conductor import looks, pace
from ingot.db import lease, power
from ingot.drivers.fake import FakePower

SECONDS = 30


@pytest.fixture
def look(house):
    """A function that makes one round of power sync, with every node due."""
    service = house.service(conductor__power_sync_seconds=0.001)

    def look(node):
        house.change(node, power_checked_at=0)
        service.crew.sync.turn(is_whole=True)
        return house.row(node)
    return look


@pytest.fixture
def bmc(house):
    """A list: while it holds an error, reading the power state raises it."""
    fault = []

    def refuse(kind, method, row):
        if method == 'state' and fault:
            raise fault[0]
    house.world.before = refuse
    return fault


def test_what_is_found_is_written_down(house, look):
    node = house.node('active', power_state='power on')
    house.world.machine(node).power = 'power off'
    row = look(node)
    assert (row['power_state'], row['generation'], row['power_failures']) == ('power off', 2, 0)
    [_event] = house.events('power_state', node)
    assert look(node)['generation'] == 2, 'no news, no change'


def test_three_failures_set_a_node_aside_and_one_success_brings_it_back(house, look, bmc):
    node = house.node('active')
    bmc.append(errors.BmcUnreachable('No answer from 192.0.2.7.'))
    for _ in range(2):
        assert look(node)['maintenance'] is False
    row = look(node)
    assert (row['maintenance'], row['fault']) == (True, 'power failure')
    assert 'could not be read 3 times: No answer from 192.0.2.7. Remedy: Check' in row['maintenance_reason']
    assert look(node)['fault'] == 'power failure'
    bmc.clear()
    row = look(node)
    assert (row['maintenance'], row['fault'], row['maintenance_reason'], row['power_failures']) == (False, None, None, 0)
    assert len(house.events('maintenance', node)) == 2


def test_failures_that_do_not_follow_each_other_do_not_count(house, look, bmc):
    node = house.node('active')
    for _ in range(3):
        bmc.append(RuntimeError('strange'))
        assert look(node)['power_failures'] == 1
        bmc.clear()
        assert look(node)['power_failures'] == 0


def test_an_operators_maintenance_is_left_alone(house, look):
    node = house.node('active', maintenance=True, power_state='power on')
    assert look(node)['power_state'] == 'power on'


@pytest.mark.parametrize('state', ['enroll', 'wait call-back', 'clean wait'])
def test_states_in_which_nobody_looks(house, look, state):
    assert look(house.node(state, power_state='power on'))['power_state'] == 'power on'


def test_a_node_that_was_worked_on_meanwhile_is_not_written(house, look):
    """What was read before somebody switched the machine is old news."""
    node = house.node('active', power_state='power off')
    seen = house.row(node)
    held = lease.take(house.database, node, 'there', 'power on', 10)
    assert power.record(house.database, seen, 'power on') is False
    lease.release(house.database, node, held['lock_epoch'])
    assert power.record(house.database, seen, 'power on') is False
    assert power.record(house.database, house.row(node), 'power on') is True


def test_off_means_off(house):
    node = house.node('active', power_state='power on')
    house.service(conductor__power_sync_seconds=0).crew.sync.turn(is_whole=True)
    assert house.row(node)['power_state'] == 'power on'


def test_nodes_of_other_drivers_and_fresh_looks_are_left_out(house, look):
    node = house.node('active')
    look(node)
    assert power.due(house.database, 60, ['fake-hardware']) == []
    assert power.due(house.database, -1, ['ipmi']) == []
    assert [row['uuid'] for row in power.due(house.database, -1, ['fake-hardware'])] == [node]


def test_one_round_looks_at_everything_that_is_due(house, look):
    """More nodes than there are workers."""
    others = [house.node('active', power_state='power on') for _ in range(3 * looks.WORKERS)]
    for node in others:
        house.world.machine(node).power = 'power off'
    look(house.node('active'))
    assert {house.row(node)['power_state'] for node in others} == {'power off'}


def test_a_round_ends_early_when_the_conductor_is_to_stop(house):
    service = house.service(conductor__power_sync_seconds=0.001)
    node = house.node('active', power_state='power on', power_checked_at=0)
    house.world.machine(node).power = 'power off'
    service.crew.stop()
    service.crew.sync.turn(is_whole=True)
    assert house.row(node)['power_state'] == 'power on'


# Machines whose driver needs no thread for each.

class Direct:
    """BMCs that ``answer`` when a test says so; ``silent`` uuids are never heard of."""

    def __init__(self, house, monkeypatch):
        self.house, self.asked, self.pending, self.silent, self.state_of = house, [], {}, set(), {}
        monkeypatch.setattr(FakePower, 'begin_state', self.begin_state, raising=False)
        self.is_prompt = True

    def begin_state(self, node, answered):
        self.asked.append(node['uuid'])
        self.pending[node['uuid']] = answered
        if self.is_prompt and node['uuid'] not in self.silent:
            concurrency.spawn(self.answer, node['uuid'])

    def answer(self, uuid, error=None):
        answered = self.pending.pop(uuid)
        answered(None, error) if error else answered(self.state_of.get(uuid, 'power off'))


@pytest.fixture
def direct(house, monkeypatch):
    return Direct(house, monkeypatch)


@pytest.fixture
def crew(house):
    """A crew that finds every node due, and one write enough for all of them."""
    return house.service(conductor__power_sync_seconds=0.001).crew


def test_many_that_are_as_they_were_cost_one_write(house, direct, crew, monkeypatch):
    writes, honest = [], power.record_same
    monkeypatch.setattr(power, 'record_same', lambda database, ids: writes.append(ids) or honest(database, ids))
    monkeypatch.setattr(power, 'record', lambda *_: pytest.fail('nothing has changed'))
    many, began = [house.node('active') for _ in range(60)], time.time()
    crew.sync.turn(is_whole=True)
    assert sorted(direct.asked) == sorted(many)
    assert [len(ids) for ids in writes] == [60]
    for row in map(house.row, many):
        assert (row['power_checked_at'] >= began, row['generation'], row['power_state']) == (True, 1, 'power off')


def test_each_change_and_each_failure_among_many_is_told(house, direct, crew):
    many = [house.node('active') for _ in range(40)]
    direct.state_of = dict.fromkeys(many[:7], 'power on')
    broken = dict.fromkeys(many[30:], errors.BmcUnreachable('No answer.'))
    direct.is_prompt = False
    turn = concurrency.spawn(crew.sync.turn, is_whole=True)
    assert concurrency.wait_for(lambda: len(direct.pending) == 40, SECONDS)
    for uuid in many:
        direct.answer(uuid, broken.get(uuid))
    turn.join(SECONDS)
    assert [house.row(node)['power_state'] for node in many] == ['power on'] * 7 + ['power off'] * 33
    assert [len(house.events('power_state', node)) for node in many] == [1] * 7 + [0] * 33
    assert [house.row(node)['power_failures'] for node in many] == [0] * 30 + [1] * 10


def test_silent_ones_do_not_hold_up_the_others(house, direct, crew):
    """More of them than are asked at once, and first in line."""
    silent = [house.node('active', power_checked_at=1) for _ in range(2 * pace.LEAST)]
    others = [house.node('active', power_checked_at=2, power_state='power on') for _ in range(20)]
    direct.silent = set(silent)
    began = time.monotonic()
    crew.sync.turn()
    while not all(house.row(node)['power_state'] == 'power off' for node in others):
        assert time.monotonic() - began < SECONDS
        crew.sync.turn()
    assert {house.row(node)['power_checked_at'] for node in silent} == {1}, 'they are still waited for'
    assert [direct.asked.count(node) for node in silent] == [1] * len(silent), 'and not asked again meanwhile'
    for node in silent:
        direct.answer(node, errors.BmcUnreachable('No answer.'))
    crew.sync.turn()
    assert {house.row(node)['power_failures'] for node in silent} == {1}


def test_silent_ones_do_not_fill_the_page_of_those_that_are_due(house, direct, crew, monkeypatch):
    monkeypatch.setattr('ingot.conductor.sync.MOST_DUE', 10)
    direct.silent = {house.node('active', power_checked_at=1) for _ in range(15)}
    others = [house.node('active', power_checked_at=2) for _ in range(5)]
    for _ in range(4):
        crew.sync.turn()
    assert set(others) <= set(direct.asked)


def test_a_maintenance_of_ours_ends_though_nothing_else_has_changed(house, direct, crew):
    node = house.node('active', maintenance=True, fault='power failure', maintenance_reason='It was silent.')
    crew.sync.turn(is_whole=True)
    assert house.row(node)['maintenance'] is False


def test_who_is_silent_three_times_is_set_aside_and_comes_back(house, direct, crew):
    node = house.node('active')
    direct.is_prompt = False

    def answer(error=None):
        house.change(node, power_checked_at=0)
        turn = concurrency.spawn(crew.sync.turn, is_whole=True)
        assert concurrency.wait_for(lambda: direct.pending, SECONDS)
        direct.answer(node, error)
        turn.join(SECONDS)
        return house.row(node)
    for _ in range(3):
        row = answer(errors.BmcUnreachable('No answer.'))
    assert (row['maintenance'], row['fault'], row['power_failures']) == (True, 'power failure', 3)
    row = answer()
    assert (row['maintenance'], row['fault'], row['power_failures']) == (False, None, 0)


def test_a_driver_that_fails_at_once_is_a_failure_too(house, crew, monkeypatch):
    def refuse(power, node, answered):
        raise errors.InvalidParameter(f'Node {node["uuid"]}: driver_info/address is missing.')
    monkeypatch.setattr(FakePower, 'begin_state', refuse, raising=False)
    node = house.node('active')
    crew.sync.turn(is_whole=True)
    assert house.row(node)['power_failures'] == 1


def test_an_answer_that_never_comes_is_given_up(house, direct, crew, monkeypatch):
    monkeypatch.setattr(looks, 'LOST', 0.2)
    node = house.node('active')
    direct.silent = {node}
    crew.sync.turn(is_whole=True)
    assert house.row(node)['power_failures'] == 1
    direct.answer(node)                      # far too late
    direct.silent = set()
    crew.sync.turn(is_whole=True)
    assert direct.asked == [node, node]
    assert house.row(node)['power_failures'] == 0


def test_a_node_that_is_locked_meanwhile_is_left_out_of_the_write_for_many(house, direct, crew):
    one, other = house.node('active'), house.node('active')
    direct.is_prompt = False
    turn = concurrency.spawn(crew.sync.turn, is_whole=True)
    assert concurrency.wait_for(lambda: len(direct.pending) == 2, SECONDS)
    lease.take(house.database, one, 'there', 'power on', 10)
    direct.answer(one)
    direct.answer(other)
    turn.join(SECONDS)
    assert house.row(one)['power_checked_at'] == 0
    assert house.row(other)['power_checked_at'] > 0


def test_a_database_that_fails_loses_no_look(house, direct, crew, monkeypatch):
    """What could not be written is due still, and is asked again."""
    many = [house.node('active') for _ in range(10)]
    with monkeypatch.context() as patch:
        patch.setattr(power, 'record_same', lambda *_: (_ for _ in ()).throw(errors.DatabaseFailed('The disk is full.')))
        with pytest.raises(errors.DatabaseFailed):
            crew.sync.turn(is_whole=True)
    crew.sync.turn(is_whole=True)
    assert all(house.row(node)['power_checked_at'] > 0 for node in many)
    assert len(direct.asked) == 20


def test_one_that_cannot_be_written_down_does_not_keep_the_others_from_it(house, direct, crew, monkeypatch):
    many, honest = [house.node('active', power_state='power on') for _ in range(5)], power.record
    monkeypatch.setattr(power, 'record', lambda database, node, state: {}['broken'] if node['uuid'] == many[0] else honest(
        database, node, state))
    crew.sync.turn(is_whole=True)
    assert [house.row(node)['power_state'] for node in many] == ['power on'] + ['power off'] * 4


def test_looks_are_spread_over_the_time(house, direct, monkeypatch):
    """All are due at the start; a turn begins its share of them, the oldest first."""
    present = [1000.0]
    monkeypatch.setattr('ingot.conductor.sync.time.monotonic', lambda: present[0])
    nodes = [house.node('active', power_checked_at=number) for number in range(60)]
    crew, turns = house.service(conductor__power_sync_seconds=20).crew, []
    while len(direct.asked) < 60:
        before = len(direct.asked)
        crew.sync.turn(is_whole=True)
        turns.append(len(direct.asked) - before)
        present[0] += 1
        assert len(turns) <= 20, 'all of them in their time'
    assert max(turns) <= 5
    assert direct.asked == nodes
    crew.sync.turn(is_whole=True)
    assert len(direct.asked) == 60, 'nobody is due again'


def test_a_turn_that_took_long_is_made_up_for(house, direct, monkeypatch):
    present = [1000.0]
    monkeypatch.setattr('ingot.conductor.sync.time.monotonic', lambda: present[0])
    for _ in range(60):
        house.node('active')
    crew = house.service(conductor__power_sync_seconds=20).crew
    crew.sync.turn(is_whole=True)
    first = len(direct.asked)
    present[0] += 10
    crew.sync.turn(is_whole=True)
    assert len(direct.asked) >= first + 30


def test_drivers_that_hang_in_their_threads_do_not_hold_up_the_turn(house, crew):
    """More of them than there are threads; what they say in the end is written by a later turn."""
    release = concurrency.Event()
    nodes = [house.node('active', power_state='power on') for _ in range(looks.WORKERS + 2)]
    for node in nodes:
        house.world.machine(node).power = 'power off'

    def hang(kind, method, row):
        if method == 'state':
            release.wait(SECONDS)
    house.world.before = hang
    began = time.monotonic()
    crew.sync.turn()
    assert time.monotonic() - began < SECONDS / 2
    assert {house.row(node)['power_state'] for node in nodes} == {'power on'}
    release.set()
    assert concurrency.wait_for(
        lambda: crew.sync.turn() or {house.row(node)['power_state'] for node in nodes} == {'power off'}, SECONDS)
