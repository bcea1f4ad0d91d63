"""The queue in SQL: places are given once, in their order, and never more than there are, whoever gives them at once."""

import collections
import random
import threading
import time

import pytest
import sqlalchemy as sa

from ingot import errors, queue, ring
from ingot.db import head, models, operation
from ingot.db import queue as line
from ingot.db.engine import now

_numbers = iter(range(10**6))


def add(database, flow='clean', status='queued', *, driver='fake-hardware', group='', **values):
    """An operation on a node of its own; its uuid. ``values`` of the operation, or owner and lessee of the node."""
    number = next(_numbers)
    mine = {name: values.pop(name) for name in ('owner', 'lessee') if name in values}
    of_node = {'conductor_group': group, 'owner': None, 'lessee': None, 'driver': driver, **mine}
    with database.write() as connection:
        node = connection.execute(sa.insert(models.nodes).values(
            uuid=f'node-{number}', driver=driver, conductor_group=group, created_at=now(), **mine)).inserted_primary_key[0]
        work = operation.new({'id': node, 'provision_state': 'available'}, flow, seconds=10)
        times = line.waiting(of_node) if status == 'queued' else {'status': status, 'admitted_at': time.time()}
        operation.insert(connection, work | times | values)
    return work['uuid']


def status(database, uuid):
    return operation.get(database, uuid)['status']


def give(database, most=100):
    """One round of a conductor: the items that got a place, or False when somebody was faster."""
    seen = line.look(database, most)
    chosen = [turn.item for turn in queue.plan(seen.policies, seen.flying, seen.waiting) if turn.reason is None]
    return line.admit(database, seen, chosen, 60) and chosen


def test_a_place_at_once_or_none(database):
    def place(flow='deploy', *, has_room=True):
        node = {'conductor_group': '', 'owner': 'ann', 'lessee': None, 'driver': 'd'}
        found = line.place(database, flow, node, has_room=has_room)
        return found['status'], found.get('admitted_at') is not None, found.get('queued_at') is not None
    assert place() == ('running', True, False)
    assert place(has_room=False) == ('queued', False, True)
    assert place('inspect', has_room=False) == place('delete', has_room=False) == ('running', False, False)
    line.put(database, '', {})
    assert place()[0] == 'running', 'a policy that limits nothing'
    for values in ({'mode': 'rolling'}, {'max_in_flight': 5}, {'points': 5}, {'pause_on_failure_ratio': 1.0}):
        line.put(database, 'rack1', values)
        assert (place()[0], line.is_limited(database)) == ('queued', True), values
    line.delete(database, 'rack1')
    assert (place()[0], line.is_limited(database)) == ('running', False)
    waiting = add(database)
    database.forget('line')          # as who lets it wait does; others do half a second later
    assert (place()[0], line.is_waiting(database), line.is_queued(database, waiting)) == ('queued', True, True)


def test_what_is_in_flight(database):
    line.put(database, '', {'max_in_flight': 9})
    flying = [add(database, status=status) for status in ('running', 'waiting', 'held')]
    for ended in ('done', 'failed'):
        add(database, status=ended)
    add(database, 'delete', 'running', admitted_at=None)         # its cleaning has not begun
    waiting = add(database, 'deploy', group='rack1', owner='ann')
    seen = line.look(database)
    assert [item.uuid for item in seen.flying] == flying
    [item] = seen.waiting
    assert (item.uuid, item.flow, item.group, item.owner, item.driver) == (waiting, 'deploy', 'rack1', 'ann', 'fake-hardware')
    assert time.time() - 60 < item.since <= time.time()


def test_a_look_at_the_heads_of_long_lines(database):
    ann, bob = ([add(database, owner=owner) for _ in range(5)] for owner in ('ann', 'bob'))
    rack = [add(database, group='rack1', lessee='ann') for _ in range(5)]
    assert [item.uuid for item in line.look(database, 2).waiting] == [*ann[:2], *bob[:2], *rack[:2]]
    assert [item.uuid for item in line.look(database).waiting] == [*ann, *bob, *rack]
    assert line.look(database, 0).waiting == []
    line.put(database, 'rack1', {'max_in_flight': 3})
    assert len(line.look(database, 0).waiting) == 9, 'as many as there is room for'
    line.put(database, '', {'max_in_flight': 0})
    assert line.look(database, 9).waiting == [], 'nothing could begin'
    line.put(database, '', {})
    other = add(database, driver='other')
    assert [item.uuid for item in line.look(database, 9, {('', 'other'), ('', 'third')}).waiting] == [other]


@pytest.mark.parametrize(('at_once', 'most_lanes'), [(0, 0), (3, 100), (100, 100)],
                         ids=['the oldest of each lane', 'three lanes at once', 'all lanes at once'])
@pytest.mark.parametrize('order', queue.ORDERS)
def test_places_are_given_in_the_order_of_all_that_wait(database, order, at_once, most_lanes, monkeypatch):
    monkeypatch.setattr(line, '_LANES', at_once)
    monkeypatch.setattr(head, '_AT_ONCE', at_once)
    monkeypatch.setattr(line, '_MOST_LANES', most_lanes)
    dice = random.Random(order)
    line.put(database, '', {'max_in_flight': 100, 'order': order})
    line.put(database, 'rack1', {'max_in_flight': 100, 'order': dice.choice(queue.ORDERS)})
    for _ in range(40):
        add(database, group=dice.choice(['', 'rack1', 'rack2']), owner=dice.choice(['ann', 'ann', 'bob', 'eve', None]),
            driver=dice.choice(['fake-hardware', 'ipmi']))
    seen = line.look(database)
    wanted = [turn.item.id for turn in queue.plan(seen.policies, seen.flying, seen.waiting)]
    given, most = [], []
    while line.is_waiting(database):
        seen = line.look(database, 7)
        most.append(seen.most)
        chosen = [turn.item for turn in queue.plan(seen.policies, seen.flying, seen.waiting) if turn.reason is None][:seen.most]
        assert line.admit(database, seen, chosen, 60)
        given += [item.id for item in chosen]
    assert given == wanted
    assert (max(most) <= 4) is (at_once == 0), 'no more than there are owners, where only the oldest of each lane are seen'


def test_a_look_at_a_share_of_the_ring(database):
    nodes = [add(database) for _ in range(20)] + [add(database, group='rack1')]
    slots = tuple(ring.slot(operation.get(database, one)['node']) for one in nodes[:5])
    share = {('', 'fake-hardware'): slots, ('rack1', 'fake-hardware'): ()}

    def seen():
        return [item.uuid for item in line.look(database, 9, None, share).waiting]
    assert seen() == nodes[:5], 'though others are older than the last of them'
    line.put(database, 'rack1', {'max_in_flight': 3})
    assert seen() == [*nodes[:5], nodes[-1]], 'whoever looks gives the places that are counted'
    line.put(database, '', {'max_in_flight': 100})
    assert len(seen()) == 21


def test_places_are_given_in_turns_and_the_turn_is_kept(database):
    line.put(database, '', {'max_in_flight': 3})
    for owner in 'aaaaab':
        add(database, owner=owner)
    first = give(database)
    assert [item.owner for item in first] == ['a', 'b', 'a']
    assert line.every(database)['']['served'] == ['b', 'a']
    for item in first:
        found = operation.get(database, item.uuid)
        assert (found['status'], found['admitted_at'] <= time.time() < found['deadline_at']) == ('running', True)
    assert give(database) == []


def test_who_looked_before_somebody_gave_places_gives_none(database):
    line.establish(database)
    one = add(database)
    seen = line.look(database, 9)
    assert len(give(database)) == 1
    assert not line.admit(database, seen, seen.waiting, 60)
    assert operation.get(database, one)['admitted_at'] <= time.time()


@pytest.mark.parametrize('change', [
    lambda database: line.put(database, '', {'max_in_flight': 1}), lambda database: line.put(database, 'rack1', {'points': 2}),
    lambda database: line.delete(database, ''), lambda database: line.resume(database, '')])
def test_who_looked_before_a_policy_changed_gives_none(database, change):
    line.establish(database)
    one = add(database)
    seen = line.look(database, 9)
    change(database)
    assert not line.admit(database, seen, seen.waiting, 60)
    assert status(database, one) == 'queued'


def test_a_look_sees_a_few_more_than_there_are_places(database):
    """However much waits and however many workers the one who looks has: more can begin of nobody's."""
    line.put(database, '', {'max_in_flight': 3})
    for owner in ('ann', 'bob'):
        for _ in range(20):
            add(database, owner=owner)
    seen = line.look(database, 100)
    assert seen.free == 3
    assert collections.Counter(item.owner for item in seen.waiting) == {'ann': 7, 'bob': 7}
    assert [item.owner for item in give(database)] == ['ann', 'bob', 'ann']
    full = line.look(database, 100)
    assert (full.free, full.most, full.waiting) == (0, 0, [])
    line.put(database, '', {})
    assert (line.look(database, 100).free, len(line.look(database, 100).waiting)) == (None, 37)


def test_what_was_given_up_meanwhile_gets_no_place(database):
    line.establish(database)
    gone, stays = add(database), add(database)
    seen = line.look(database, 9)
    with database.write() as connection:
        operation.ending(gone, 'aborted').execute(connection)
    assert line.admit(database, seen, seen.waiting, 60)
    assert (status(database, gone), status(database, stays)) == ('failed', 'running')


def test_many_at_once_never_exceed_the_limit(database):
    """Four conductors give places and four end operations, all at once: at no time are there more than five."""
    line.put(database, '', {'max_in_flight': 5, 'order': 'fifo'})
    total, most, ended, given, is_over = 60, [0], [], [], threading.Event()
    uuids = [add(database) for _ in range(total)]

    def conduct():
        while not is_over.is_set():
            given.extend(item.uuid for item in give(database) or ())
            with database.read() as connection:
                flying = connection.execute(line._in_flight()).all()
            most[0] = max(most[0], len(flying))
            for found in flying[:1]:
                with database.write() as connection:
                    if connection.execute(sa.update(models.operations).where(
                            models.operations.c.id == found.id, models.operations.c.status == 'running').values(
                            status='done', finished_at=now())).rowcount:
                        ended.append(found.id)
            if len(ended) == total:
                is_over.set()
    threads = [threading.Thread(target=conduct, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert is_over.wait(90)
    for thread in threads:
        thread.join(30)
    assert most == [5]
    assert sorted(given) == sorted(uuids), 'each place was given once'


def test_the_policy_of_everything_is_there_and_is_made_once(database):
    start = threading.Barrier(6)

    def establish():
        start.wait()
        line.establish(database)
    threads = [threading.Thread(target=establish) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(line.every(database)) == ['']


def test_policies(database):
    line.put(database, 'rack1', {'max_in_flight': 3, 'order': 'fifo'})
    first = line.get(database, 'rack1')
    assert (first['max_in_flight'], first['order'], first['mode'], first['generation']) == (3, 'fifo', 'parallel', 1)
    with pytest.raises(errors.Stale, match='The policy "rack1" has another generation'):
        line.put(database, 'rack1', {'points': 4}, generation={7})
    line.put(database, 'rack1', {'points': 4}, generation={1})
    second = line.get(database, 'rack1')
    assert (second['max_in_flight'], second['points'], second['order'], second['generation']) == (None, 4, 'fair', 2)
    assert list(line.look(database).policies) == ['', 'rack1']
    with pytest.raises(errors.Stale):
        line.delete(database, 'rack1', generation={1})
    line.delete(database, 'rack1')
    for call in (line.get, line.delete, line.resume):
        with pytest.raises(errors.NotFound, match='no policy for the conductor group "rack1"'):
            call(database, 'rack1')


def test_too_many_failures(database):
    """Of those that got their place since failures are counted, and in their scope."""
    line.put(database, 'rack1', {'pause_on_failure_ratio': 0.5, 'failure_window': 4})
    since = line.get(database, 'rack1')['counted_since']

    def end(outcome, *, group='rack1', admitted_at=None):
        add(database, status=outcome, group=group, finished_at=now(), admitted_at=admitted_at or since + 1)
    for _ in range(9):
        end('failed', admitted_at=since - 1)
        end('failed', group='rack2')
    end('failed')
    end('failed')
    end('done')
    assert line.look(database).failing == {}
    end('failed')
    seen = line.look(database)
    assert seen.failing == {'rack1': '3 of the last 4 failed.'}
    assert (seen.policies['rack1'].paused_reason, seen.policies[''].paused_reason) == ('3 of the last 4 failed.', None)
    assert line.pause(database, seen)
    assert not line.pause(database, seen), 'somebody was faster'
    assert (line.get(database, 'rack1')['paused_reason'], line.look(database).failing) == ('3 of the last 4 failed.', {})
    line.resume(database, 'rack1')
    resumed = line.get(database, 'rack1')
    assert (resumed['paused_reason'], resumed['counted_since'] > since) == (None, True)


def test_another_way_to_count_begins_anew(database):
    line.put(database, '', {'max_in_flight': 5})
    before = line.get(database, '')['counted_since']
    line.put(database, '', {'max_in_flight': 6})
    assert line.get(database, '')['counted_since'] == before
    line.put(database, '', {'mode': 'rolling'})
    assert line.get(database, '')['counted_since'] > before


def test_what_a_request_ended_is_no_failure(database):
    line.put(database, '', {'mode': 'rolling'})
    ended = add(database, status='waiting', admitted_at=line.get(database, '')['counted_since'] + 1)
    with database.write() as connection:
        operation.ending(ended, 'Ended by the request.').execute(connection)
    seen = line.look(database)
    assert (status(database, ended), seen.failing, seen.flying) == ('failed', {}, [])


def test_only_the_last_ends_count(database):
    line.put(database, '', {'pause_on_failure_ratio': 0.5, 'failure_window': 4})
    since = line.get(database, '')['counted_since'] + 1
    for outcome in ('failed', 'failed', 'failed', 'done', 'done'):
        add(database, status=outcome, finished_at=now(), admitted_at=since)
    assert line.look(database).failing == {}


def test_how_long_flows_take(database):
    assert line.durations(database) == {}
    end = time.time()
    for flow, outcome, seconds in (('deploy', 'done', 100), ('deploy', 'done', 200), ('clean', 'done', 30),
                                   ('deploy', 'failed', 9)):
        add(database, flow, outcome, finished_at=now(), admitted_at=end - seconds)
    add(database, 'inspect', 'done', finished_at=now(), admitted_at=None)
    found = line.durations(database)
    assert found.keys() == {'deploy', 'clean'}
    assert found['deploy'] == pytest.approx(150, abs=3)
    assert found['clean'] == pytest.approx(30, abs=3)
