"""Power sync: what is found is written down, silent BMCs are set aside and come back."""

import pytest

from ingot import errors
from ingot.conductor import looks
from ingot.db import lease, power


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
