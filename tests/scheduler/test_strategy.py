"""Which nodes are taken first: strategies, preferred traits, what others need less; and gangs in groups."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.scheduler import decide, request
from ingot.scheduler.site import Site
from tests.scheduler import boards, sites


def node(number, rack=None, chassis=None, **values):
    return {'uuid': f'{number}', 'name': f'node-{number}', 'domains': {'rack': rack, 'chassis': chassis}, **values}


def chosen(nodes, group=None, limit=10, **wanted):
    """The numbers of the nodes of a decision, in its order."""
    there = Site(nodes, sites.FLAVORS, [group] if group else [])
    found = decide.decide(there, request.read({**wanted, **({'placement_group': group['name']} if group else {})}), limit)
    return [int(one.node) for one in found.candidates]


HALF = [node(1, 'r1', is_free=False), node(2, 'r1'), node(3, 'r2'), node(4, 'r2'), node(5, 'r3', is_free=False),
        node(6, 'r3', is_free=False), node(7, 'r3'), node(8)]


@pytest.mark.parametrize(('wanted', 'expected'), [
    ({}, [2, 3, 4, 7, 8]), ({'strategy': 'pack'}, [7, 2, 3, 4, 8]), ({'strategy': 'spread'}, [3, 4, 2, 7, 8]),
    ({'strategy': 'pack', 'count': 3}, [7, 2, 3]), ({'strategy': 'spread', 'count': 3}, [3, 4, 2]),
], ids=str)
def test_racks(wanted, expected):
    assert chosen(HALF, **wanted) == expected


def test_sequential_fill_begins_with_the_first_chassis_and_takes_what_falls_vacant_there():
    nodes = [node(number, chassis=f'chassis-{number // 3 + 9}', is_free=number > 3) for number in range(9)]
    assert chosen(nodes, strategy='sequential_fill', limit=3) == [4, 5, 6]
    nodes[1]['is_free'] = True
    assert chosen(nodes, strategy='sequential_fill', limit=3) == [1, 4, 5]
    assert chosen(nodes, strategy='sequential_fill', count=4) == [1, 4, 5, 6]


def test_nodes_without_devices_and_with_preferred_traits_come_first():
    card = boards.device(0, vendor_id='10de', product_id='00a0')
    nodes = [node(1, devices=[card]), node(2), node(3, traits=['FAST'], devices=[card])]
    assert chosen(nodes) == [2, 1, 3]
    assert chosen(nodes, preferred_traits=['FAST']) == [3, 2, 1]
    assert chosen(nodes, name='node-1') == [1, 2, 3]


RACKS = [node(number, f'r{number // 4}') for number in range(12)]


@pytest.mark.parametrize(('policy', 'members', 'count', 'sizes'), [
    ('anti-affinity', [], 3, [1, 1, 1]), ('anti-affinity', ['0'], 2, [1, 1]), ('anti-affinity', ['0'], 3, None),
    ('affinity', [], 4, [4]), ('affinity', [], 5, None), ('affinity', ['0'], 4, [4]),
    ('spread', [], 6, [2, 2, 2]), ('spread', [], 7, [2, 2, 3]), ('spread', ['0', '1'], 4, [2, 2]),
    ('spread', ['0', '1', '2'], 2, [1, 1]),
], ids=str)
def test_hard_groups(policy, members, count, sizes):
    found = chosen(RACKS, {'name': 'g', 'policy': policy, 'scope': 'rack', 'members': members}, count=count)
    there = [number // 4 for number in found]
    assert sorted(map(there.count, set(there))) == (sizes or [])
    if policy == 'affinity' and members:
        assert set(there) == {0}


@pytest.mark.parametrize(('policy', 'count', 'sizes'), [
    ('anti-affinity', 5, [1, 2, 2]), ('affinity', 5, [1, 4]), ('spread', 4, [1, 1, 2])])
def test_soft_groups_come_as_near_as_they_can(policy, count, sizes):
    found = chosen(RACKS, {'name': 'g', 'policy': policy, 'scope': 'rack', 'hard': False}, count=count)
    assert sorted(sum(number // 4 == rack for number in found) for rack in {number // 4 for number in found}) == sizes


def test_one_more_member_goes_where_a_soft_group_would_have_it():
    group = {'name': 'g', 'policy': 'anti-affinity', 'scope': 'rack', 'hard': False, 'members': ['0', '4']}
    assert chosen(RACKS, group, limit=5) == [8, 9, 10, 11, 0]
    assert chosen(RACKS, {**group, 'policy': 'affinity', 'members': ['4']}, limit=5) == [4, 5, 6, 7, 0]
    assert chosen(RACKS, {**group, 'hard': True}, limit=5) == [8, 9, 10, 11]


@settings(max_examples=60)
@given(st.integers(0, 1 << 40))
def test_the_order_of_facts_does_not_matter(seed):
    nodes, group, wanted = sites.case(seed)
    one, other = (decide.decide(Site(facts, sites.FLAVORS, [group]), request.read(wanted)) for facts in (nodes, nodes[::-1]))
    assert one == other
