"""How many BMCs are asked at once: never too few, never too many, fewer when the network has enough."""

from hypothesis import given
from hypothesis import strategies as st

from ingot.conductor.pace import LEAST, MOST, Pace


def rounds(pace, count, *, late=0.0, silent=0.0, seconds=0.01):
    """As many outcomes as ``count`` windows have, mixed evenly."""
    credit = {'late': 0.0, 'silent': 0.0}
    for _ in range(int(count * pace.window)):
        for name, share in (('late', late), ('silent', silent)):
            credit[name] += share
            if credit[name] >= 1:
                credit[name] -= 1
                getattr(pace, name)()
                break
        else:
            pace.prompt(seconds)
    return pace


@given(st.lists(st.sampled_from(['prompt', 'late', 'silent']), max_size=2000), st.floats(0, 100))
def test_the_window_and_the_patience_keep_their_bounds(outcomes, seconds):
    pace = Pace()
    for outcome in outcomes:
        pace.prompt(seconds) if outcome == 'prompt' else getattr(pace, outcome)()
        assert LEAST <= pace.window <= MOST
        assert 0.25 <= pace.patience <= 2


def test_answers_in_time_widen_it():
    assert rounds(Pace(), 100).window == MOST


def test_late_answers_narrow_it_and_prompt_ones_widen_it_again():
    pace = rounds(rounds(Pace(), 100), 30, late=0.4)
    assert pace.window < MOST / 2
    assert rounds(pace, 100).window == MOST
    assert rounds(pace, 30, late=0.1).window > MOST * 0.9, 'a few do no harm'


def test_a_third_of_silent_ones_is_no_reason_but_most_of_them_are():
    assert rounds(rounds(Pace(), 100), 30, silent=0.33).window > MOST * 0.9
    assert rounds(rounds(Pace(), 100), 30, silent=0.8).window < MOST / 2


def test_who_answers_slowly_is_waited_for_longer():
    quick, slow = rounds(Pace(), 10), rounds(Pace(), 10, seconds=0.3)
    assert quick.patience == 0.25
    assert 1 < slow.patience < 1.3
