"""Quiet steps: their beginning is written with what follows, and nobody is to notice."""

import orjson
import pytest

from ingot import concurrency
from ingot.db import lease

HOLD = {'interface': 'power', 'step': 'hold', 'args': {}}
SECONDS = 30


def hangs(method, **more):
    """driver_info of a node whose ``method`` hangs once."""
    return {'fake': {method: {'hang': True, 'times': 1}, **more}}


@pytest.fixture
def service(house):
    return house.service()


def until_called(house, node, *method):
    assert concurrency.wait_for(lambda: (*method, node) in house.world.calls, SECONDS)


def give_up(house, service, node):
    [hanging] = service.crew._tasks.values()
    hanging.deadline = 0
    service.crew.renew()
    return house.settle(service, node)


def wake(house, service):
    """Let go on what hangs; it has ended when this returns."""
    closing = concurrency.spawn(service.crew.pool.close)
    assert concurrency.wait_for(lambda: house.world.release() or not closing.is_alive(), SECONDS)


def record(house, node):
    return house.world.records[house.mac(node)][1].parameters


def test_who_hangs_in_a_quiet_step_is_undone_from_there(house, service):
    node = house.node(driver_info=hangs('deploy.export'))
    service.provision(node, 'active')
    until_called(house, node, 'deploy', 'export')
    assert house.operations(node)[-1]['step'] == 'fetch image'
    row = give_up(house, service, node)
    assert row['provision_state'] == 'deploy failed'
    assert 'Step "export image" of deploy failed: it did not end in time' in row['last_error']
    undone = [orjson.loads(orjson.dumps(one['data']))['step'] for one in house.events('undo', node)]
    assert undone == ['export image', 'fetch image']
    assert house.operations(node)[-1]['step'] == 'export image', 'who undoes after a crash begins there'
    wake(house, service)
    assert house.world.leftovers(node) == []


@pytest.mark.parametrize('method', ['deploy.fetch', 'deploy.export'])
def test_who_was_given_up_does_nothing_more(house, service, method):
    silent = {'deploy.machine_report': {'silent': True}}
    node = house.node(driver_info=hangs(method, **silent))
    service.provision(node, 'active')
    until_called(house, node, *method.split('.'))
    assert give_up(house, service, node)['provision_state'] == 'deploy failed'
    assert house.run(house.service(), node, 'active')['provision_state'] == 'wait call-back'
    wake(house, service)
    assert record(house, node)['ingot.operation'] == house.row(node)['operation']
    assert list(house.world.machine(node).exports) == [house.row(node)['operation']]


def test_a_second_life_of_a_host_keeps_its_boot_record(house, service):
    """The first one hangs, and comes back while it believes in its lease."""
    node = house.node(driver_info=hangs('deploy.fetch', **{'deploy.machine_report': {'silent': True}}))
    service.provision(node, 'active')
    until_called(house, node, 'deploy', 'fetch')
    successor = house.service()
    successor.crew.take_up()
    assert house.settle(successor, node)['provision_state'] == 'wait call-back'
    token = record(house, node)['ingot.token']
    wake(house, service)
    assert record(house, node)['ingot.token'] == token
    house.agent(node).hello()


def test_a_quiet_step_that_kills_its_conductors_is_given_up(house, service):
    node = house.node('enroll')

    def die(work, task):
        work(task)
        raise house.Death
    house.sabotage(service, 'verify', 'read parts', do=die)
    house.run(service, node, 'manage')
    for _ in range(20):
        house.expire(node)
        service.crew.take_over()
        row = house.settle(service, node)
    assert (row['provision_state'], row['lock_owner']) == ('enroll', None)
    assert 'was started 10 times' in row['last_error']


def test_a_hold_is_held_once(house, service):
    """It is the last step that was chosen, and its conductor dies in the step after it."""
    node = house.node('manageable')

    def die(work, task):
        raise house.Death
    house.sabotage(service, 'clean by hand', 'end cleaning', do=die)
    assert house.run(service, node, 'clean', clean_steps=[HOLD])['provision_state'] == 'clean hold'
    house.run(service, node, 'unhold')
    house.expire(node)
    successor = house.service('there')
    successor.crew.take_over()
    assert house.settle(successor, node)['provision_state'] == 'manageable'


def test_the_heartbeat_names_a_step_that_lasts_though_it_met_another_write(house, service, monkeypatch):
    """A heartbeat is about to name one step while the flow writes the beginning of the next."""
    node = house.node('available', driver_info=hangs('deploy.export'))
    update, meeting = lease.update, []
    is_there, is_saved = concurrency.Event(), concurrency.Event()

    def slowly(*args, **kwargs):
        if meeting:
            meeting.pop()
            is_there.set()
            assert is_saved.wait(SECONDS)
        return update(*args, **kwargs)
    monkeypatch.setattr(lease, 'update', slowly)

    def linger(work, task):
        task.note(step='quiet')
        service.crew.renew()
        meeting.append(True)
        beat = concurrency.spawn(service.crew.renew)
        assert is_there.wait(SECONDS)
        task.save(step='fetch image')
        is_saved.set()
        beat.join()
        work(task)
    house.sabotage(service, 'deploy', 'fetch image', do=linger)
    service.provision(node, 'active')
    until_called(house, node, 'deploy', 'export')
    service.crew.renew()
    service.crew.renew()
    assert house.operations(node)[-1]['step'] == 'export image'
    house.world.release()
    house.settle(service, node)
