"""Whom nodes belong to: everybody has the share that is due, and no node moves without need."""

import collections
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot import ring

NODES = [ring.slot(str(uuid.UUID(int=number * 0x9e3779b97f4a7c15f39cc0605cedc835 % 2**128))) for number in range(20_000)]
HOSTS = st.sets(st.text('abcdefghijklmnopqrstuvwxyz0123456789.-', min_size=1, max_size=20), min_size=1, max_size=16)


def of(hosts):
    return ring.Ring([{'hostname': host, 'conductor_group': '', 'drivers': ['ipmi']} for host in hosts])


def owners(hosts):
    made = of(hosts)
    return [made.host(slot, '', 'ipmi') for slot in NODES]


def test_a_slot_is_for_ever():
    """Written down: nodes keep theirs in the database."""
    assert [ring.slot(text) for text in ('', 'a', '321a4530-0080-4173-b4d3-22368772504c')] == [0, 3651, 3360]
    assert min(NODES) >= 0
    assert max(NODES) < ring.SLOTS


def test_the_ranks_are_the_same_everywhere():
    made = of(['c1', 'c2', 'c3'])
    assert [made.host(slot, '', 'ipmi') for slot in range(12)] == [
        'c3', 'c2', 'c1', 'c1', 'c1', 'c1', 'c1', 'c1', 'c1', 'c2', 'c2', 'c2']


@settings(max_examples=50)
@given(HOSTS, st.text('xyz', min_size=21, max_size=25))
def test_who_joins_takes_its_share_and_nothing_else_moves(hosts, newcomer):
    before, after = owners(hosts), owners(hosts | {newcomer})
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) <= {newcomer}
    assert len(moved) <= 1.5 * len(NODES) / (len(hosts) + 1)


@settings(max_examples=50)
@given(HOSTS.filter(lambda hosts: len(hosts) > 1))
def test_who_leaves_gives_its_share_to_all_and_nothing_else_moves(hosts):
    leaver = min(hosts)
    before, after = owners(hosts), owners(hosts - {leaver})
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert {old for old, _ in moved} == {leaver}
    assert len(moved) <= 1.5 * len(NODES) / len(hosts)
    taken = collections.Counter(new for _, new in moved)
    assert max(taken.values()) <= 2.2 * len(moved) / (len(hosts) - 1)


@settings(max_examples=50)
@given(HOSTS)
def test_everybody_has_about_the_same(hosts):
    counts = collections.Counter(owners(hosts))
    assert counts.keys() == hosts
    assert max(counts.values()) <= 1.35 * len(NODES) / len(hosts)


@given(HOSTS)
def test_the_next_one_is_who_would_have_it_without_the_first(hosts):
    first, *others = of(hosts).hosts(7, '', 'ipmi')
    assert of(hosts).host(7, '', 'ipmi') == first
    if others:
        assert of(hosts - {first}).host(7, '', 'ipmi') == others[0]


@given(HOSTS)
def test_shares_are_what_belongs(hosts):
    made = of(hosts)
    shares = {host: made.share(host)['', 'ipmi'] for host in hosts}
    if len(hosts) == 1:
        assert shares == dict.fromkeys(hosts)
    else:
        assert sorted(slot for share in shares.values() for slot in share) == list(range(ring.SLOTS))
        assert all(made.host(slot, '', 'ipmi') == host for host, share in shares.items() for slot in share)


@pytest.mark.parametrize(('group', 'driver', 'hosts'), [
    ('', 'ipmi', {'a'}), ('west', 'ipmi', {'b', 'c'}), ('west', 'fake-hardware', {'c'}), ('east', 'ipmi', {None}),
    ('', 'fake-hardware', {None})])
def test_groups_and_drivers_have_rings_of_their_own(group, driver, hosts):
    made = ring.Ring([
        {'hostname': 'a', 'conductor_group': '', 'drivers': ['ipmi']},
        {'hostname': 'b', 'conductor_group': 'west', 'drivers': ['ipmi']},
        {'hostname': 'c', 'conductor_group': 'west', 'drivers': ['ipmi', 'fake-hardware']}])
    assert {made.host(slot, group, driver) for slot in range(100)} == hosts
    assert made.hosts(0, group, driver) == [] or set(made.hosts(0, group, driver)) == hosts


def test_nobody_there():
    assert of([]).host(0, '', 'ipmi') is None
    assert of([]).places() == {}
    assert of(['a']).share('b') == {}
