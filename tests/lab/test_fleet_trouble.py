"""Plans of faults: the same for the same seed, and refused when they make no sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import errors
from ingot.lab.fleet import trouble

shares = st.lists(st.fixed_dictionaries({'fault': st.sampled_from(['twice', 'stuck', 'dies', 'half']),
                                         'share': st.floats(0, 1)}), max_size=4)


@given(shares, st.integers(1, 300), st.integers())
def test_the_same_seed_gives_the_same_plan_and_shares_are_exact(lines, count, seed):
    faults = trouble.parse(lines)
    plan = trouble.assign(faults, count, seed)
    assert plan == trouble.assign(trouble.parse(lines), count, seed)
    assert all(0 <= number < count for number in plan)
    for fault in set(faults):
        hit = sum(mine.count(fault) for mine in plan.values())
        assert hit == faults.count(fault) * round(fault.share * count)


def test_another_seed_hits_others():
    faults = trouble.parse([{'fault': 'dies', 'share': 0.1}])
    plans = {tuple(trouble.assign(faults, 1000, seed)) for seed in range(20)}
    assert len(plans) == 20


def test_two_lines_of_the_same_share_hit_different_machines():
    first, second = ({number for number, mine in trouble.assign(trouble.parse(
        [{'fault': 'twice', 'share': 0.1}, {'fault': 'dies', 'share': 0.1}]), 1000, 1).items()
        if any(fault.fault == kind for fault in mine)} for kind in ('twice', 'dies'))
    assert len(first) == len(second) == 100
    assert first != second


def test_machines_can_be_named():
    plan = trouble.assign(trouble.parse([{'fault': 'dies', 'machines': [4, 2]}]), 10, 0)
    assert list(plan) == [2, 4]


@pytest.mark.parametrize(('line', 'words'), [
    ('dies', "'dies' is no fault"), ({'fault': 'explodes'}, 'is no fault'), ({'fault': 'dies', 'when': 1}, 'is no fault'),
    ({'fault': 'dies', 'share': 2}, 'cannot have share 2'), ({'fault': 'lost'}, 'cannot have amount 0.0'),
    ({'fault': 'lost', 'amount': 3}, 'cannot have amount 3'), ({'fault': 'delay', 'amount': 'long'}, "cannot have amount 'long'"),
    ({'fault': 'dies', 'boots': 0}, 'cannot have boots 0'), ({'fault': 'dies', 'machines': 7}, 'cannot have machines 7'),
    ({'fault': 'dies', 'at': 'lunch'}, "cannot have at 'lunch'")])
def test_a_line_without_sense_is_refused_in_words(line, words):
    with pytest.raises(errors.Invalid, match=words):
        trouble.parse([line])


def test_a_machine_that_the_fleet_has_not_is_refused():
    with pytest.raises(errors.Invalid, match='is of machine 10; there are 10'):
        trouble.assign(trouble.parse([{'fault': 'dies', 'machines': [4, 10]}]), 10, 0)


def test_a_plan_is_a_list():
    with pytest.raises(errors.Invalid, match='a list of objects'):
        trouble.parse({'fault': 'dies'})


def test_a_mood_is_chance_that_the_seed_decides():
    fault = trouble.Fault('lost', amount=0.5, boots=2)

    def chances(*which):
        mood = trouble.Mood([fault], *which)
        return [mood.happens(mood.amount('lost')) for _ in range(64)]
    assert chances(1, 2, 1) == chances(1, 2, 1)
    assert len({tuple(chances(seed, number, boot)) for seed in (1, 2) for number in (1, 2) for boot in (1, 2)}) == 8
    assert not any(chances(1, 2, 3)), 'it holds for two boots alone'
