"""What the conductor accepts and refuses, power actions, and the rest of its methods."""

import pytest

from ingot import concurrency, errors, states
from ingot.conductor import members
from ingot.conductor.task import Task
from ingot.db import conductor, lease
from ingot.db import operation as operations
from ingot.drivers import fake

SECONDS = 30


@pytest.fixture
def service(house):
    return house.service()


def misbehave(**methods):
    return {'fake': {name.replace('_', '.', 1): how for name, how in methods.items()}}


def stop_at(house, method):
    """The conductor dies in this method of a driver."""
    def die(kind, name, row):
        if name == method:
            house.world.before = None
            raise house.Death
    house.world.before = die


@pytest.mark.parametrize(('verb', 'state', 'values', 'error', 'words'), [
    ('active', 'available', {'maintenance': True, 'maintenance_reason': 'fans'}, errors.InvalidState, 'maintenance: fans'),
    ('rebuild', 'active', {'maintenance': True}, errors.InvalidState, 'maintenance'),
    ('rebuild', 'active', {'protected': True}, errors.NotPermitted, 'protected'),
    ('deleted', 'active', {'protected': True, 'protected_reason': 'payroll'}, errors.NotPermitted, 'payroll'),
    ('active', 'available', {'retired': True}, errors.InvalidState, 'retired'),
    ('active', 'manageable', {}, errors.InvalidState, 'possible now: adopt, clean, inspect, provide'),
    ('abort', 'active', {}, errors.InvalidState, 'possible now'),
    ('rescue', 'active', {'rescue_interface': 'no-rescue'}, errors.Invalid, 'cannot rescue'),
    ('dance', 'active', {}, errors.Invalid, 'no provision verb "dance"'),
    ('clean', 'manageable', {}, errors.Invalid, 'needs clean_steps'),
    ('active', 'available', {'driver': 'ipmi'}, errors.InvalidParameter, 'not enabled'),
    ('active', 'available', {'driver_info': {'fake': {'deploy.validate': {'fail': 'no image'}}}}, errors.HardwareFailure,
     'no image'),
])
def test_a_verb_is_refused_and_nothing_has_changed(house, service, verb, state, values, error, words):
    node = house.node(state, **values)
    before = house.row(node)
    with pytest.raises(error, match=words):
        service.provision(node, verb)
    after = house.row(node)
    assert {key for key in before if before[key] != after[key]} <= {'lock_epoch'}
    assert service.crew.busy == set()
    assert house.operations(node) == []


_STEP = {'args': {}, 'priority': 10}


@pytest.mark.parametrize(('verb', 'state', 'arguments', 'words'), [
    ('clean', 'manageable', {'clean_steps': [{'interface': 'raid', 'step': 'create'}]}, 'no clean step raid.create'),
    ('active', 'available', {'deploy_steps': [{**_STEP, 'interface': 'bios', 'step': 'paint'}]}, 'no deploy step bios.paint'),
    ('active', 'available', {'configdrive': {'strange': 1}}, 'config drive'),
])
def test_arguments_are_refused(house, service, verb, state, arguments, words):
    node = house.node(state)
    with pytest.raises(errors.Invalid, match=words):
        service.provision(node, verb, arguments)
    assert house.row(node)['lock_owner'] is None


def test_a_fake_machine_needs_no_port(house, service):
    node = house.node()
    with house.database.write() as connection:
        connection.exec_driver_sql('DELETE FROM ports')
    assert house.run(service, node, 'active')['provision_state'] == 'active'
    assert house.world.macs(node) == []


def test_a_node_without_ports_is_refused_where_it_must_netboot(house, service, monkeypatch):
    monkeypatch.setattr(fake.FakeBoot, 'needs_ports', True)
    node = house.node()
    with house.database.write() as connection:
        connection.exec_driver_sql('DELETE FROM ports')
    with pytest.raises(errors.InvalidParameter, match=r'no port with pxe_enabled.*'):
        service.provision(node, 'active')


def test_an_unknown_node(service):
    with pytest.raises(errors.NotFound, match='Node nobody'):
        service.provision('nobody', 'active')


def test_a_locked_node_names_its_holder(house, service):
    node = house.node()
    lease.take(house.database, node, 'elsewhere', 'inspect', 10)
    for ask in (lambda: service.provision(node, 'active'), lambda: service.power(node, 'power on'),
                lambda: service.set_boot_device(node, 'pxe')):
        with pytest.raises(errors.Locked, match=rf'Node {node} is locked by elsewhere for "inspect" since \d s'):
            ask()
    assert service.validate(node)['power'] == {'result': True}, 'reading takes no lock'
    assert service.boot_device(node) == {'boot_device': 'disk', 'persistent': True}


def test_a_request_does_not_take_a_node_whose_conductor_died(house, service):
    node = house.node()
    stop_at(house, 'export')
    house.run(service, node, 'active')
    house.expire(node)
    successor = house.service('there')
    for ask in (lambda: successor.provision(node, 'deleted'), lambda: successor.power(node, 'power off')):
        with pytest.raises(errors.Locked, match='lost its conductor'):
            ask()
    successor.crew.take_over()
    assert house.settle(successor, node)['provision_state'] == 'active'


def test_an_accepted_verb_clears_the_last_error(house, service):
    node = house.node(last_error='old', driver_info={'fake': {'deploy.machine_report': {'silent': True}}})
    assert house.run(service, node, 'active')['last_error'] is None


def test_some_verbs_only_move(house, service):
    node = house.node('inspect failed', last_error='old')
    assert service.provision(node, 'manage') == {'operation': None}
    row = house.row(node)
    assert (row['provision_state'], row['target_provision_state'], row['last_error']) == ('manageable', None, None)
    assert (row['lock_owner'], service.crew.busy) == (None, set())


def test_retired_nodes_end_in_manageable(house, service):
    node = house.node('active', retired=True)
    assert house.run(service, node, 'deleted')['provision_state'] == 'manageable'


def test_rebuild_keeps_the_config_drive_and_delete_forgets_it(house, service):
    node = house.node()
    house.run(service, node, 'active', configdrive={'meta_data': {'hostname': 'one'}})
    first = house.world.machine(node).configdrive
    house.run(service, node, 'rebuild')
    assert house.world.machine(node).configdrive == first is not None
    house.run(service, node, 'deleted')
    house.run(service, node, 'active')
    assert house.world.machine(node).configdrive is None


@pytest.mark.parametrize(('method', 'error', 'words'), [
    ('state', errors.BmcRefused('Node x: the BMC refuses the password.'), 'ipmi_password'),
    ('state', errors.BmcUnreachable('Node x: no answer from 192.0.2.1.'), 'ipmi_address'),
    ('bmc_info', errors.BmcUnreachable('Node x: no answer.'), 'has power and network')])
def test_verification_that_fails_leads_back_to_enroll_with_cause_and_remedy(house, service, method, error, words):
    node = house.node('enroll')

    def refuse(kind, name, row):
        if name == method:
            raise error
    house.world.before = refuse
    row = house.run(service, node, 'manage')
    assert (row['provision_state'], row['target_provision_state']) == ('enroll', None)
    assert str(error) in row['last_error']
    assert words in row['last_error']


def test_verification_keeps_what_the_bmc_says(house, service):
    row = house.run(service, house.node('enroll', power_state=None), 'manage')
    assert (row['power_state'], row['driver_internal_info']['bmc']['manufacturer']) == ('power off', 'Ingot')


def test_errors_of_strangers_are_not_shown(house, service):
    def fail(kind, name, row):
        if name == 'fetch':
            raise ValueError('password=secret')
    house.world.before = fail
    row = house.run(service, house.node(), 'active')
    assert row['last_error'] == 'Step "fetch image" of deploy failed: internal error ValueError; the conductor\'s log has it.'


@pytest.mark.parametrize('target', sorted(states.POWER_RESULT))
def test_power(house, service, target):
    node = house.node('manageable')
    service.power(node, target)
    row = house.settle(service, node)
    assert (row['power_state'], row['target_power_state'], row['lock_owner']) == (states.POWER_RESULT[target], None, None)
    assert house.world.machine(node).power == states.POWER_RESULT[target]


def test_power_is_under_way_while_the_machine_takes_its_time(house, service):
    node = house.node('active', driver_info=misbehave(power_set={'hang': True}))
    service.power(node, 'rebooting')
    assert house.row(node)['target_power_state'] == 'power on'
    with pytest.raises(errors.Locked, match='rebooting'):
        service.power(node, 'power off')
    assert house.let_go(service, node)['target_power_state'] is None


def test_a_power_action_whose_lease_ran_out_tells_nothing(house, service, monkeypatch):
    node = house.node('active')

    def late(task):
        task.leased_until = 0
        raise errors.Stale('Node x: our lease ran out 1.0 s ago.')
    monkeypatch.setattr(Task, 'check_lease', late)
    service.power(node, 'rebooting')
    row = house.settle(service, node)
    assert (row['last_error'], row['target_power_state'], row['lock_owner']) == (None, 'power on', 'here')


def test_power_that_hangs_is_given_up(house, service):
    node = house.node('active', driver_info=misbehave(power_set={'hang': True}))
    service.power(node, 'rebooting')
    service.crew._tasks[node].deadline = 0
    service.crew.renew()
    row = house.row(node)
    assert (row['target_power_state'], row['lock_owner']) == (None, None)
    assert row['last_error'] == '"rebooting" did not end in time and was given up.'
    closing = concurrency.spawn(service.crew.pool.close)
    assert concurrency.wait_for(lambda: house.world.release() or not closing.is_alive(), SECONDS)
    assert house.row(node) == row, 'the thread that came back has written nothing'


def test_power_that_fails_is_told(house, service):
    node = house.node('active', driver_info=misbehave(power_set={'fail': 'no answer'}))
    service.power(node, 'power on')
    row = house.settle(service, node)
    assert row['last_error'] == f'Power action "power on" failed: Node {node}: no answer'
    assert (row['target_power_state'], row['power_state'], row['lock_owner']) == (None, 'power off', None)


def test_power_of_a_dead_conductor_is_cleared(house, service):
    node = house.node('active')
    stop_at(house, 'set')
    service.power(node, 'power on')
    assert house.settle(service, node)['target_power_state'] == 'power on'
    house.service().crew.take_up()
    row = house.row(node)
    assert (row['target_power_state'], row['lock_owner']) == (None, None)
    assert 'interrupted' in row['last_error']


@pytest.mark.parametrize('state', ['cleaning', *sorted(states.WAITING)])
def test_power_is_refused_while_an_operation_needs_it(house, service, state):
    with pytest.raises(errors.InvalidState, match=f'while its state is "{state}"'):
        service.power(house.node(state), 'power off')


def test_power_targets(house, service):
    with pytest.raises(errors.Invalid, match='no power action "fly"; possible: power on'):
        service.power(house.node(), 'fly')


def test_boot_device(house, service):
    node = house.node()
    service.set_boot_device(node, 'pxe', True)
    assert service.boot_device(node) == {'boot_device': 'pxe', 'persistent': True}
    assert 'disk' in service.boot_devices(node)
    with pytest.raises(errors.InvalidParameter):
        service.set_boot_device(node, 'floppy')
    assert (house.row(node)['lock_owner'], service.crew.busy) == (None, set())


def test_what_the_bmc_knows(house, service):
    node = house.node()
    assert service.bmc_info(node)['product'] == 'Fake'
    assert 'Temperature' in service.sensors(node)


def test_validate(house, service):
    found = service.validate(house.node(driver_info=misbehave(deploy_validate={'fail': 'no image'})))
    assert found['deploy']['result'] is False
    assert 'no image' in found['deploy']['reason']
    assert found['power'] == {'result': True}


def test_a_step_that_hangs_is_given_up_and_its_thread_can_write_nothing_more(house, service):
    node = house.node(driver_info=misbehave(deploy_export={'hang': True, 'times': 1}))
    service.provision(node, 'active')
    assert concurrency.wait_for(lambda: service.crew.renew() or house.operations(node)[-1]['step'] == 'export image', 10)
    [hanging] = service.crew._tasks.values()
    assert house.row(node)['lock_epoch'] == hanging.epoch, 'in time it is left alone'
    hanging.deadline = 0
    service.crew.renew()
    row = house.settle(service, node)
    assert row['provision_state'] == 'deploy failed'
    assert 'Step "export image" of deploy failed: it did not end in time' in row['last_error']
    assert house.world.leftovers(node) == []
    events = len(house.events('step', node))
    closing = concurrency.spawn(service.crew.pool.close)
    assert concurrency.wait_for(lambda: house.world.release() or not closing.is_alive(), SECONDS)
    assert house.row(node) == row
    assert len(house.events('step', node)) == events


def test_a_lost_lease_stops_a_flow(house, service):
    """Another conductor took over while this one was frozen: it touches nothing more."""
    node = house.node()

    def freeze(work, task):
        work(task)
        house.expire(node)
        lease.take(house.database, node, 'there', 'take over', 100)
    house.sabotage(service, 'deploy', 'fetch image', do=freeze)
    row = house.run(service, node, 'active')
    assert (row['provision_state'], row['lock_owner']) == ('deploying', 'there')
    assert not [call for call in house.world.calls if call[0] in ('power', 'management') and call[1] != 'validate']


def test_who_stood_still_for_longer_than_its_lease_fails_nothing(house, service):
    """Nobody took over meanwhile (it is the only one): the step is not touched, and runs again when it is taken up."""
    node = house.node()

    def stand_still(work, task):
        work(task)
        house.expire(node)
        task.leased_until = 0
        task.interface('deploy')
    house.sabotage(service, 'deploy', 'fetch image', do=stand_still)
    row = house.run(service, node, 'active')
    assert (row['provision_state'], row['last_error'], house.operations(node)[0]['step']) == ('deploying', None, 'fetch image')
    successor = house.service()
    successor.crew.take_over()
    assert house.settle(successor, node)['provision_state'] == 'active'
    assert house.world.machine(node).writes == 1


def test_leases_are_renewed(house, service):
    node = house.node(driver_info=misbehave(deploy_export={'hang': True, 'times': 1}))
    service.provision(node, 'active')
    house.change(node, lock_expires_at=1.0)
    service.crew.renew()
    assert house.row(node)['lock_expires_at'] > 1.0
    assert house.let_go(service, node)['provision_state'] == 'active'


def test_a_conductor_that_is_stopped_hands_its_work_over(house, service):
    node = house.node()
    successor = house.service('there')
    stopping = service.crew._stopping
    house.sabotage(service, 'deploy', 'fetch image', do=lambda work, task: (work(task), stopping.set()))
    row = house.run(service, node, 'active')
    assert (house.operations(node)[-1]['step'], row['provision_state']) == ('fetch image', 'deploying')
    successor.crew.take_over()
    assert house.settle(successor, node)['provision_state'] == 'active'
    assert [one['status'] for one in house.operations(node)] == ['done']


def test_a_step_that_kills_every_conductor_is_given_up(house, service):
    def die(work, task):
        raise house.Death
    node = house.node()
    house.sabotage(service, 'deploy', 'export image', do=die)
    house.run(service, node, 'active')
    for _ in range(20):
        house.expire(node)
        service.crew.take_over()
        if house.settle(service, node)['lock_owner'] is None:
            break
    row = house.row(node)
    assert row['provision_state'] == 'deploy failed'
    assert 'was started 10 times' in row['last_error']


def test_start_joins_and_stop_leaves(house, service):
    service.start()
    [row] = conductor.alive(house.database)
    assert (row['hostname'], row['drivers']) == ('here', ['fake-hardware'])
    assert row['interfaces']['fake-hardware']['power'] == ['fake']
    service.stop()
    assert conductor.alive(house.database) == []
    assert [row['online'] for row in conductor.every(house.database)] == [False]


def test_a_started_conductor_goes_on_by_itself(house, service):
    """The whole of it: one dies, the next one starts and finishes the work without being asked."""
    node = house.node()
    stop_at(house, 'machine_report')
    house.run(service, node, 'active')
    successor = house.service(conductor__heartbeat_seconds=0.1)
    successor.start()
    assert concurrency.wait_for(lambda: house.row(node)['provision_state'] == 'active', 30)
    assert house.world.machine(node).writes == 1


def test_members_describe_what_they_serve(house):
    members.join(house.conf('a'), house.database, house.drivers)
    members.join(house.conf('a'), house.database, house.drivers)
    assert len(conductor.every(house.database)) == 1


def test_current_operation(house, service):
    node = house.node(driver_info={'fake': {'deploy.machine_report': {'silent': True}}})
    assert operations.current(house.database, house.row(node)) is None
    house.run(service, node, 'active')
    assert operations.current(house.database, house.row(node))['flow'] == 'deploy'


def test_the_leases_of_steps_that_still_run_are_kept_while_a_conductor_stops(house):
    """Else another one would do the same step at the same time."""
    service = house.service(conductor__heartbeat_seconds=0.1, conductor__lease_seconds=0.5)
    node, begun, may_end = house.node(), concurrency.Event(), concurrency.Event()
    house.sabotage(service, 'deploy', 'fetch image', do=lambda work, task: begun.set() or may_end.wait(SECONDS))
    service.start()
    service.provision(node, 'active')
    assert begun.wait(SECONDS)
    stopping = concurrency.spawn(service.stop)
    assert concurrency.wait_for(lambda: service.crew.is_stopping, SECONDS)
    expires_at = house.row(node)['lock_expires_at']
    assert concurrency.wait_for(lambda: house.row(node)['lock_expires_at'] > expires_at + 0.5, 10)
    with pytest.raises(errors.Unavailable, match='about to end'):
        service.provision(house.node(), 'active')
    may_end.set()
    stopping.join(SECONDS)
    assert house.row(node)['lock_expires_at'] == 0, 'handed over'
