"""Long queues by counting: what is said of the first, and of one, is what a look at all of them says."""

import random

import pytest

from ingot import queue
from ingot.db import lane, models
from ingot.db import queue as line
from tests.db.test_queue import add


def whole(database):
    seen = line.look(database)
    return queue.plan(seen.policies, seen.flying, seen.waiting)


@pytest.fixture(params=['fair', 'fifo'])
def crowded(database, request):
    """A queue of three lines, one of them fifo or not, after some had their turn."""
    dice = random.Random(7)
    line.put(database, '', {'max_in_flight': 30, 'order': request.param})
    line.put(database, 'rack1', {'max_in_flight': 20})
    for _ in range(60):
        add(database, 'deploy', group=dice.choice(['', 'rack1', 'rack2']), owner=dice.choice(['ann', 'ann', 'ann', 'bob', None]),
            driver=dice.choice(['fake-hardware', 'ipmi']))
    seen = line.look(database, 7)
    line.admit(database, seen, [turn.item for turn in whole(database) if turn.reason is None][:7], 60)
    return database


@pytest.mark.parametrize('few', [0, 300])
@pytest.mark.parametrize('count', [0, 1, 5, 20, 53, 99])
def test_the_first_are_those_of_the_whole_queue(crowded, count, few, monkeypatch):
    monkeypatch.setattr(lane, '_FEW', few)
    pick = lane.First(count)
    seen = line.look(crowded, pick=pick)
    turns = queue.plan(seen.policies, seen.flying, seen.waiting)[:count]
    assert turns == whole(crowded)[:count]
    assert (len(turns), len(seen.flying)) == (min(count, 53), 7)
    assert pick.waiting() == 53
    assert pick.waiting('rack1') == sum(turn.item.group == 'rack1' for turn in whole(crowded))
    assert count > 5 or len(seen.waiting) < 35, 'and not all were looked at'


def place(database, node):
    pick = lane.First(0)
    return lane.place(database, node, line.look(database, pick=pick).policies, pick.lanes)


def test_the_place_of_one_is_counted(crowded):
    for turn in whole(crowded):
        item, before = place(crowded, turn.item.node)
        assert (item, before[turn.scope] + 1) == (turn.item, turn.position)


def test_who_came_since_the_lanes_were_counted_is_behind_those_of_all_others(database):
    line.put(database, '', {'max_in_flight': 0})
    for owner in ('ann', 'ann', 'bob'):
        add(database, 'deploy', owner=owner)
    pick = lane.First(0)
    policies = line.look(database, pick=pick).policies
    for owner in ('eve', 'eve', 'ann'):
        add(database, 'deploy', owner=owner)
    turns = queue.plan(policies, [], line.look(database).waiting)
    found = {turn.item.id: lane.place(database, turn.item.node, policies, pick.lanes) for turn in turns}
    assert [found[turn.item.id][0] for turn in turns] == [turn.item for turn in turns]
    assert [(turn.position - 1, found[turn.item.id][1]['']) for turn in turns if turn.item.owner == 'eve'] == [(2, 2), (4, 4)]


def test_who_does_not_wait_has_no_place(database):
    assert place(database, 'nobody') is None
    add(database, 'deploy', 'running')
    assert place(database, line.look(database).flying[0].node) is None


@pytest.mark.parametrize('change', [{'owner': 'eve'}, {'lessee': ''}, {'conductor_group': 'rack9'}, {'lessee': 'bob'}])
def test_a_node_that_is_not_like_its_lane_has_a_place(crowded, change):
    """Its row was changed by hand: it is told a place, and so are those behind it."""
    turns = whole(crowded)
    with crowded.write() as connection:
        connection.execute(models.nodes.update().where(models.nodes.c.uuid == turns[0].item.node).values(**change))
    for turn in turns:
        assert place(crowded, turn.item.node)[0].uuid == turn.item.uuid
