"""Every step of every flow fails, crashes and runs twice; then the machine is compared with a clean slate."""

import time

import orjson
import pytest

from ingot import errors, states
from ingot.conductor import verb
from ingot.db import lease, models
from ingot.db import node as nodes

ERASE = [{'interface': 'deploy', 'step': 'erase_devices_metadata'}]
BIOS = {'interface': 'bios', 'step': 'factory_reset'}
RAID = {'interface': 'raid', 'step': 'delete_configuration', 'args': {}}
OFF = {'interface': 'power', 'step': 'power_off'}
PAUSE = {'interface': 'power', 'step': 'wait', 'args': {'seconds': 0}}
CHOSEN = {'clean by hand': [BIOS, *ERASE, RAID], 'service': [BIOS, PAUSE, RAID],
          'rebuild': [{**RAID, 'priority': 90}, {**BIOS, 'args': {}, 'priority': 10}]}
#: flow -> (the verb that starts it, arguments, state before, state at a good end, states at a bad end).
CASES = {
    'deploy': ('active', {'configdrive': {'meta_data': {'hostname': 'one'}}}, 'available', 'active', {'deploy failed'}),
    'rebuild': ('rebuild', {'deploy_steps': CHOSEN['rebuild']}, 'active', 'active', {'deploy failed'}),
    'delete': ('deleted', {}, 'active', 'available', {'error', 'clean failed'}),
    'delete only': ('deleted', {}, 'active', 'available', {'error', 'clean failed'}),
    'clean': ('provide', {}, 'manageable', 'available', {'clean failed'}),
    'clean by hand': ('clean', {'clean_steps': CHOSEN['clean by hand']}, 'manageable', 'manageable', {'clean failed'}),
    'service': ('service', {'service_steps': CHOSEN['service']}, 'active', 'active', {'service failed'}),
    'rescue': ('rescue', {'rescue_password': 'let me in'}, 'active', 'rescue', {'rescue failed'}),
    'unrescue': ('unrescue', {}, 'rescue', 'active', {'unrescue failed'}),
    'provide': ('provide', {}, 'manageable', 'available', {'clean failed'}),
    'verify': ('manage', {}, 'enroll', 'manageable', {'enroll'}),
    'adopt': ('adopt', {}, 'manageable', 'active', {'adopt failed'}),
    'inspect': ('inspect', {}, 'manageable', 'manageable', {'inspect failed'}),
    'inspect by bmc': ('inspect', {}, 'manageable', 'manageable', {'inspect failed'}),
}
FLOWS = {flow: verb.steps_of({'flow': flow, 'arguments': {'steps': CHOSEN.get(flow, [])}}) for flow in CASES}
STEPS = [(flow, step.name) for flow, steps in FLOWS.items() for step in steps]
UNDOS = [(flow, step.name) for flow, steps in FLOWS.items() for step in steps if step.undo]
#: How a machine is found at a good end.
WRITES = {'deploy': 1, 'rebuild': 1}
#: Flow -> the state of the device that the instance was promised, at a good end.
DEVICE = {'deploy': 'in_use', 'rebuild': 'in_use', 'delete': 'ready', 'delete only': 'ready'}
#: Methods of drivers that a quiet step may call: what they do happens here, or they only ask.
QUIET = {'validate', 'fetch', 'export', 'publish', 'withdraw', 'release', 'state', 'bmc_info', 'settings', 'components'}
#: Quiet steps that write something before they end, and their beginning with it.
SAVING = {'read parts'}
#: Flows after which the machine runs.
UP = {*WRITES, 'service', 'rescue', 'unrescue'}


def test_every_flow_has_a_case():
    assert set(CASES) == {*verb.FLOWS, 'clean by hand', 'service'}


@pytest.fixture
def enroll(house):
    """A node on which the given flow is what its verb leads to."""
    def enroll(flow):
        interface = house.drivers.hardware['fake-hardware'].interfaces['inspect']['fake']
        interface.needs_agent = flow == 'inspect'
        is_cleaned = False if flow in ('provide', 'delete only') else None
        instance = '6d2f3b1c-0000-4000-8000-000000000001' if CASES[flow][2] in ('active', 'rescue') else None
        node = house.node(CASES[flow][2], automated_clean=is_cleaned, instance_uuid=instance,
                          power_state='power on' if instance else 'power off')
        if flow in DEVICE:
            house.claim(node, {'address': '0000:17:00.0', 'state': 'claimed' if flow == 'deploy' else 'in_use'})
        return node
    return enroll


def go(house, service, node, flow):
    name, arguments, *_ = CASES[flow]
    return house.run(service, node, name, **arguments)


def assert_good(house, node, flow):
    row, last = house.row(node), house.operations(node)[-1]
    assert (row['provision_state'], row['target_provision_state'], row['last_error']) == (CASES[flow][3], None, None)
    assert (last['status'], last['error'], last['flow']) == ('done', None, flow)
    assert_at_rest(row, last)
    assert is_up(house, node) == (flow in UP)
    assert house.world.leftovers(node) == (['power on'] if flow in UP else [])
    assert house.world.machine(node).writes == WRITES.get(flow, 0)
    assert row['power_state'] == ('power on' if is_up(house, node) else 'power off')
    if flow.startswith('delete'):
        assert (row['instance_info'], row['instance_uuid']) == ({}, None)
    assert {one['state'] for one in house.devices(node).values()} == (
        {DEVICE[flow]} if flow in DEVICE else {'not_ready'} if flow.startswith('inspect') else set())
    assert_claims(house, node)
    if flow in WRITES:
        assert house.world.machine(node).booted_from == 'disk'
    if flow.startswith('inspect'):
        assert row['properties']['cpus'] == 32
        assert row['inspection_finished_at']


def assert_bad(house, node, flow, step, words):
    row, last = house.row(node), house.operations(node)[-1]
    assert row['provision_state'] in CASES[flow][4]
    assert f'"{step}"' in row['last_error']
    assert words in row['last_error']
    assert (last['status'], last['error']) == ('failed', row['last_error'])
    assert_at_rest(row, last)
    assert_claims(house, node)
    if flow == 'deploy' and step != FLOWS[flow][-1].name:
        assert {one['state'] for one in house.devices(node).values()} == {'claimed'}, 'what is not deployed is not in use'
    if flow in ('delete', 'delete only') and row['provision_state'] == 'error':
        return
    assert house.world.leftovers(node) == (['power on'] if is_untouched(flow, step) and is_up(house, node) else [])


def assert_claims(house, node):
    """Nothing is claimed for a node without an allocation, and what is claimed has one."""
    row = house.row(node)
    for device in house.devices(node).values():
        is_free = device['state'] in ('ready', 'not_ready')
        assert (device['allocation_id'] is None) == is_free == (row['allocation_uuid'] is None)


def is_untouched(flow, step):
    """Whether the instance is still as it was when ``step`` fails: a rebuild then leaves it running."""
    names = [one.name for one in FLOWS[flow]]
    before_start = flow == 'rebuild' and names.index(step) < names.index('start ramdisk')
    return before_start or flow in ('adopt', 'service', 'rescue', 'unrescue')


def assert_at_rest(row, last):
    assert (row['lock_owner'], row['lock_expires_at'], row['operation']) == (None, 0, None)
    assert last['plan'] is None
    assert last['finished_at']


def is_up(house, node):
    return house.world.machine(node).power == 'power on'


@pytest.mark.parametrize('flow', CASES)
def test_a_flow_ends_well(house, enroll, flow):
    service, node = house.service(), enroll(flow)
    go(house, service, node, flow)
    assert_good(house, node, flow)
    saved = [event['data'] for event in house.events('step', node)]
    assert len(saved) == len(FLOWS[flow])


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize(('flow', 'step'), STEPS)
def test_a_step_fails_and_all_is_undone(house, enroll, flow, step, when):
    service, node = house.service(), enroll(flow)

    def fail(work, task):
        if when == 'after':
            work(task)
        raise errors.HardwareFailure('seeded failure', remedy='wait')

    house.sabotage(service, flow, step, do=fail)
    go(house, service, node, flow)
    assert_bad(house, node, flow, step, 'seeded failure Remedy: wait')


@pytest.mark.parametrize('host', ['here', 'there'])
@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize(('flow', 'step'), STEPS)
def test_a_conductor_dies_and_the_step_runs_again(house, enroll, flow, step, when, host):
    service, node = house.service(), enroll(flow)

    def die(work, task):
        if when == 'after':
            work(task)
        raise house.Death

    house.sabotage(service, flow, step, do=die)
    row = go(house, service, node, flow)
    assert (row['lock_owner'], row['lock_expires_at'] > 0) == ('here', True), 'a dead conductor keeps its lock'
    named = step_named(flow, step)
    is_saved = when == 'after' and step in SAVING
    assert house.operations(node)[-1]['step'] == (step if is_saved else named), 'the step is named before it runs'
    successor = house.service(host)
    take_after(house, successor, node, host)
    assert_good(house, node, flow)
    assert [one['attempt'] for one in steps_of(house, node, named)] == [1, 2]
    assert [one['attempt'] for one in steps_of(house, node, step)][-1] == (2 if named == step else 1)


@pytest.mark.parametrize(('flow', 'step'), [
    (flow, step.name) for flow, steps in FLOWS.items() for step in steps if step.is_quiet])
def test_a_quiet_step_changes_no_machine(house, enroll, flow, step):
    """Its beginning is written afterwards: who takes over would not know that it was begun."""
    service, node, touched = house.service(), enroll(flow), []

    def watch(work, task):
        before = len(house.world.calls)
        answer = work(task)
        touched.extend(list(house.world.calls)[before:])
        return answer

    house.sabotage(service, flow, step, do=watch)
    go(house, service, node, flow)
    assert_good(house, node, flow)
    assert {method for _, method, _ in touched} <= QUIET


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize(('flow', 'step'), [
    (flow, step.name) for flow, steps in FLOWS.items() for step in steps[1:] if step.is_quiet])
def test_a_quiet_step_that_was_named_meanwhile_lacks_nothing(house, enroll, flow, step, when):
    """It took so long that the heartbeat told of it; what the steps before it have noted died with the conductor."""
    service, node = house.service(), enroll(flow)

    def die(work, task):
        if when == 'after':
            work(task)
        service.crew.renew()
        service.crew.renew()
        raise house.Death

    house.sabotage(service, flow, step, do=die)
    go(house, service, node, flow)
    assert house.operations(node)[-1]['step'] == step
    successor = house.service('there')
    take_after(house, successor, node, 'there')
    assert_good(house, node, flow)
    begun = step_named(flow, step)
    assert [one['attempt'] for one in steps_of(house, node, begun)] == [1, 2]


def step_named(flow, step):
    """What the row names while ``step`` runs: itself, or the one before those that are quiet."""
    names = [one.name for one in FLOWS[flow]]
    return next(one.name for number, one in reversed(list(enumerate(FLOWS[flow]))) if number <= names.index(step)
                and (number == 0 or not one.is_quiet))


def take_after(house, successor, node, host):
    """The same host takes its own leases at once, another one only when they ran out."""
    if host == 'here':
        successor.crew.take_up()
    else:
        successor.crew.take_over()
        assert successor.crew.busy == set()
        assert lease.abandoned(house.database) == []
        house.expire(node)
        successor.crew.take_over()
    house.settle(successor, node)


def steps_of(house, node, name):
    return [data for event in house.events('step', node) if (data := load(event))['step'] == name]


def load(event):
    return orjson.loads(orjson.dumps(event['data']))


@pytest.mark.parametrize(('flow', 'step'), STEPS)
def test_a_step_runs_twice(house, enroll, flow, step):
    service, node = house.service(), enroll(flow)

    def twice(work, task):
        assert work(task) == work(task)

    house.sabotage(service, flow, step, do=twice)
    go(house, service, node, flow)
    assert_good(house, node, flow)


@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize(('flow', 'step'), UNDOS)
def test_an_undo_dies_and_is_done_again(house, enroll, flow, step, when):
    """The last step fails; the conductor dies while it undoes; the next one goes on undoing and does nothing else."""
    service, node = house.service(), enroll(flow)
    last = FLOWS[flow][-1].name

    def fail(work, task):
        work(task)
        raise errors.HardwareFailure('seeded failure')

    def die(work, task):
        if when == 'after':
            work(task)
        raise house.Death

    house.sabotage(service, flow, last, do=fail)
    house.wrap(service, flow, lambda one: one._replace(
        undo=lambda task: die(one.undo, task)) if one.name == step else one)
    assert go(house, service, node, flow)['lock_owner'] == 'here'
    begun = len(house.events('step', node))
    successor = house.service()
    take_after(house, successor, node, 'here')
    assert_bad(house, node, flow, last, 'seeded failure')
    assert len(house.events('step', node)) == begun, 'no step was begun again'


@pytest.mark.parametrize(('flow', 'step'), UNDOS)
def test_an_undo_fails_the_others_are_done_and_the_first_error_stays(house, enroll, flow, step):
    service, node = house.service(), enroll(flow)
    last = FLOWS[flow][-1].name

    def fail_do(work, task):
        raise errors.HardwareFailure('seeded failure')

    def fail_undo(task):
        raise RuntimeError('a second failure')

    house.sabotage(service, flow, last, do=fail_do)
    house.wrap(service, flow, lambda one: one._replace(undo=fail_undo) if one.name == step else one)
    row = go(house, service, node, flow)
    assert 'seeded failure' in row['last_error']
    assert 'second' not in row['last_error']
    assert row['operation'] is None
    assert row['lock_owner'] is None
    done = [load(event)['step'] for event in house.events('undo', node)]
    assert done == [one.name for one in reversed(FLOWS[flow]) if one.undo]


def calls(house, service, node, flow):
    """Every call of a driver that a flow makes: (interface, method)."""
    begun = len(house.world.calls)
    go(house, service, node, flow)
    return [(kind, method) for kind, method, _ in list(house.world.calls)[begun:]]


#: What a node is cleaned without: its old values stay, and the log says so.
DISPENSABLE = {('bios', 'settings'), ('firmware', 'components')}


@pytest.mark.parametrize('how', ['fail', 'die'])
@pytest.mark.parametrize('when', ['before', 'after'])
@pytest.mark.parametrize('flow', ['deploy', 'delete'])
def test_each_call_of_a_driver_breaks(house, enroll, flow, when, how):
    """The fine grain: not steps but each single touch of the hardware fails, or is the last thing a conductor does."""
    count = len(calls(house, house.service(), enroll(flow), flow))
    # The first four calls of a deployment validate the interfaces before it is accepted at all.
    begin = 0 if flow == 'delete' else 4
    for number in range(begin, count):
        with house.database.write() as connection:
            connection.execute(models.nodes.update().values(instance_uuid=None))
        service, node = house.service(), enroll(flow)
        house.world.machine(node).power = 'power on' if flow == 'delete' else 'power off'
        left, broken = [number], []

        def hook(kind, method, row, left=left, node=node, broken=broken):
            if row['uuid'] == node:
                left[0] -= 1
                if left[0] == -1:
                    broken.append((kind, method))
                    raise errors.HardwareFailure('seeded failure') if how == 'fail' else house.Death
        setattr(house.world, when, hook)
        go(house, service, node, flow)
        setattr(house.world, when, None)
        if how == 'die':
            successor = house.service()
            successor.crew.take_up()
            house.settle(successor, node)
        if how == 'die' or broken[0] in DISPENSABLE:
            assert_good(house, node, flow)
        else:
            row = house.row(node)
            assert row['provision_state'] in CASES[flow][4]
            assert 'seeded failure' in row['last_error']
            assert row['provision_state'] == 'error' or house.world.leftovers(node) == []


@pytest.mark.parametrize('flow', CASES)
def test_every_moment_of_a_flow_has_a_deadline(house, enroll, flow):
    """While a node is on its way somewhere, there is an operation with a deadline ahead, and a lease."""
    service, node = house.service(), enroll(flow)
    seen = []

    def look(work):
        def looking(task):
            row = nodes.get(house.database, node)
            operation = house.operations(node)[-1]
            assert row['provision_state'] not in states.STABLE
            assert row['operation'] == operation['uuid']
            assert operation['status'] == 'running'
            assert time.time() < operation['deadline_at']
            assert time.time() < row['lock_expires_at']
            seen.append(row['provision_state'])
            return work(task)
        return looking
    house.wrap(service, flow, lambda step: step._replace(do=look(step.do)))
    go(house, service, node, flow)
    assert len(seen) == len(FLOWS[flow])
    assert set(seen) <= states.WORKING
    assert_good(house, node, flow)


@pytest.mark.parametrize(('flow', 'step'), STEPS)
def test_a_lease_that_ran_out_unnoticed_fails_no_operation(house, enroll, flow, step):
    """The host was too busy to renew it, and nobody has taken it: the fence says so first, before the database would."""
    service, node, late = house.service(), enroll(flow), [True]

    def sleep(work, task):
        if late:
            late.pop()
            task.leased_until = 0
            task.interface('power')                     # whatever the step is about: the machine would be touched now
        return work(task)
    house.sabotage(service, flow, step, do=sleep)
    row = go(house, service, node, flow)
    assert (row['lock_owner'], row['last_error'], house.operations(node)[-1]['error']) == ('here', None, None)
    take_after(house, house.service('there'), node, 'there')
    assert_good(house, node, flow)


@pytest.mark.parametrize(('flow', 'step'), UNDOS)
def test_a_lease_that_ran_out_while_undoing_skips_no_undo(house, enroll, flow, step):
    service, node, last = house.service(), enroll(flow), FLOWS[flow][-1].name

    def fail(work, task):
        raise errors.HardwareFailure('seeded failure')

    def sleep(undo):
        def late(task):
            task.leased_until = 0
            task.interface('power')
            undo(task)
        return late
    house.sabotage(service, flow, last, do=fail)
    house.wrap(service, flow, lambda one: one._replace(undo=sleep(one.undo)) if one.name == step else one)
    assert go(house, service, node, flow)['lock_owner'] == 'here'
    take_after(house, house.service('there'), node, 'there')
    assert_bad(house, node, flow, last, 'seeded failure')


@pytest.mark.parametrize('where', ['do', 'undo'])
def test_a_database_that_fails_for_a_moment_fails_no_operation(house, where):
    """The step runs again when the lease has run out; what it did before is no reason to give up."""
    service, node, failures = house.service(), house.node(), [errors.DatabaseFailed('It was restarted.')]

    def fail(work, task):
        if failures:
            raise failures.pop()
        work(task)

    def give_up(work, task):
        raise errors.HardwareFailure('seeded')
    if where == 'do':
        house.sabotage(service, 'deploy', 'export image', do=fail)
    else:
        house.sabotage(service, 'deploy', 'export image', do=give_up, undo=fail)
    assert house.run(service, node, 'active')['provision_state'] == 'deploying'
    house.expire(node)
    service.crew.take_over()
    row = house.settle(service, node)
    assert row['provision_state'] == {'do': 'active', 'undo': 'deploy failed'}[where]
    assert [left for left in house.world.leftovers(node) if left != 'power on'] == []


@pytest.mark.parametrize('where', ['do', 'undo'])
def test_who_sleeps_longer_than_the_lease_lasts_fails_no_operation(house, where):
    """Though nobody has taken the node meanwhile: what it does next is refused, and the step runs again."""
    service, node, naps = house.service(), house.node(), [1]

    def sleep(work, task):
        if naps and naps.pop():
            task.leased_until = 0
        work(task)

    def give_up(work, task):
        raise errors.HardwareFailure('seeded')
    if where == 'do':
        house.sabotage(service, 'deploy', 'export image', do=sleep)
    else:
        house.sabotage(service, 'deploy', 'export image', do=give_up, undo=sleep)
    assert house.run(service, node, 'active')['provision_state'] == 'deploying'
    assert house.operations(node)[0]['status'] == 'running'
    house.expire(node)
    service.crew.take_over()
    row = house.settle(service, node)
    assert row['provision_state'] == {'do': 'active', 'undo': 'deploy failed'}[where]
    assert 'ran out' not in (row['last_error'] or '')
    assert [left for left in house.world.leftovers(node) if left != 'power on'] == []


def test_a_reason_of_any_length_and_kind_can_be_stored(house):
    service, node = house.service(), house.node()

    def fail(work, task):
        raise errors.MachineFailed('a\0b' * 100_000)
    house.sabotage(service, 'deploy', 'export image', do=fail)
    error = house.run(service, node, 'active')['last_error']
    assert 'failed: ababab' in error
    assert len(error) < 5000
