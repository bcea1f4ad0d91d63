"""Leases: one holder, rising epochs, and no write by whoever lost."""

import threading
import time
import uuid

import pytest
import sqlalchemy as sa

from ingot import errors
from ingot.db import batch, event, lease, models, node, operation, port
from ingot.db.engine import now


@pytest.fixture
def ident(database):
    return enroll(database)


def enroll(database):
    ident = str(uuid.uuid4())
    with database.write() as connection:
        connection.execute(sa.insert(models.nodes).values(uuid=ident, driver='fake-hardware', created_at=now()))
    return ident


def expire(database, ident):
    with database.write() as connection:
        connection.execute(sa.update(models.nodes).where(models.nodes.c.uuid == ident).values(
            lock_expires_at=1.0))


def test_take_tells_who_and_why_and_until_when(database, ident):
    held = lease.take(database, ident, 'c1', 'deploy', 10)
    assert (held['lock_owner'], held['lock_purpose'], held['lock_epoch']) == ('c1', 'deploy', 1)
    assert time.time() + 9 < held['lock_expires_at'] <= time.time() + 10
    assert held['generation'] == 1, 'a lock is no change that clients must see'
    with pytest.raises(errors.Locked, match=rf'Node {ident} is locked by c1 for "deploy" since 0 s'):
        lease.take(database, ident, 'c1', 'again', 10)


def test_the_macs_come_with_the_lock_where_it_is_one_statement(database, ident):
    with database.read() as connection:
        mine = connection.execute(sa.select(models.nodes.c.id).where(models.nodes.c.uuid == ident)).scalar()
    for number, pxe_enabled in enumerate((True, False, True)):
        port.create(database, {'node_ident': ident, 'address': f'52:54:00:00:00:0{9 - number}', 'pxe_enabled': pxe_enabled},
                    [port.TABLE.c.id])
    held, bare = lease.take(database, ident, 'c1', 'deploy', 10), lease.take(database, enroll(database), 'c1', 'deploy', 10)
    if batch.is_compound(database):
        assert (held['macs'], bare['macs']) == (port.macs(database, mine), [])
        assert len(held['macs']) == 2
    else:
        assert 'macs' not in held


def test_unknown_nodes(database):
    with pytest.raises(errors.NotFound, match='Node nobody'):
        lease.take(database, 'nobody', 'c1', 'deploy', 10)


def change(database, ident, *args, **kwargs):
    return lease.update(database, node.get(database, ident), *args, **kwargs)


def test_an_expired_lease_is_taken_and_the_old_holder_can_write_nothing(database, ident):
    old = lease.take(database, ident, 'c1', 'deploy', 10)['lock_epoch']
    expire(database, ident)
    new = lease.take(database, ident, 'c2', 'take over', 10)['lock_epoch']
    assert new == old + 1
    with pytest.raises(errors.Stale, match=f'Node {ident}: the lock of epoch {old} is lost'):
        change(database, ident, old, {'power_state': 'power on'}, [('power_state', {})])
    assert lease.renew(database, {ident: old}, 10) == {ident}
    lease.release(database, ident, old)
    lease.hand_over(database, ident, old)
    row = node.get(database, ident)
    assert (row['lock_owner'], row['power_state']) == ('c2', None)
    assert row['lock_expires_at'] > time.time()
    assert event.newest(database) == 0
    assert change(database, ident, new, {'power_state': 'power off'})['power_state'] == 'power off'


def test_an_expired_lease_that_nobody_took_is_still_ours(database, ident):
    epoch = lease.take(database, ident, 'c1', 'deploy', 10)['lock_epoch']
    expire(database, ident)
    assert change(database, ident, epoch, {'power_state': 'power on'})['power_state'] == 'power on'
    assert lease.renew(database, {ident: epoch}, 10) == set()
    assert node.get(database, ident)['lock_expires_at'] > time.time() + 9


def test_after_a_release_nothing_can_be_written_with_the_old_epoch(database, ident):
    epoch = lease.take(database, ident, 'c1', 'deploy', 10)['lock_epoch']
    lease.release(database, ident, epoch)
    with pytest.raises(errors.Stale):
        change(database, ident, epoch, {'power_state': 'power on'})
    assert lease.renew(database, {ident: epoch}, 10) == {ident}
    assert node.get(database, ident)['lock_expires_at'] == 0


def test_update_is_all_or_nothing(database, ident):
    epoch = lease.take(database, ident, 'c1', 'deploy', 10)['lock_epoch']

    def fail(connection):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        change(database, ident, epoch, {'power_state': 'power on'}, [('power_state', {'to': 'power on'})], also=fail,
                     is_last=True)
    row = node.get(database, ident)
    assert (row['power_state'], row['lock_owner'], event.newest(database)) == (None, 'c1', 0)


def test_update_makes_events_raises_the_generation_and_lets_go(database, ident):
    epoch = lease.take(database, ident, 'c1', 'deploy', 10)['lock_epoch']
    row = change(database, ident, epoch, {'instance_info': {'a': 1}}, [('error', {'text': 'x', 'operation': 'o'})],
                       is_last=True)
    assert (row['instance_info'], row['generation'], row['lock_owner'], row['lock_expires_at']) == ({'a': 1}, 2, None, 0)
    [found] = event.since(database, 0)
    assert (found['kind'], found['node'], found['operation']) == ('error', ident, 'o')


def test_values_can_follow_from_the_row(database, ident):
    """What clients wrote since we read the row is not lost."""
    known = lease.take(database, ident, 'c1', 'inspect', 10)
    epoch = known['lock_epoch']
    with database.write() as connection:
        connection.execute(sa.update(models.nodes).values(properties='{"theirs": 1}', generation=known['generation'] + 1))
    row = lease.update(database, known, epoch, lambda row: {'properties': row['properties'] | {'ours': 2}})
    assert row['properties'] == {'theirs': 1, 'ours': 2}


def test_wrest(database, ident):
    old = lease.take(database, ident, 'c1', 'deploy', 10)['lock_epoch']
    new = lease.wrest(database, ident, old, 'c1', 'give up', 10)['lock_epoch']
    assert new == old + 1
    with pytest.raises(errors.Stale):
        lease.wrest(database, ident, old, 'c1', 'give up', 10)
    lease.release(database, ident, new)
    with pytest.raises(errors.Stale):
        lease.wrest(database, ident, new, 'c1', 'give up', 10)


def abandoned(database):
    return [one.uuid for one in lease.abandoned(database)]


def test_abandoned(database, ident):
    epoch = lease.take(database, ident, 'c1', 'deploy', 10)['lock_epoch']
    assert abandoned(database) == []
    expire(database, ident)
    assert abandoned(database) == [ident]
    lease.release(database, ident, epoch)
    assert abandoned(database) == []
    work = operation.new(node.get(database, ident), 'deploy', seconds=10)
    with database.write() as connection:
        operation.insert(connection, work)
        connection.execute(sa.update(models.nodes).values(operation=work['uuid']))
    assert abandoned(database) == [ident], 'work without a lock, however that came about'
    with database.write() as connection:
        operation.change(connection, work['uuid'], {'status': 'waiting'})
    assert abandoned(database) == []


def test_a_host_that_starts_again_ends_its_own_leases_only(database, ident):
    other = enroll(database)
    lease.take(database, ident, 'c1', 'deploy', 100)
    lease.take(database, other, 'c2', 'deploy', 100)
    lease.expire_owner(database, 'c1')
    assert abandoned(database) == [ident]


def test_hand_over(database, ident):
    epoch = lease.take(database, ident, 'c1', 'deploy', 100)['lock_epoch']
    lease.hand_over(database, ident, epoch)
    assert abandoned(database) == [ident]


def test_of_many_only_one_gets_it(database, ident):
    got, start = [], threading.Barrier(8)

    def race(number):
        start.wait()
        for _ in range(20):
            try:
                held = lease.take(database, ident, f'c{number}', 'race', 100)
            except errors.Locked:
                continue
            got.append(held['lock_epoch'])
            assert node.get(database, ident)['lock_owner'] == f'c{number}'
            lease.release(database, ident, held['lock_epoch'])
    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got
    assert sorted(got) == list(range(1, len(got) + 1)), 'each epoch was held once'


def test_renewals_and_the_work_of_many_nodes_do_not_meet_in_a_deadlock(database):
    """MariaDB locks index entries in the order of its plan: who renews many must take them as those who write one."""
    uuids, ended = [enroll(database) for _ in range(300)][:40], threading.Event()       # most of them have no owner
    held, problems = {}, []

    def work(mine):
        for _ in range(8):
            for ident in mine:
                taken = lease.take(database, ident, 'c1', 'deploy', 60)
                held[ident] = taken['lock_epoch']
                lease.update(database, lease.update(database, taken, held[ident]), held[ident], {'power_state': 'power on'},
                             is_last=True)

    def run(function, *args):
        try:
            function(*args)
        except errors.IngotError as error:
            problems.append(error)

    def renew():
        while not ended.is_set():
            lease.renew(database, dict(held), 60)
    workers = [threading.Thread(target=run, args=(work, uuids[start::4])) for start in range(4)]
    renewing = threading.Thread(target=run, args=(renew,))
    for thread in (*workers, renewing):
        thread.start()
    for thread in workers:
        thread.join()
    ended.set()
    renewing.join()
    assert problems == []
