"""Assignments of devices: exact, beside every assignment there is; and quick on large boards."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.scheduler import assign
from ingot.scheduler.assign import Entry
from ingot.scheduler.board import Shape
from tests.scheduler import boards


def flat(size):
    return Shape((None,) * size, (None,) * size, False)


@settings(max_examples=400)
@given(boards.shapes(), st.data())
def test_an_assignment_is_found_exactly_when_there_is_one(board, data):
    shape, numas, costs = board
    entries = data.draw(st.lists(st.builds(
        Entry, st.integers(1, (1 << len(numas)) - 1), st.integers(1, 3), st.booleans()), min_size=1, max_size=3))
    answer, all_of_them = assign.assign(shape, numas, entries, costs), boards.every(shape, numas, entries)
    assert (answer is not None) is bool(all_of_them)
    if answer:
        assert boards.is_right(shape, numas, entries, answer.used)
        check_along(shape, answer)


def check_along(shape, answer):
    """Whatever has to be taken with the devices is told, once, and nothing else is."""
    used = {place for places in answer.used for place in places}
    along = [place for places in answer.along for place in places]
    whole = {other for place in used for other in range(len(shape.parents))
             if other == place or (shape.units[place] is not None and shape.units[place] == shape.units[other])}
    whole |= {vf for vf, pf in enumerate(shape.parents) if pf in whole}
    assert sorted(along) == sorted(whole - used)


@settings(max_examples=300)
@given(st.integers(1, 6), st.data())
def test_without_exclusions_it_is_the_cheapest(size, data):
    costs = data.draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
    entries = data.draw(st.lists(st.builds(
        Entry, st.integers(1, (1 << size) - 1), st.integers(1, 2)), min_size=1, max_size=3))
    answer = assign.assign(flat(size), [0] * size, entries, costs)
    prices = [sum(costs[place] for places in used for place in places) for used in boards.every(flat(size), [0] * size, entries)]
    assert (answer.cost if answer else None) == min(prices, default=None)


CASES = {
    'overlapping counts are matched, not subtracted': (flat(3), [Entry(0b011, 1), Entry(0b111, 2)], True),
    'three of two': (flat(3), [Entry(0b011, 1), Entry(0b011, 2)], False),
    'a PF and its VF': (Shape((None, 0), (None, None), False), [Entry(0b01, 1), Entry(0b10, 1)], False),
    'two VFs of one PF': (Shape((None, 0, 0), (None,) * 3, False), [Entry(0b110, 2)], True),
    'a PF, and VFs of another': (Shape((None, None, 0, 1), (None,) * 4, False), [Entry(0b11, 1), Entry(0b1100, 1)], True),
    'a PF that must be one, and a VF of another card': (Shape((None, None, 0, 1), (None,) * 4, False), [
        Entry(0b0001, 1), Entry(0b1100, 1)], True),
    'a unit that takes a PF along, and its VF': (
        Shape((None, 0, None), (0, None, 0), False), [Entry(0b100, 1), Entry(0b010, 1)], False),
    'a unit of a PF and its VF, one used': (Shape((None, 0), (0, 0), False), [Entry(0b10, 1)], True),
}


@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_cases(case):
    shape, entries, is_there = case
    size = len(shape.parents)
    assert (assign.assign(shape, [0] * size, entries, [1] * size) is not None) is is_there


def test_plain_devices_are_spent_before_precious_ones():
    answer = assign.assign(flat(4), [0] * 4, [Entry(0b1111, 2)], [3, 1, 2, 1])
    assert answer.used == ((1, 3),)


def test_a_vf_of_a_card_in_use_as_vfs_is_cheaper_than_a_whole_card():
    shape = Shape((None, 0, 0, 0), (None,) * 4, False)
    answer = assign.assign(shape, [0] * 4, [Entry(0b1111, 1)], [1] * 4)
    assert (answer.used, answer.along) == (((1,),), ((),))


def cards(count, vfs):
    """A board of so many PFs with so many VFs each; (shape, bits of PFs, bits of VFs)."""
    parents = [None] * count + [card for card in range(count) for _ in range(vfs)]
    size = len(parents)
    return Shape(tuple(parents), (None,) * size, False), (1 << count) - 1, (1 << size) - (1 << count)


@pytest.mark.parametrize(('entries', 'is_there'), [
    ((5, 24), True), ((5, 25), False), ((0, 64), True), ((8, 1), False), ((7, 8), True)])
def test_equal_cards_are_not_tried_one_by_one(entries, is_there):
    shape, pfs, vfs = cards(8, 8)
    wanted = [Entry(bits, count) for bits, count in zip((pfs, vfs), entries, strict=True) if count]
    began = time.process_time()
    assert (assign.assign(shape, [0] * 72, wanted, [1] * 72) is not None) is is_there
    assert time.process_time() - began < 2


@pytest.mark.parametrize(('count', 'is_there'), [(4, True), (5, False)])
def test_many_entries_that_want_one_numa_node_each_take_no_time(count, is_there):
    """Eight NUMA nodes of eight devices and sixteen entries have 8 ** 16 ways; two entries of four fit on a node, of five one."""
    numas = [place // 8 for place in range(64)]
    began = time.process_time()
    entries = [Entry((1 << 64) - 1, count, True)] * (16 if is_there else 12)
    assert (assign.assign(flat(64), numas, entries, [1] * 64) is not None) is is_there
    assert time.process_time() - began < 10


def test_who_searches_in_vain_gives_up_in_time():
    """Twelve cards, each of its own kind: one PF too many is asked for."""
    shape, _, vfs = cards(12, 2)
    entries = [Entry(0b11 << place, 1) for place in range(11)] + [Entry(vfs, 4)]
    began = time.process_time()
    assert assign.assign(shape, [0] * 36, entries, list(range(36))) is None
    assert time.process_time() - began < 20
