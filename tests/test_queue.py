"""The rule of the queue: what may start now, in which order, and when the rest may."""

import collections
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot import queue
from ingot.queue import Item, Policy

GROUPS, OWNERS = ['', 'rack1', 'rack2'], ['', 'ann', 'bob', 'eve']


def items(flows, **values):
    """Items with rising ids, one for each of ``flows``."""
    return [Item(number, f'u{number}', f'n{number}', flow, **values) for number, flow in enumerate(flows, 1)]


def started(policies, flying, waiting, **kwargs):
    return [turn.item.id for turn in queue.plan(of(*policies), flying, waiting, **kwargs) if turn.reason is None]


def of(*policies):
    return {policy.scope: policy for policy in policies}


policies_of = st.fixed_dictionaries({}, optional={scope: st.builds(
    Policy, scope=st.just(scope), mode=st.sampled_from(queue.MODES), max_in_flight=st.none() | st.integers(0, 6),
    points=st.none() | st.integers(queue.MOST_POINTS, 9), order=st.sampled_from(queue.ORDERS),
    paused_reason=st.none() | st.just('seeded'), served=st.permutations(OWNERS).map(tuple)) for scope in GROUPS})
work = st.lists(st.tuples(st.sampled_from(sorted(queue.POINTS)), st.sampled_from(GROUPS), st.sampled_from(OWNERS)), max_size=14)


@st.composite
def queues(draw):
    """(policies, in flight, waiting); ids differ."""
    numbers = itertools.count(1)
    flying, waiting = ([Item(number := next(numbers), f'u{number}', f'n{number}', flow, group, owner, since=100.0 - number)
                        for flow, group, owner in draw(work)] for _ in range(2))
    return draw(policies_of), flying, waiting


def used(items, scope):
    mine = [item for item in items if scope in ('', item.group)]
    return len(mine), sum(item.points for item in mine)


@given(queues())
@settings(max_examples=400)
def test_never_more_than_allowed_and_never_less_than_possible(case):
    policies, flying, waiting = case
    turns = queue.plan(policies, flying, waiting)
    assert sorted(turn.item.id for turn in turns) == [item.id for item in waiting], 'each has its turn, once'
    begun = [turn.item for turn in turns if turn.reason is None]
    after = flying + begun
    for scope, policy in policies.items():
        before, now = used(flying, scope), used(after, scope)
        assert policy.most is None or now[0] <= max(policy.most, before[0])
        assert policy.points is None or now[1] <= max(policy.points, before[1])
        assert policy.paused_reason is None or now == before
    seen = set()
    for turn in turns:          # the first of a scope that waits has a policy that is full
        scopes = {policy.scope for policy in queue.covering(policies, turn.item.group)}
        if turn.reason is not None and not scopes & seen:
            assert any(is_full(policies[scope], after, turn.item) for scope in scopes)
        seen |= {scope for scope in scopes if turn.reason is not None and is_full(policies[scope], after, turn.item)}


def is_full(policy, flying, item):
    count, points = used(flying, policy.scope)
    return policy.paused_reason is not None or (policy.most is not None and count >= policy.most) or (
        policy.points is not None and points + item.points > policy.points)


@given(queues())
@settings(max_examples=200)
def test_everything_gets_its_turn_in_the_end(case):
    """Whatever ends in whatever order: with nothing paused and room for one at least, the queue empties."""
    policies, flying, waiting = case
    policies = {scope: policy._replace(paused_reason=None, max_in_flight=policy.max_in_flight or None)
                for scope, policy in policies.items()}
    for _ in range(len(flying) + 2 * len(waiting) + 1):
        begun = [turn.item for turn in queue.plan(policies, flying, waiting) if turn.reason is None]
        waiting = [item for item in waiting if item not in begun]
        flying = (flying + begun)[1:]
    assert not waiting


@given(queues())
@settings(max_examples=200)
def test_within_a_scope_nobody_overtakes(case):
    """By age where the order is fifo; and the items of one owner always."""
    policies, flying, waiting = case
    lines, by_owner = collections.defaultdict(list), collections.defaultdict(list)
    for scope, item in queue.line_up(policies, waiting):
        lines[scope].append(item.id)
        by_owner[scope, item.owner].append(item.id)
    assert all(ids == sorted(ids) for ids in by_owner.values())
    assert all(ids == sorted(ids) for scope, ids in lines.items() if policies.get(scope, Policy()).order == 'fifo')
    for turn in queue.plan(policies, flying, waiting):
        assert lines[turn.scope][turn.position - 1] == turn.item.id


@given(queues())
@settings(max_examples=200)
def test_estimates_do_not_lie_in_the_past_and_follow_the_order(case):
    policies, flying, waiting = case
    durations = {'deploy': 60.0, 'clean': 600.0}
    turns = queue.plan(policies, flying, waiting)
    found = queue.estimate(policies, flying, turns, durations, 1000.0)
    for scope in policies:
        times = [found[turn.item.uuid] for turn in turns if turn.scope == scope and turn.item.uuid in found]
        assert all(time >= 1000.0 for time in times)
    for turn in turns:
        limits = [policy for policy in queue.covering(policies, turn.item.group) if policy.is_limiting]
        is_known = bool(limits) and all(policy.paused_reason is None and policy.most != 0 for policy in limits)
        assert (turn.item.uuid in found) == is_known
        if is_known and turn.reason is None and not any(policy.points for policy in limits):
            assert found[turn.item.uuid] == 1000.0


def test_without_a_policy_all_start_and_by_turns_of_owners():
    waiting = [Item(number, f'u{number}', 'n', 'deploy', owner=owner) for number, owner in enumerate('aaab', 1)]
    assert started([], [], waiting) == [1, 4, 2, 3]
    assert started([Policy(order='fifo')], [], waiting) == [1, 2, 3, 4]


def test_rolling_is_one_at_a_time_and_stops_at_a_failure():
    rolling = Policy(mode='rolling')
    assert (rolling.most, rolling.failures) == (1, 1)
    assert started([rolling], [], items(['deploy'] * 3)) == [1]
    assert started([rolling], items(['clean']), items(['deploy'] * 3)) == []
    assert Policy(mode='rolling', max_in_flight=3).most == 3
    assert Policy(mode='rolling', pause_on_failure_ratio=0.5).failures == 6


@pytest.mark.parametrize(('ratio', 'window', 'failures'), [(None, 10, None), (0, 10, 1), (0.3, 10, 4), (0.25, 4, 2), (1, 10, 11)])
def test_how_many_failures_are_too_many(ratio, window, failures):
    assert Policy(pause_on_failure_ratio=ratio, failure_window=window).failures == failures


def test_points_are_those_of_the_flow_and_nobody_cheaper_overtakes():
    waiting = items(['deploy', 'deploy', 'clean', 'clean'])
    turns = queue.plan(of(Policy(points=3, order='fifo')), [], waiting)
    assert [turn.reason for turn in turns] == [
        None, *['2 of 3 service points are in use, it needs 2 ("global").'] * 3]


def test_a_full_group_holds_up_no_other_and_everything_is_limited_besides():
    waiting = [Item(number, f'u{number}', 'n', 'clean', group) for number, group in enumerate(['rack1', 'rack1', '', 'rack2'], 1)]
    policies = [Policy(max_in_flight=2), Policy('rack1', max_in_flight=1)]
    turns = queue.plan(of(*policies), [], waiting)
    assert [(turn.item.id, turn.scope, turn.position, turn.reason) for turn in turns] == [
        (1, 'rack1', 1, None), (2, 'rack1', 2, '1 of 1 are in flight ("rack1").'),
        (3, '', 1, None), (4, '', 2, '2 of 2 are in flight ("global").')]


def test_what_cannot_start_for_a_reason_of_its_own_holds_up_nobody():
    waiting = items(['clean'] * 3)
    assert started([Policy(max_in_flight=1)], [], waiting, refuse=lambda item: 'alone' if item.id == 1 else None) == [2]


def test_turns_of_owners_go_on_where_they_were():
    served = ()
    order = []
    waiting = [Item(number, f'u{number}', 'n', 'clean', owner=owner) for number, owner in enumerate('aaaaaabbbc', 1)]
    while waiting:
        first = queue.plan(of(Policy(max_in_flight=1, served=served)), [], waiting)[0].item
        waiting.remove(first)
        served = queue.serve(served, [first.owner], {item.owner for item in waiting})
        order.append(first.owner)
    assert ''.join(order) == 'abcababaaa'


def test_estimates():
    policies = of(Policy(max_in_flight=2))
    flying = [Item(1, 'u1', 'n', 'deploy', since=90.0), Item(2, 'u2', 'n', 'deploy', since=30.0)]
    turns = queue.plan(policies, flying, [Item(number, f'u{number}', 'n', 'deploy') for number in (3, 4, 5)])
    assert queue.estimate(policies, flying, turns, {'deploy': 60.0}, 100.0) == {'u3': 100.0, 'u4': 150.0, 'u5': 160.0}
    assert queue.estimate(policies, flying, turns, {}, 100.0) == {}
    paused = of(Policy(max_in_flight=2, paused_reason='x'))
    assert queue.estimate(paused, flying, turns, {'deploy': 60.0}, 100.0) == {}


def test_when_the_limit_was_lowered_the_first_ends_make_no_room():
    policies = of(Policy(max_in_flight=1))
    flying = [Item(number, f'u{number}', 'n', 'deploy', since=number * 10.0) for number in (1, 2, 3)]
    turns = queue.plan(policies, flying, [Item(4, 'u4', 'n', 'deploy')])
    assert queue.estimate(policies, flying, turns, {'deploy': 100.0}, 50.0) == {'u4': 130.0}


# Of a long queue: what can be said of one without a look at all.

@st.composite
def lines(draw):
    """(policy, waiting), all in one line."""
    owners = draw(st.lists(st.sampled_from(OWNERS), min_size=1, max_size=20))
    policy = Policy(max_in_flight=draw(st.integers(1, 5)), served=draw(st.permutations(OWNERS)))
    return policy, [Item(number, f'u{number}', f'n{number}', 'deploy', owner=owner, driver=draw(st.sampled_from('ab')))
                    for number, owner in enumerate(owners, 1)]


def lanes(waiting):
    found = {}
    for item in waiting:
        found.setdefault((item.owner, item.driver), []).append(item)
    return [queue.Lane('/'.join(key), '', key[0], len(those), those[0].id) for key, those in found.items()]


@given(lines(), st.integers(0, 25))
@settings(max_examples=300)
def test_the_first_turns_are_among_the_first_rounds(line, count):
    policy, waiting = line
    number, had, kept = queue.rounds(lanes(waiting), count), collections.Counter(), []
    for item in waiting:
        had[item.owner] += 1
        kept += [item] if had[item.owner] <= number else []
    assert [item for _, item in queue.line_up({'': policy}, kept)][:count] == [
        item for _, item in queue.line_up({'': policy}, waiting)][:count]
    assert number == 0 or len(kept) < count + len(OWNERS)


@given(lines())
@settings(max_examples=300)
def test_who_starts_before_one_is_counted(line):
    policy, waiting = line
    for place, (_, item) in enumerate(queue.line_up({'': policy}, waiting)):
        older = sum(one.owner == item.owner and one.id < item.id for one in waiting)
        assert queue.before(policy, lanes(waiting), item.owner, older) == place


@given(lines(), st.lists(st.floats(0, 200), max_size=5), st.floats(1, 300))
@settings(max_examples=300)
def test_a_forecast_is_the_estimate_where_all_last_as_long(line, ages, seconds):
    policy, waiting = line
    policies, present = {'': policy}, 1000.0
    flying = [Item(-number, f'f{number}', 'n', 'deploy', since=present - age) for number, age in enumerate(ages[:policy.most], 1)]
    turns = queue.plan(policies, flying, waiting)
    starts = queue.estimate(policies, flying, turns, {'deploy': seconds}, present)
    for place, turn in enumerate(turns):
        assert queue.forecast(policies, flying, turn.item, {'': place}, {'deploy': seconds}, present) == pytest.approx(
            starts[turn.item.uuid])


def test_there_is_no_forecast_without_limits_or_while_one_is_paused():
    item = Item(1, 'u1', 'n1', 'deploy', 'rack1')
    limited, paused = Policy(max_in_flight=1), Policy('rack1', paused_reason='seeded')
    for policies in (of(Policy()), of(limited, paused), of(Policy(max_in_flight=0))):
        assert queue.forecast(policies, [], item, {'': 0, 'rack1': 0}, {'deploy': 5}, 100.0) is None
    assert queue.forecast(of(limited), [], item, {'': 2}, {'deploy': 5}, 100.0) == 110
