"""The queue over several conductors that share a database: limits hold at every step, nothing is lost or stuck."""

import collections
import contextlib
import threading
import time

import orjson
import pytest

from ingot import concurrency, errors, ring
from ingot.conductor import members
from ingot.db import lease, operation, queue
from ingot.db import node as nodes

SECONDS = 60
INSTANCE = '6d2f3b1c-0000-4000-8000-000000000001'
OTHERS = {'conductor__heartbeat_seconds': 0.1, 'conductor__lease_seconds': 4, 'conductor__power_sync_seconds': 0}


class Meter:
    """Counts the nodes in flight at every step of every conductor: those that were begun and have not ended."""

    def __init__(self, house):
        self.house, self.most, self.most_stored, self.order = house, 0, 0, []
        self._nodes, self._lock = set(), threading.Lock()

    def watch(self, service, *flows, hook=lambda task, step: None):
        steps_of = service.crew.steps_of

        def wrap(step):
            def do(task):
                self.begin(task)
                hook(task, step)
                time.sleep(0.001)       # as for a machine: meanwhile others go on, also on eventlet
                return step.do(task)
            return step._replace(do=do)

        def wrapped(operation):
            steps = steps_of(operation)
            if operation['flow'] not in flows:
                return steps
            *steps, last = (wrap(step) for step in steps)
            return (*steps, last._replace(do=lambda task: (last.do(task), self.end(task))[0]))
        service.crew.steps_of = wrapped

    def begin(self, task):
        with self._lock:
            if task.uuid not in self._nodes:
                self._nodes.add(task.uuid)
                self.order.append(task.uuid)
            self.most = max(self.most, len(self._nodes))
        self.most_stored = max(self.most_stored, len(queue.look(self.house.database).flying))

    def end(self, task):
        with self._lock:
            self._nodes.discard(task.uuid)


@pytest.fixture
def meter(house):
    return Meter(house)


def conductors(house, meter, number, *flows, group='', **kwargs):
    """Conductors that work by themselves, each of them watched."""
    services = [house.service(f'c{n}', conductor__group=group, **OTHERS) for n in range(number)]
    for service in services:
        meter.watch(service, *flows or ('deploy',), **kwargs)
        service.start()
    return services


def ask(services, nodes, verb='active'):
    """Ask for a verb of each node, of one conductor after the other; every request is accepted."""
    for number, node in enumerate(nodes):
        services[number % len(services)].provision(node, verb)


def wait_for_states(house, nodes, *states, seconds=SECONDS):
    """Until all nodes are in one of ``states``."""
    def found():
        return collections.Counter(house.row(node)['provision_state'] for node in nodes)
    assert concurrency.wait_for(lambda: found().keys() <= {*states}, seconds, every=0.05), found()


def data(event):
    return orjson.loads(orjson.dumps(event['data']))


def waiting(house):
    return [item.node for item in queue.look(house.database).waiting]


def test_without_a_policy_it_starts_at_once(house):
    service, node = house.service(), house.node()
    row = house.run(service, node, 'active')
    [done] = house.operations(node)
    assert (row['provision_state'], done['queued_at']) == ('active', None)
    assert done['admitted_at']
    assert queue.look(house.database, 9).turn == 0


def test_who_gave_the_last_place_does_not_look_again(house, monkeypatch):
    service, looks = house.service(), []
    service.crew.line.nudge = lambda: None
    queue.put(house.database, '', {'max_in_flight': 2})
    ask([service], [house.node() for _ in range(3)])
    monkeypatch.setattr(service.crew, 'adopt', lambda node, flow: None)
    monkeypatch.setattr(queue, 'look', lambda *words, look=queue.look: looks.append(look(*words)) or looks[-1])
    service.crew.line.look()
    assert [(seen.free, len(seen.waiting)) for seen in looks] == [(2, 3)]
    assert len(waiting(house)) == 1


class Wire:
    """Between conductors, as rpc.Bus; ``is_cut``: nothing gets through."""

    def __init__(self, services):
        self.services, self.told, self.is_cut = {service.conf.host: service for service in services}, [], False

    def tell(self, host, method, arguments):
        self.told.append((host, method))
        if not self.is_cut:
            getattr(self.services[host], method)(**orjson.loads(orjson.dumps(arguments)))


@pytest.mark.parametrize('is_cut', [False, True])
def test_others_are_told_of_their_places_and_find_them_else(house, is_cut):
    services = first, second = [house.service(name, **{**OTHERS, 'conductor__lease_seconds': SECONDS}) for name in ('c0', 'c1')]
    wire = first.crew.peers = second.crew.peers = Wire(services)
    wire.is_cut = is_cut
    second.crew.line.nudge = lambda: None                # the first one gives all the places
    for service in services:
        members.join(service.conf, house.database, house.drivers)
    queue.put(house.database, '', {'max_in_flight': 0})
    nodes = [house.node() for _ in range(12)]
    ask(services, nodes)
    queue.put(house.database, '', {'max_in_flight': 12})
    first.crew.line.look()
    mine = [node for node in nodes if first.crew.is_mine((ring.slot(node), '', 'fake-hardware'))]
    theirs = [node for node in nodes if node not in mine]
    assert mine
    assert theirs
    wait_for_states(house, mine if is_cut else nodes, 'active')
    assert ('c1', 'begin') in wire.told
    if is_cut:
        assert {house.row(node)['provision_state'] for node in theirs} == {'deploying'}
        second.crew.take_over()
        wait_for_states(house, nodes, 'active')


def test_what_comes_while_there_is_no_place_lets_nobody_look(house, monkeypatch):
    service, looks = house.service(), []
    queue.put(house.database, '', {'max_in_flight': 0})
    monkeypatch.setattr(queue, 'look', lambda *words, look=queue.look, **more: (looks.append(words), look(*words, **more))[1])
    ask([service], [house.node() for _ in range(4)])
    service.crew.line.look()
    looked = len(looks)
    service.crew.line._full_until += SECONDS             # "a moment ago", on a machine that may be slow
    ask([service], [house.node() for _ in range(5)])
    assert len(looks) == looked
    queue.put(house.database, '', {'max_in_flight': 9})
    service.crew.line.look()                             # as each second
    assert concurrency.wait_for(lambda: not waiting(house), SECONDS)


@pytest.mark.parametrize('change', [{'owner': 'eve'}, {'conductor_group': 'nobody serves this'}])
def test_what_changes_while_its_deployment_is_accepted_counts(house, monkeypatch, change):
    """A client may change a node that is locked: it waits among those that are like it then, and in nobody's way."""
    monkeypatch.setattr(queue, '_LANES', 0)              # of each lane the oldest alone is seen
    monkeypatch.setattr(queue, '_MOST_LANES', 0)
    queue.put(house.database, '', {'max_in_flight': 0})
    service, racing, later = house.service(), house.node(owner='ann'), house.node(owner='ann')

    def meanwhile(database, flow, node, *, place=queue.place, **more):
        if node['uuid'] == racing:
            nodes.edit(database, racing, (nodes.TABLE.c.uuid,), lambda current: change)
        return place(database, flow, node, **more)
    monkeypatch.setattr(queue, 'place', meanwhile)
    ask([service], [racing, later])
    queue.put(house.database, '', {'max_in_flight': 5})
    assert waiting(house) == [racing, later]
    service.crew.line.look()
    wait_for_states(house, [later], 'active')
    assert (waiting(house) == [racing]) is ('conductor_group' in change)


def test_more_than_there_are_workers_wait_without_a_lock(house, meter):
    """A storm on one conductor: whatever has no worker is stored, and begins when there is one."""
    service, release = house.service(), threading.Event()
    meter.watch(service, 'deploy')
    house.sabotage(service, 'deploy', 'fetch image', do=lambda work, task: (release.wait(SECONDS), work(task)))
    nodes = [house.node(owner='abcd'[number % 4]) for number in range(20)]
    ask([service], nodes)
    rows = [house.row(node) for node in nodes]
    assert [bool(row['lock_owner']) for row in rows] == [True] * 4 + [False] * 16
    assert {row['provision_state'] for row in rows} == {'deploying'}
    assert waiting(house) == nodes[4:]
    assert not house.operations(nodes[-1])[-1]['admitted_at']
    release.set()
    wait_for_states(house, nodes, 'active')
    assert not waiting(house)
    assert meter.most_stored <= 5, 'as many as there are workers; one more may be on its way from thread to thread'


def test_a_limit_above_the_workers_gives_no_more_places_than_there_are_workers(house):
    queue.put(house.database, '', {'max_in_flight': 15})
    service, release = house.service(), threading.Event()
    house.sabotage(service, 'deploy', 'fetch image', do=lambda work, task: (release.wait(SECONDS), work(task)))
    nodes = [house.node() for _ in range(12)]
    ask([service], nodes)
    assert concurrency.wait_for(lambda: len(service.crew.busy) == 4, SECONDS)
    service.crew.line.look()
    assert (len(queue.look(house.database).flying), len(waiting(house))) == (4, 8)
    release.set()
    wait_for_states(house, nodes, 'active')


@pytest.mark.parametrize('values', [{}, {'max_in_flight': 9}])
def test_what_is_another_conductors(house, values):
    """Where there is a limit its place is given here, for the sake of the order; begun with it is there."""
    queue.put(house.database, '', {'max_in_flight': 0})
    here, there = house.service('c0'), house.service('c1')
    nodes = [house.node(), house.node()]
    ask([here], nodes)
    here.crew.is_mine = lambda place: place[0] == ring.slot(nodes[0])
    there.crew.is_mine = lambda place: place[0] == ring.slot(nodes[1])
    queue.put(house.database, '', values)
    here.crew.line.look()
    wait_for_states(house, nodes[:1], 'active')
    assert waiting(house) == ([] if values else nodes[1:])
    assert not house.events('step', nodes[1])
    there.crew.line.look()
    there.crew.take_over()
    wait_for_states(house, nodes, 'active')


@pytest.mark.parametrize('number', [1, 3])
def test_a_storm_of_deployments_never_has_more_in_flight_than_allowed(house, meter, number):
    queue.put(house.database, '', {'max_in_flight': 5})
    services, nodes = conductors(house, meter, number), [house.node() for _ in range(100)]
    ask(services, nodes)
    wait_for_states(house, nodes, 'active')
    assert meter.most == min(4 * number, 5), 'each has four workers'
    assert meter.most_stored <= 5
    assert {house.operations(node)[-1]['status'] for node in nodes} == {'done'}
    assert {house.world.machine(node).writes for node in nodes} == {1}


def test_the_limit_holds_while_a_conductor_dies_and_nothing_is_stuck(house, meter):
    queue.put(house.database, '', {'max_in_flight': 5})
    dead = set()

    def die(task, step):
        if task.conf.host == 'c0' and step.name == 'export image' and len(meter.order) > 20:
            dead.add('c0')
        if task.conf.host in dead:
            raise house.Death
    services, nodes = conductors(house, meter, 3, hook=die), [house.node() for _ in range(60)]
    ask(services, nodes)
    assert concurrency.wait_for(lambda: dead, SECONDS)
    services[0].periodic.stop()
    services[0].crew.line.look = lambda: None
    wait_for_states(house, nodes, 'active')
    assert (meter.most, meter.most_stored) == (5, 5)
    attempts = [data(event)['attempt'] for node in nodes for event in house.events('step', node)]
    assert max(attempts) > 1, 'steps of the dead one ran again'


def test_who_was_given_a_place_and_not_begun_with_is_found(house):
    """The conductor dies between the two: the place counts, and another one begins."""
    queue.put(house.database, '', {'max_in_flight': 1})
    first, second = house.service('c0'), house.service('c1')
    first.crew.adopt = lambda node, purpose: None
    nodes = [house.node(), house.node()]
    ask([first], nodes)
    assert concurrency.wait_for(lambda: queue.look(house.database).flying, SECONDS)
    second.crew.line.look()
    assert (waiting(house), second.crew.busy) == (nodes[1:], set())
    second.crew.take_over()
    wait_for_states(house, nodes, 'active')


def test_rolling_starts_the_next_when_the_one_before_ended_well(house, meter):
    queue.put(house.database, '', {'mode': 'rolling'})
    services, nodes = conductors(house, meter, 2), [house.node() for _ in range(12)]
    ask(services, nodes)
    wait_for_states(house, nodes, 'active')
    assert meter.most == 1
    assert meter.order == nodes


def test_who_is_next_in_a_queue_of_which_only_the_heads_were_seen(house, meter, monkeypatch):
    monkeypatch.setattr(queue, '_HEADS', 2)
    queue.put(house.database, '', {'max_in_flight': 0})
    service = house.service()
    meter.watch(service, 'deploy')
    nodes = [house.node(owner=owner) for owner in 'aaaaabbbbb']
    ask([service], nodes)
    given, admit = [], queue.admit
    monkeypatch.setattr(queue, 'admit', lambda database, seen, items, seconds: (
        given.extend(item.node for item in items), admit(database, seen, items, seconds))[1])
    queue.put(house.database, '', {'max_in_flight': 4, 'order': 'fifo'})
    service.crew.line.look()
    wait_for_states(house, nodes, 'active')
    assert given == nodes


def test_a_failure_stops_a_rolling_queue_until_somebody_says_resume(house, meter):
    queue.put(house.database, '', {'mode': 'rolling'})
    services = conductors(house, meter, 2)
    bad = {'fake': {'deploy.fetch': {'fail': 'seeded'}}}
    nodes = [house.node(driver_info=bad if number == 2 else {}) for number in range(6)]
    ask(services, nodes)
    assert concurrency.wait_for(lambda: queue.every(house.database)['']['paused_reason'], SECONDS)
    assert queue.every(house.database)['']['paused_reason'] == '1 of the last 3 failed.'
    wait_for_states(house, nodes[:3], 'active', 'deploy failed')
    for service in services:
        service.crew.line.look()
    assert waiting(house) == nodes[3:]
    queue.resume(house.database, '')
    wait_for_states(house, nodes[3:], 'active')


def test_too_many_failures_pause_the_queue_and_what_runs_goes_on(house, meter):
    queue.put(house.database, '', {'max_in_flight': 2, 'pause_on_failure_ratio': 0.25, 'failure_window': 8})
    bad = {'fake': {'deploy.fetch': {'fail': 'seeded'}}}
    nodes = [house.node(driver_info=bad if number % 2 else {}) for number in range(20)]
    services = conductors(house, meter, 2)
    ask(services, nodes)
    assert concurrency.wait_for(lambda: queue.every(house.database)['']['paused_reason'], SECONDS)
    assert concurrency.wait_for(lambda: not queue.look(house.database).flying, SECONDS)
    failed = [node for node in nodes if house.row(node)['provision_state'] == 'deploy failed']
    assert 3 <= len(failed) <= 4, 'the third in eight is one too many, and one more was in flight'
    left = waiting(house)
    assert len(left) > 10
    queue.put(house.database, '', {'max_in_flight': 2})
    services[0].crew.line.look()
    assert waiting(house) == left, 'another policy is no resumption'
    queue.resume(house.database, '')
    wait_for_states(house, nodes, 'active', 'deploy failed')


def test_fair_between_owners_of_very_unequal_demand(house, meter):
    """While all of them have something in the queue, each owner gets as much as every other."""
    queue.put(house.database, '', {'max_in_flight': 3, 'order': 'fair'})
    demand = {'ann': 60, 'bob': 15, 'cyd': 12, 'dee': 12}
    services = conductors(house, meter, 2)
    queue.put(house.database, '', {'max_in_flight': 0})
    owners = {house.node(owner=owner): owner for owner, count in demand.items() for _ in range(count)}
    ask(services, owners)
    queue.put(house.database, '', {'max_in_flight': 3})
    wait_for_states(house, owners, 'active')
    shares = collections.Counter(owners[node] for node in meter.order[:40])
    assert sum(shares.values()) ** 2 / (len(demand) * sum(share ** 2 for share in shares.values())) > 0.95, shares
    assert meter.most <= 3


def test_the_lessee_is_whose_turn_it_is(house):
    queue.put(house.database, '', {'max_in_flight': 0})
    node = house.node(owner='landlord', lessee='tenant')
    house.service().provision(node, 'active')
    assert [item.owner for item in queue.look(house.database).waiting] == ['tenant']


def test_the_knob_works_on_what_is_queued_already(house, meter):
    queue.put(house.database, '', {'max_in_flight': 0})
    services, nodes = conductors(house, meter, 2, group='rack1'), [house.node(conductor_group='rack1') for _ in range(20)]
    ask(services, nodes)
    assert waiting(house) == nodes
    queue.put(house.database, 'rack1', {'max_in_flight': 2})
    services[0].crew.line.look()
    assert waiting(house) == nodes, 'the policy of everything counts too'
    queue.delete(house.database, '')
    assert concurrency.wait_for(lambda: meter.order, SECONDS)
    wait_for_states(house, nodes, 'active')
    assert meter.most <= 2


def test_points(house, meter):
    """Two for a deployment, one for a cleaning: three points are one of each at most."""
    queue.put(house.database, '', {'points': 3})
    services = conductors(house, meter, 2, 'deploy', 'clean')
    nodes = [house.node() if number % 2 else house.node('manageable') for number in range(20)]
    for number, node in enumerate(nodes):
        services[0].provision(node, 'active' if number % 2 else 'provide')
    wait_for_states(house, nodes, 'active', 'available')
    assert meter.most == 2
    assert not [item for item in queue.look(house.database).flying]


def test_after_the_end_of_an_instance_its_cleaning_waits(house):
    """The instance goes at once; what is counted is the cleaning."""
    queue.put(house.database, '', {'max_in_flight': 0})
    service, node = house.service(), house.node('active', instance_uuid=INSTANCE, power_state='power on')
    row = house.run(service, node, 'deleted')
    assert (row['provision_state'], row['instance_uuid'], row['lock_owner']) == ('cleaning', None, None)
    assert house.world.machine(node).power == 'power off'
    assert waiting(house) == [node]
    queue.delete(house.database, '')
    service.crew.line.look()
    wait_for_states(house, [node], 'available')
    steps = [data(event)['step'] for event in house.events('step', node)]
    assert len(steps) == len(set(steps)), 'no step ran twice'


def test_a_policy_that_comes_while_a_cleaning_begins_is_seen(house, monkeypatch):
    service, node, is_limited, asked = house.service(), house.node('active', power_state='power on'), queue.is_limited, []

    def meanwhile(database):
        asked.append(is_limited(database))
        if len(asked) == 1:
            queue.put(database, '', {'max_in_flight': 0})
        return asked[-1]
    monkeypatch.setattr(queue, 'is_limited', meanwhile)
    row = house.run(service, node, 'deleted')
    [stored] = house.operations(node)
    assert (asked, row['lock_owner'], waiting(house)) == ([False, True], None, [node])
    assert (stored['step'], stored['admitted_at']) == ('validate cleaning', None)
    queue.delete(house.database, '')
    service.crew.line.look()
    wait_for_states(house, [node], 'available')


@pytest.fixture
def queued(house):
    """A function (state, verb) -> (service, node): a node on which ``verb`` is queued."""
    def make(state='available', verb='active', **values):
        queue.put(house.database, '', {'max_in_flight': 0})
        service, node = house.service(), house.node(state, **values)
        arguments = {'clean_steps': [{'interface': 'bios', 'step': 'factory_reset'}]} if verb == 'clean' else {}
        service.provision(node, verb, arguments)
        assert waiting(house) == [node]
        house.world.calls.clear()
        return service, node
    return make


@pytest.mark.parametrize(('state', 'verb', 'failed'), [
    ('available', 'active', 'deploy failed'), ('active', 'rebuild', 'deploy failed'), ('manageable', 'provide', 'clean failed'),
    ('manageable', 'clean', 'clean failed')])
def test_abort_of_what_is_queued_costs_the_machine_nothing(house, queued, state, verb, failed):
    service, node = queued(state, verb)
    service.provision(node, 'abort')
    row, last = house.row(node), house.operations(node)[-1]
    assert (row['provision_state'], row['operation'], row['lock_owner'], row['maintenance']) == (failed, None, None, False)
    assert row['last_error'].endswith('was aborted on request while it was queued; the machine was not touched.')
    assert (last['status'], last['admitted_at'], list(house.world.calls), waiting(house)) == ('failed', None, [], [])


def test_deleted_of_a_queued_deployment_gives_the_machine_back_at_once(house, queued):
    service, node = queued(instance_uuid=INSTANCE)
    service.provision(node, 'deleted')
    row, last = house.row(node), house.operations(node)[-1]
    assert (row['provision_state'], row['target_provision_state'], row['instance_uuid'], row['instance_info']) == (
        'available', None, None, {})
    assert (row['operation'], row['lock_owner'], last['status'], list(house.world.calls)) == (None, None, 'failed', [])
    moved = data(house.events('provision_state', node)[-1])
    assert (moved['from'], moved['to'], moved['event']) == ('deploying', 'available', 'delete')


def test_deleted_of_a_queued_rebuild_is_a_deletion_like_any_other(house, queued):
    service, node = queued('active', 'rebuild', power_state='power on')
    queue.delete(house.database, '')
    with contextlib.suppress(errors.Locked):
        service.provision(node, 'deleted')
    service.crew.line.look()                             # as each second
    wait_for_states(house, [node], 'available')
    assert [one['flow'] for one in house.operations(node)] == ['rebuild', 'delete']


def test_what_is_queued_survives_and_has_no_deadline(house, queued):
    """Its conductor ends, its lease and all deadlines run out: it waits as before, for whoever comes."""
    service, node = queued()
    service.stop()
    house.change_operation(node, deadline_at=1.0)
    successor = house.service('there')
    successor.crew.take_up()
    successor.crew.renew()
    assert (successor.crew.busy, lease.abandoned(house.database), waiting(house)) == (set(), [], [node])
    queue.delete(house.database, '')
    successor.crew.line.look()
    wait_for_states(house, [node], 'active')
    assert house.operations(node)[-1]['deadline_at'] > 1.0


def test_a_policy_that_comes_while_a_request_is_stored_is_seen(house, monkeypatch):
    """The request saw no policy; whoever admits by the policy may not have seen the request: it steps back."""
    service, node, place = house.service(), house.node(), queue.place

    def meanwhile(database, flow, node, *, has_room):
        found = place(database, flow, node, has_room=has_room)
        queue.put(database, '', {'max_in_flight': 0})
        return found
    monkeypatch.setattr(queue, 'place', meanwhile)
    row = house.run(service, node, 'active')
    [stored] = house.operations(node)
    assert (stored['status'], stored['admitted_at'], row['lock_owner']) == ('queued', None, None)
    assert (stored['attempt'], {method for _, method, _ in house.world.calls}) == (0, {'validate'}), 'nothing was begun'


def test_what_is_queued_may_be_begun_elsewhere_before_its_request_is_answered(house, monkeypatch):
    queue.put(house.database, '', {'max_in_flight': 1})
    service, other, node, update = house.service('c0'), house.service('c1'), house.node(), lease.update

    def meanwhile(*args, **kwargs):
        row = update(*args, **kwargs)
        if waiting(house):
            other.crew.line.look()
            house.settle(other, node)
        return row
    monkeypatch.setattr(lease, 'update', meanwhile)
    service.provision(node, 'active')
    assert (house.row(node)['provision_state'], service.crew.busy) == ('active', set())
    assert [one['status'] for one in house.operations(node)] == ['done']


def test_a_request_meets_what_is_about_to_begin(house):
    queue.put(house.database, '', {'max_in_flight': 1})
    service, node = house.service(), house.node()
    service.crew.adopt = lambda node, purpose: None
    service.provision(node, 'active')
    assert concurrency.wait_for(lambda: queue.look(house.database).flying, SECONDS)
    with pytest.raises(errors.Locked, match='is taken up again just now'):
        service.provision(node, 'deleted')


def test_no_place_for_what_nobody_could_begin_with(house):
    """A driver that no living conductor has: it waits, and holds up nobody."""
    queue.put(house.database, '', {'max_in_flight': 1})
    service, first, second = house.service(), house.node(), house.node()
    service.crew.pool.submit = lambda *args: None
    ask([service], [first, second])
    house.change(first, driver='gone')
    del service.crew.pool.submit
    service.crew.line.look()
    wait_for_states(house, [second], 'active')
    assert waiting(house) == [first]
    assert operation.get(house.database, house.row(first)['operation'])['status'] == 'queued'
