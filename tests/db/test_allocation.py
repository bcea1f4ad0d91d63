"""Allocations whose time is over, that wait, that are given back; what is read for a decision, and what is not."""

import threading

import orjson
import pytest
import sqlalchemy as sa
from oslo_db import exception

from ingot import errors
from ingot.db import allocation, clock, decision, event, facts, kept, models, placement_group, stats
from tests.db import stock
from tests.db.test_claim import GOLD, SHOWN

GPU = {'pci': [{'flavors': ['gpu'], 'count': 2}]}


@pytest.fixture
def filled(database):
    stock.fill(database, 4)
    return database


def ask(database, wanted, **values):
    """The rows of what was made, the first first."""
    uuid, _ = allocation.create(database, {**GOLD, **values}, SHOWN, wanted)
    first = allocation.STORE.get(database, uuid)
    others = allocation.more(database, [uuid]).get(uuid, {}).get('allocations', [uuid])[1:]
    return [first, *(allocation.STORE.get(database, other) for other in others)]


def set_nodes(database, where, **values):
    with database.write() as connection:
        connection.execute(sa.update(models.nodes).where(where).values(values))


def states(database):
    return {one['state'] for one in stock.devices(database)}


def pass_time(database):
    with database.write() as connection:
        connection.execute(sa.update(models.allocations).where(models.allocations.c.expires_at.is_not(None)).values(
            expires_at=clock.time() - 1))


def test_what_nobody_used_in_its_time_is_free_again(filled):
    [one] = ask(filled, {**GPU, 'expires_in': 60}, name='short')
    assert allocation.expire(filled) == 0
    pass_time(filled)
    assert (allocation.expire(filled), allocation.expire(filled)) == (1, 0)
    assert (stock.flaws(filled), states(filled)) == ([], {'ready'})
    with pytest.raises(errors.NotFound):
        allocation.STORE.get(filled, one['uuid'])
    [told] = [each for each in event.since(filled, 0) if each['kind'] == 'allocation.expired']
    assert told['node'] == 'c0000000-0000-4000-8000-000000000000'
    assert orjson.loads(orjson.dumps(told['data'])) == {'allocation': one['uuid'], 'name': 'short'}


def test_what_is_deployed_stays(filled):
    [one] = ask(filled, {**GPU, 'expires_in': 60})
    set_nodes(filled, models.nodes.c.id == one['node_id'], provision_state='deploying')
    pass_time(filled)
    assert allocation.expire(filled) == 0
    assert allocation._expire(filled, one['uuid']) == 0, 'it began since we looked'
    assert allocation.STORE.get(filled, one['uuid'])['state'] == 'active'


def test_who_waits_longer_than_that_is_in_error(filled):
    [one] = ask(filled, {'wait': True, 'expires_in': 60, 'count': 9})
    assert one['state'] == 'allocating'
    pass_time(filled)
    assert allocation.expire(filled) == 1
    assert allocation.STORE.get(filled, one['uuid'])['state'] == 'error'


def test_who_waits_gets_it_by_priority(filled):
    held = ask(filled, {'count': 4})
    low, high = (ask(filled, {'wait': True, 'priority': priority, 'count': 2}, name=name)[0] for name, priority in (
        ('low', 1), ('high', 9)))
    assert (low['state'], high['state'], allocation.retry(filled)) == ('allocating', 'allocating', 0)
    assert 'summary' in low['why']
    allocation.delete(filled, held[0]['uuid'], is_gang=True)
    ask(filled, {}, name='other')
    assert allocation.retry(filled) == 1
    low, high = (allocation.STORE.get(filled, one['uuid']) for one in (low, high))
    assert (low['state'], high['state'], high['name'], high['why']) == ('allocating', 'active', 'high-1', None)
    assert allocation.STORE.get(filled, 'high-2')['gang'] == high['uuid']
    allocation.delete(filled, 'other')
    assert allocation.retry(filled) == 1
    assert stock.flaws(filled) == []


def test_one_of_a_gang_in_use_keeps_all_of_it(filled):
    gang = ask(filled, {**GPU, 'count': 3})
    set_nodes(filled, models.nodes.c.id == gang[1]['node_id'], provision_state='active')
    with pytest.raises(errors.Conflict, match='cannot be removed'):
        allocation.delete(filled, gang[0]['uuid'], is_gang=True)
    assert [allocation.STORE.get(filled, one['uuid'])['state'] for one in gang] == ['active'] * 3
    assert stock.flaws(filled) == []


@pytest.mark.parametrize(('state', 'after'), [('claimed', 'ready'), ('in_use', 'ready'), ('draining', 'not_ready'),
                                              ('failed', 'failed'), ('removed', 'removed')])
def test_a_node_that_is_given_back_gives_back_its_devices(filled, state, after):
    [one] = ask(filled, GPU)
    with filled.write() as connection:
        connection.execute(sa.update(models.devices).where(models.devices.c.allocation_id == one['id']).values(state=state))
        allocation.free(connection, one['node_id'])
    with filled.read() as connection:
        found = connection.execute(sa.select(models.devices.c.state, models.devices.c.allocation_id).where(
            models.devices.c.node_id == one['node_id'], models.devices.c.vendor_id == '10de')).all()
    assert found == [(after, None)] * 2


def test_the_node_named_like_it_comes_first_and_else_the_oldest(filled):
    assert ask(filled, {}, name='n2')[0]['node_id'] == 3
    assert ask(filled, {}, name='whatever')[0]['node_id'] == 1


def test_a_member_that_came_meanwhile_is_seen(filled, monkeypatch):
    """Two that are to be apart decide at the same time: who claims second decides again, with the other one as a member."""
    with filled.write() as connection:
        stock.insert(connection, models.placement_groups, name='apart', policy='anti-affinity', scope='rack')
    decide, inside = decision.decide, []

    def late(*args, **kwargs):
        found = decide(*args, **kwargs)
        if not inside:
            inside.append(found)
            ask(filled, {'placement_group': 'apart'}, candidate_nodes=['c0000000-0000-4000-8000-000000000003'])      # rack0 too
        return found
    monkeypatch.setattr(decision, 'decide', late)
    [one] = ask(filled, {'placement_group': 'apart', 'strategy': 'sequential_fill'})
    assert inside[0].picks[0].node.endswith('0000'), 'rack0, where the other one is by now'
    assert one['node_id'] == 2, 'rack1'
    assert len(placement_group.members(filled, one['placement_group'])) == 2


def test_a_gang_is_looked_for_beyond_the_first_that_are_read(database):
    stock.fill(database, 60, board=())
    with database.write() as connection:
        found = models.node_inventory
        connection.execute(sa.update(found).where(found.c.node_id % 6 != 0).values(inventory='{}'))
    assert len(ask(database, {'count': 10, 'where': ['cpu.count >= 16']})) == 10


def test_only_what_is_asked_about_is_read(filled):
    with filled.read() as connection:
        [plain, *_] = facts.nodes(connection, [], facts.Needs())
        [full, *_] = facts.nodes(connection, [], facts.Needs(devices=True, places=True, attributes=True), limit=1)
    assert (plain['devices'], plain['attributes'], plain['domains']) == ([], {}, {'node': plain['uuid']})
    assert (len(full['devices']), full['attributes'], full['domains']['rack']) == (5, {'cpu': {'count': 16}}, 'rack0')


def test_a_place_is_that_of_the_node_else_of_its_chassis_and_the_switch_that_of_its_pxe_port(filled):
    with filled.write() as connection:
        chassis = stock.insert(connection, models.chassis, uuid='d0000000-0000-4000-8000-000000000001',
                               extra={'rack': 'other', 'zone': 'west'})
        connection.execute(sa.update(models.nodes).where(models.nodes.c.id == 1).values(chassis_id=chassis))
        for number, is_pxe in enumerate((False, True)):
            stock.insert(connection, models.ports, node_id=1, address=f'52:54:00:00:00:0{number}', pxe_enabled=is_pxe,
                         local_link_connection={'switch_id': f's{number}'})
    with filled.read() as connection:
        [one] = facts.nodes(connection, [models.nodes.c.id == 1], facts.Needs(places=True))
    assert one['domains'] == {'node': one['uuid'], 'chassis': 'd0000000-0000-4000-8000-000000000001', 'rack': 'rack0',
                              'zone': 'west', 'switch': 's1'}


def test_statistics_that_are_too_old_count_no_more(filled):
    figures = {'free_gb': {'type': 'gauge', 'value': 12}}
    wanted = {'where': ['stats.storage.free_gb >= 10']}
    stats.put(filled, 'storage', {'figures': figures, 'max_age': 60})
    assert decision.decide(filled, {**GOLD, **wanted}).picks
    with filled.write() as connection:
        connection.execute(sa.update(models.stats).values(updated_at='2026-01-01T00:00:00+00:00'))
    found = decision.decide(filled, {**GOLD, **wanted})
    assert not found.picks
    assert 'stats.storage.free_gb' in found.why['summary']


def test_a_flavor_of_somebody_else_cannot_be_asked_for(filled):
    with filled.write() as connection:
        connection.execute(sa.update(models.pci_flavors).values(public=False, owner='ann'))
    with pytest.raises(errors.Invalid, match='belongs to somebody else'):
        ask(filled, GPU)
    set_nodes(filled, models.nodes.c.id > 0, owner='ann')
    assert ask(filled, GPU, owner='ann')[0]['state'] == 'active'


@pytest.mark.parametrize(('cause', 'is_retried'), [(exception.DBDeadlock(), True), (exception.DBConnectionError(), False)])
def test_a_deletion_that_the_database_broke_off_is_tried_again(filled, monkeypatch, cause, is_retried):
    [one], real, tries = ask(filled, GPU), allocation.STORE.delete, []

    def delete(*args, **kwargs):
        tries.append(args)
        if len(tries) < 3:
            raise errors.DatabaseFailed('The database failed.') from cause
        return real(*args, **kwargs)
    monkeypatch.setattr(allocation.STORE, 'delete', delete)
    if is_retried:
        allocation.delete(filled, one['uuid'])
        assert len(tries) == 3
        return
    with pytest.raises(errors.DatabaseFailed):
        allocation.delete(filled, one['uuid'])
    assert len(tries) == 1


@pytest.mark.parametrize(('strategy', 'rack'), [('spread', 'rack1'), ('pack', 'rack0')])
@pytest.mark.parametrize('is_kept', [False, True], ids=['read', 'kept'])
def test_nodes_in_use_count_for_a_strategy(database, strategy, rack, is_kept):
    """Though SQL could rule them out."""
    stock.fill(database, 6, racks=2)
    set_nodes(database, models.nodes.c.name.in_(('n0', 'n2')), instance_uuid=models.nodes.c.uuid)
    known = kept.Kept(threading.Lock()) if is_kept else None
    uuid, _ = allocation.create(database, GOLD, SHOWN, {'strategy': strategy}, known)
    with database.read() as connection:
        [extra] = connection.execute(sa.select(models.nodes.c.extra).where(models.nodes.c.allocation_uuid == uuid)).scalars()
    assert orjson.loads(extra) == {'rack': rack}


@pytest.mark.parametrize('is_kept', [False, True], ids=['read', 'kept'])
def test_racks_that_are_full_have_their_share_of_a_group(database, is_kept):
    """Two racks, one full: of two members of a hard spread each rack would get one."""
    stock.fill(database, 4, racks=2)
    set_nodes(database, models.nodes.c.name.in_(('n0', 'n2')), instance_uuid=models.nodes.c.uuid)
    placement_group.STORE.create(database, {'name': 'even', 'policy': 'spread', 'scope': 'rack', 'hard': True},
                                 (models.placement_groups.c.uuid,))
    known = kept.Kept(threading.Lock()) if is_kept else None
    wanted = {**GOLD, 'placement_group': 'even', 'count': 2}
    assert decision.decide(database, wanted, kept=known).picks == ()
    assert len(decision.decide(database, {**wanted, 'count': 1}, kept=known).picks) == 1
