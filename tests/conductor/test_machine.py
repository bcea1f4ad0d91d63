"""The machine works alone: it calls home, reports, is late, is silent, is stopped; conductors come and go meanwhile."""

import time

import orjson
import pytest

from ingot import errors
from ingot.conductor import watch
from ingot.db import event, history, inventory, operation

SILENT = {'fake': {'deploy.machine_report': {'silent': True}}}


@pytest.fixture
def waiting(house):
    """(service, node, agent): a deployment that waits for a machine whose part the test plays."""
    service, node = house.service(), house.node(driver_info=SILENT)
    row = house.run(service, node, 'active', configdrive={'meta_data': {'hostname': 'one'}})
    assert (row['provision_state'], row['target_provision_state']) == ('wait call-back', 'active')
    assert (row['lock_owner'], house.operations(node)[-1]['status']) == (None, 'waiting')
    return service, node, house.agent(node)


def count(house, kind, method):
    return sum((kind, method) == call[:2] for call in house.world.calls)


def test_the_plan_says_all(house, waiting):
    _, node, agent = waiting
    plan = orjson.loads(agent.hello())
    write, drive = plan['actions']
    assert (plan['version'], plan['operation'], plan['node'], plan['then']) == (1, agent.operation, node, 'power off')
    assert plan['deadline'] == 1800
    assert (write['action'], drive['action']) == ('write image', 'write configdrive')
    assert set(write['target']) == {'host', 'port', 'iqn', 'lun', 'user', 'secret'}
    assert set(write['image']) == {'size', 'chunk_size', 'extents', 'chunks'}
    assert house.operations(node)[-1]['export_iqn'] == write['target']['iqn']
    assert drive['iso']


def test_the_report_leads_to_the_end(house, waiting):
    service, node, agent = waiting
    agent.hello()
    assert agent.report() == {'then': 'power off'}
    service.continue_operation(agent.operation)
    assert house.settle(service, node)['provision_state'] == 'active'
    assert house.world.leftovers(node) == ['power on']
    assert agent.report() == {'then': 'power off'}, 'the same report again gets the same answer'


def test_a_report_that_nobody_was_told_of_is_found(house, waiting):
    _, node, agent = waiting
    agent.hello()
    agent.report()
    successor = house.service('there')
    watch.machines(successor.crew)
    assert house.settle(successor, node)['provision_state'] == 'active'


def test_a_report_on_the_way_to_waiting_is_not_missed(house):
    """The machine is faster than we let go of the lock: the nudge finds it locked, and must not be lost."""
    service, node = house.service(), house.node(driver_info=SILENT)

    def quick(kind, method, row):
        if method == 'machine_report' and not house.operations(node)[-1]['report']:
            agent = house.agent(node)
            agent.hello()
            agent.report()
            service.continue_operation(agent.operation)
    house.world.after = quick
    assert house.run(service, node, 'active')['provision_state'] == 'active'


def test_a_failed_report_fails_the_deployment_in_the_machines_words(house, waiting):
    service, node, agent = waiting
    agent.hello()
    agent.report('failed', error={'code': 'no-root-disk', 'message': 'No disk fits.', 'remedy': 'Change the hints.'})
    service.continue_operation(agent.operation)
    row = house.settle(service, node)
    assert row['provision_state'] == 'deploy failed'
    assert row['last_error'].endswith('the machine reports: No disk fits. Remedy: Change the hints.')
    assert house.world.leftovers(node) == []
    with pytest.raises(errors.OperationEnded):
        agent.report()


def test_nothing_is_redone_when_conductors_come_and_go_meanwhile(house, waiting):
    _, node, agent = waiting
    agent.hello()
    before = list(house.world.calls)
    successor = house.service()
    successor.crew.take_up()
    watch.machines(successor.crew)
    assert house.settle(successor, node)['provision_state'] == 'wait call-back'
    assert list(house.world.calls) == before
    assert agent.record({'seq': 1, 'kind': 'phase', 'data': {'phase': 'write image'}}) == 1


def die_after_start_ramdisk(house, service, node):
    """Deploy; the conductor dies when it has switched the machine on, before that is written down."""
    def die(work, task):
        work(task)
        raise house.Death
    house.sabotage(service, 'deploy', 'start ramdisk', do=die)
    house.run(service, node, 'active')


def test_a_machine_that_is_at_work_is_not_started_again(house):
    """The conductor dies in "start ramdisk" after the machine was switched on; the machine calls home meanwhile."""
    service, node = house.service(), house.node(driver_info=SILENT)

    die_after_start_ramdisk(house, service, node)
    agent = house.agent(node)
    agent.hello()
    before = count(house, 'power', 'set')
    successor = house.service()
    successor.crew.take_up()
    assert house.settle(successor, node)['provision_state'] == 'wait call-back'
    assert count(house, 'power', 'set') == before
    agent.report()
    successor.continue_operation(agent.operation)
    assert house.settle(successor, node)['provision_state'] == 'active'


def test_a_lease_that_is_lost_is_not_taken_for_a_machine_at_work(house):
    """Both are conflicts: the second attempt at "start ramdisk" must not go on without having started it."""
    service, node = house.service(), house.node(driver_info=SILENT)

    die_after_start_ramdisk(house, service, node)
    late, successor = [True], house.service()

    def sleep(work, task):
        if late:
            late.pop()
            task.leased_until = 0
        return work(task)
    house.sabotage(successor, 'deploy', 'start ramdisk', do=sleep)
    successor.crew.take_up()
    assert house.settle(successor, node)['provision_state'] == 'deploying'
    house.expire(node)
    before = count(house, 'power', 'set')
    successor.crew.take_over()
    assert house.settle(successor, node)['provision_state'] == 'wait call-back'
    assert count(house, 'power', 'set') > before, 'the machine is started'


def test_a_machine_that_is_started_again_gets_a_new_token(house):
    service, node = house.service(), house.node(driver_info=SILENT)

    die_after_start_ramdisk(house, service, node)
    old = house.agent(node)
    successor = house.service()
    successor.crew.take_up()
    house.settle(successor, node)
    new = house.agent(node)
    assert new.token != old.token
    with pytest.raises(errors.NotAuthorized):
        old.hello()
    assert new.hello()


def test_deadline(house, waiting):
    service, node, agent = waiting
    agent.hello()
    agent.record({'seq': 1, 'kind': 'phase', 'data': {'phase': 'write image'}})
    house.change_operation(node, deadline_at=time.time() - 1)
    watch.machines(service.crew)
    assert house.settle(service, node)['provision_state'] == 'wait call-back', 'we listen for a moment only'
    service.crew.started_at -= 10_000
    watch.machines(service.crew)
    row = house.settle(service, node)
    assert row['provision_state'] == 'deploy failed'
    assert 'did not finish within 1800 s; it did last: write image.' in row['last_error']
    assert house.world.leftovers(node) == []
    with pytest.raises(errors.OperationEnded):
        agent.record()


def test_a_report_counts_though_the_deadline_is_over(house, waiting):
    service, node, agent = waiting
    agent.hello()
    agent.report()
    house.change_operation(node, deadline_at=time.time() - 1)
    service.crew.started_at -= 10_000
    watch.machines(service.crew)
    assert house.settle(service, node)['provision_state'] == 'active'


def be_late(house, service, node):
    """The node, after a look at a machine that nothing was heard of for more than ten minutes."""
    house.change_operation(node, deadline_at=time.time() + 1800 - 601)
    watch.machines(service.crew)
    return house.settle(service, node)


def test_a_machine_whose_second_boot_succeeds(house, waiting):
    service, node, former = waiting
    service.crew.started_at -= 10_000
    be_late(house, service, node)
    with pytest.raises(errors.NotAuthorized):
        former.hello()
    agent = house.agent(node)
    agent.hello()
    agent.report()
    watch.machines(service.crew)
    row = house.settle(service, node)
    assert (row['provision_state'], row['last_error']) == ('active', None)
    assert house.world.leftovers(node) == ['power on']


@pytest.mark.parametrize('retries', [0, 3])
def test_a_machine_boots_so_often_as_the_site_says(house, retries):
    service, node = house.service(conductor__boot_retries=retries), house.node(driver_info=SILENT)
    house.run(service, node, 'active')
    service.crew.started_at -= 10_000
    for _ in range(retries):
        assert be_late(house, service, node)['provision_state'] == 'wait call-back'
    assert be_late(house, service, node)['provision_state'] == 'deploy failed'


@pytest.mark.parametrize(('seen', 'words'), [
    (None, 'did not call home for 600 s; seen of it: nothing. Remedy: Check that it netboots'),
    ('loaded the kernel', 'loaded the kernel. Remedy: Look at its console')])
def test_a_machine_that_never_calls_home(house, waiting, monkeypatch, seen, words):
    """It boots once more, with another token, before it is given up."""
    service, node, agent = waiting
    boot = house.drivers.hardware['fake-hardware'].interfaces['boot']['fake']
    monkeypatch.setattr(boot, 'last_seen', lambda mac: seen, raising=False)
    service.crew.started_at -= 10_000
    row = be_late(house, service, node)
    assert (row['provision_state'], row['last_error']) == ('wait call-back', None)
    assert (agent.operation, agent.token != house.agent(node).token) == (house.agent(node).operation, True)
    assert house.operations(node)[-1]['deadline_at'] > time.time() + 1700
    [told] = [one for one in history.of_node(house.database, node) if 'boots once more' in one['event']]
    assert (told['severity'], words.partition(' Remedy')[0] in told['event']) == ('WARNING', True)
    row = be_late(house, service, node)
    assert row['provision_state'] == 'deploy failed'
    assert words in row['last_error']
    assert house.world.leftovers(node) == []


def test_a_machine_that_falls_silent(house, waiting):
    service, node, agent = waiting
    agent.hello()
    house.change_operation(node, deadline_at=time.time() + 100, heard_at=time.time() - 601)
    watch.machines(service.crew)
    assert house.settle(service, node)['provision_state'] == 'wait call-back', 'it could not tell us before we listened'
    service.crew.started_at -= 10_000
    watch.machines(service.crew)
    assert 'was silent for 600 s; it did last: call home' in house.settle(service, node)['last_error']


def test_abort_in_the_middle_of_a_write(house, waiting):
    service, node, agent = waiting
    agent.hello()
    agent.record({'seq': 1, 'kind': 'phase', 'data': {'phase': 'write image'}})
    row = house.run(service, node, 'abort')
    assert row['provision_state'] == 'deploy failed'
    assert row['last_error'] == 'deploy was aborted on request; the machine did last: write image.'
    assert_stopped(house, node, agent)


def test_delete_in_the_middle_of_a_write(house, waiting):
    service, node, agent = waiting
    house.change(node, driver_info={})
    agent.hello()
    row = house.run(service, node, 'deleted')
    assert (row['provision_state'], row['last_error']) == ('available', None)
    assert (row['instance_info'], row['operation']) == ({}, None)
    assert [one['status'] for one in house.operations(node)] == ['failed', 'done']
    assert [one['configdrive'] for one in house.operations(node)] == [None, None]
    assert_stopped(house, node, agent)


def test_delete_in_the_middle_of_a_write_with_a_dead_bmc(house, waiting):
    service, node, agent = waiting
    agent.hello()
    house.change(node, driver_info={'fake': {'power.set': {'fail': 'no answer', 'times': 3}}})
    row = house.run(service, node, 'deleted')
    assert (row['provision_state'], row['target_provision_state']) == ('error', None)
    assert 'Step "stop instance" of delete failed' in row['last_error']
    assert house.world.leftovers(node) == ['power on']
    with pytest.raises(errors.OperationEnded):
        agent.record()
    house.change(node, driver_info={})
    assert house.run(service, node, 'deleted')['provision_state'] == 'available'
    assert house.world.leftovers(node) == []


def assert_stopped(house, node, agent):
    assert house.world.leftovers(node) == []
    for word in (agent.record, agent.report, agent.hello):
        with pytest.raises(errors.OperationEnded):
            word()
    agent.session = 'other'
    with pytest.raises(errors.NotAuthorized):
        agent.record()


@pytest.mark.parametrize('verb', ['abort', 'deleted'])
def test_the_machine_is_told_to_stop_at_once(house, waiting, verb):
    """Not only when its power goes: the BMC may be slow, or dead."""
    service, node, agent = waiting
    agent.hello()
    told = []

    def ask(kind, method, row):
        if method == 'set':
            with pytest.raises(errors.OperationEnded):
                agent.record()
            told.append(True)
    house.world.before = ask
    house.run(service, node, verb)
    assert told


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize(('verb', 'end'), [('abort', 'deploy failed'), ('deleted', 'available')])
def test_a_conductor_dies_while_it_aborts_or_deletes(house, waiting, verb, end, when):
    service, node, agent = waiting
    agent.hello()
    house.change(node, driver_info={})

    def die(kind, method, row):
        if method == 'withdraw':
            setattr(house.world, when, None)
            raise house.Death
    setattr(house.world, when, die)
    assert house.run(service, node, verb)['lock_owner'] == 'here'
    successor = house.service()
    successor.crew.take_up()
    assert house.settle(successor, node)['provision_state'] == end
    assert_stopped(house, node, agent)


def test_cleaning_waits_too_and_its_failure_sets_the_node_aside(house):
    service, node = house.service(), house.node('manageable', driver_info=SILENT)
    assert house.run(service, node, 'provide')['provision_state'] == 'clean wait'
    agent = house.agent(node)
    assert [one['action'] for one in orjson.loads(agent.hello())['actions']] == ['inventory', 'erase metadata']
    agent.report('failed', error={'code': 'disk-error', 'message': 'sda is broken.'})
    service.continue_operation(agent.operation)
    row = house.settle(service, node)
    assert (row['provision_state'], row['target_provision_state']) == ('clean failed', 'available')
    assert (row['maintenance'], row['fault']) == (True, 'clean failure')
    house.run(service, node, 'manage')
    house.change(node, driver_info={})
    row = house.run(service, node, 'provide')
    assert (row['provision_state'], row['maintenance'], row['fault']) == ('available', False, None)


def test_cleaning_that_never_began_leaves_the_node_in_service(house):
    service, node = house.service(), house.node('manageable', driver_info={'fake': {'power.set': {'fail': 'no', 'times': 1}}})
    row = house.run(service, node, 'provide')
    assert (row['provision_state'], row['maintenance']) == ('clean failed', False)


def test_manual_cleaning_comes_back_through_the_waiting_state(house):
    service, node = house.service(), house.node('manageable', driver_info=SILENT)
    row = house.run(service, node, 'clean', clean_steps=[{'interface': 'deploy', 'step': 'erase_devices_metadata'}])
    assert (row['provision_state'], row['target_provision_state']) == ('clean wait', 'manageable')
    agent = house.agent(node)
    agent.hello()
    agent.report()
    service.continue_operation(agent.operation)
    assert house.settle(service, node)['provision_state'] == 'manageable'


def test_inspection_in_the_ramdisk_makes_properties_and_a_port(house):
    interfaces = house.drivers.hardware['fake-hardware'].interfaces['inspect']
    interfaces['fake'].needs_agent = True
    service, node = house.service(), house.node('manageable', driver_info=SILENT, properties={'capabilities': 'x:y'})
    assert house.run(service, node, 'inspect')['provision_state'] == 'inspect wait'
    agent = house.agent(node)
    agent.hello()
    agent.report(data={'inventory': {
        'cpu': {'count': 8, 'architecture': 'x86_64'}, 'memory': {'physical_mb': 4096},
        'disks': [{'size': 100 << 30}, {'size': 50 << 30}, {'size': 1 << 30}],
        'boot': {'current_boot_mode': 'uefi', 'pxe_interface': '52:54:00:AA:BB:CC'}}})
    service.continue_operation(agent.operation)
    row = house.settle(service, node)
    assert row['last_inspected_at'] == row['inspection_finished_at'] >= row['last_heartbeat_at'] > ''
    assert row['last_deployed_at'] is None
    assert (row['provision_state'], row['boot_mode']) == ('manageable', 'uefi')
    assert row['properties'] == {'capabilities': 'x:y', 'cpus': 8, 'cpu_arch': 'x86_64', 'memory_mb': 4096, 'local_gb': 49}
    assert inventory.owner_of(house.database, '52:54:00:aa:bb:cc') == node
    assert inventory.get(house.database, row)['inventory']['cpu']['count'] == 8


def test_secrets_do_not_outlive_their_use(house, waiting):
    service, node, agent = waiting
    plan = orjson.loads(agent.hello())
    secret = plan['actions'][0]['target']['secret']
    agent.report()
    assert secret not in str(operation.get(house.database, agent.operation)['plan'])
    service.continue_operation(agent.operation)
    house.settle(service, node)
    everything = str([orjson.dumps(one['data']) for one in event.since(house.database, 0)]) + str(house.operations(node))
    assert secret not in everything
    assert agent.token not in everything
    assert agent.session not in everything
