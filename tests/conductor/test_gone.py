"""A conductor is gone with its host: what machines were to boot from, or read from, is put out anew by the one that follows."""

import pytest

from ingot import errors
from ingot.conductor import watch
from ingot.db import conductor, lookup

SILENT = {'fake': {'deploy.machine_report': {'silent': True}}}
BROKEN = {'code': 'io-error', 'message': 'the image could not be read'}


def vanish(house, node, *, for_seconds):
    """The host of conductor "here" is gone for so long, with its disk."""
    conductor.register(house.database, 'here', {}, seconds=-for_seconds, boot_url='http://here:1')
    machine = house.world.machine(node)
    machine.exports.clear()
    machine.held.clear()
    house.world.records.clear()


@pytest.fixture
def waiting(house):
    """(successor, node): a deployment by "here" that waits for its machine."""
    node = house.node(driver_info=SILENT)
    house.run(house.service(), node, 'active')
    return house.service('there'), node


def look(house, successor, node):
    watch.machines(successor.crew)
    return house.settle(successor, node)


def finish(house, successor, node):
    agent = house.agent(node)
    agent.hello()
    agent.report()
    row = look(house, successor, node)
    assert (row['provision_state'], row['last_error']) == ('active', None)
    assert house.world.leftovers(node) == ['power on']


def test_a_machine_that_did_not_call_home_boots_from_the_one_that_follows(house, waiting):
    successor, node = waiting
    before = house.agent(node)
    vanish(house, node, for_seconds=watch.GRACE + 1)
    assert look(house, successor, node)['provision_state'] == 'wait call-back'
    after = house.agent(node)
    assert (before.operation, before.token != after.token) == (after.operation, True)
    assert list(house.world.machine(node).exports) == [after.operation]
    assert house.operations(node)[-1]['boot_host'] == 'there'
    with pytest.raises(errors.NotAuthorized):
        before.hello()
    finish(house, successor, node)


def test_one_that_may_come_back_is_waited_for(house, waiting):
    successor, node = waiting
    token = house.agent(node).token
    conductor.register(house.database, 'here', {}, seconds=1 - watch.GRACE)
    look(house, successor, node)
    assert house.agent(node).token == token


def test_a_machine_that_has_called_home_is_left_alone(house, waiting):
    successor, node = waiting
    agent = house.agent(node)
    agent.hello()
    vanish(house, node, for_seconds=watch.GRACE + 1)
    switched = house.world.calls.count(('power', 'set', node))
    look(house, successor, node)
    assert house.world.calls.count(('power', 'set', node)) == switched
    agent.report()
    assert look(house, successor, node)['provision_state'] == 'active'


def test_a_machine_that_lost_what_it_read_boots_anew(house, waiting):
    successor, node = waiting
    agent = house.agent(node)
    agent.hello()
    vanish(house, node, for_seconds=1)
    agent.report('failed', error=BROKEN)
    row = look(house, successor, node)
    assert (row['provision_state'], row['last_error']) == ('wait call-back', None)
    assert [one['action'] for one in house.operations(node)[-1]['plan']['actions']] == ['write image']
    finish(house, successor, node)


def test_a_machine_that_failed_twice_has_failed(house, waiting):
    successor, node = waiting
    for attempt in range(2):
        agent = house.agent(node)
        agent.hello()
        if not attempt:
            vanish(house, node, for_seconds=1)
        agent.report('failed', error=BROKEN)
        row = look(house, successor, node)
    assert row['provision_state'] == 'deploy failed'
    assert 'the image could not be read' in row['last_error']
    assert house.world.leftovers(node) == []


def test_the_failure_of_a_machine_whose_conductor_lives_is_its_own(house, waiting):
    successor, node = waiting
    conductor.register(house.database, 'here', {}, seconds=100)
    agent = house.agent(node)
    agent.hello()
    agent.report('failed', error=BROKEN)
    assert look(house, successor, node)['provision_state'] == 'deploy failed'


@pytest.mark.parametrize('step', ['publish ramdisk', 'start ramdisk'])
def test_a_step_that_is_taken_over_brings_the_export_with_it(house, step):
    service, node = house.service(), house.node(driver_info=SILENT)

    def die(work, task):
        raise house.Death
    house.sabotage(service, 'deploy', step, do=die)
    house.run(service, node, 'active')
    vanish(house, node, for_seconds=1)
    house.expire(node)
    successor = house.service('there')
    successor.crew.take_over()
    assert house.settle(successor, node)['provision_state'] == 'wait call-back'
    assert list(house.world.machine(node).exports) == [house.agent(node).operation]
    finish(house, successor, node)


def test_a_cleaning_whose_machine_did_not_call_home_boots_from_the_one_that_follows(house):
    node = house.node('manageable', driver_info=SILENT)
    house.run(house.service(), node, 'provide')
    vanish(house, node, for_seconds=watch.GRACE + 1)
    successor = house.service('there')
    assert look(house, successor, node)['provision_state'] == 'clean wait'
    agent = house.agent(node)
    agent.hello()
    agent.report()
    assert look(house, successor, node)['provision_state'] == 'available'


def test_where_the_record_of_a_card_is(house, waiting):
    _, node = waiting
    mac = house.mac(node)
    conductor.register(house.database, 'here', {}, seconds=9, boot_url='http://10.0.0.1:8080')
    assert lookup.boot_url(house.database, mac, host='there') == 'http://10.0.0.1:8080'
    assert lookup.boot_url(house.database, mac, host='here') is None
    assert lookup.boot_url(house.database, '52:54:00:00:00:00', host='there') is None
