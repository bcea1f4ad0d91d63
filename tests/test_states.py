"""The table of moves is closed, and every state has a way out that leads to rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import errors, states

EVENTS = sorted({event for _, event in states.MOVES})


def test_the_table_is_closed_and_whole():
    assert len(states.MOVES) == 93
    assert set(states.MOVES.values()) <= states.STATES
    assert states.STABLE | set(states.TARGET) == states.STATES
    assert set(states.TARGET.values()) <= states.STABLE
    assert all(len(state) <= 15 for state in states.STATES)


def test_states_are_reached_from_enroll():
    assert reachable('enroll', EVENTS) == states.STATES


@pytest.mark.parametrize('state', sorted(states.STATES))
def test_every_state_has_an_exit_and_comes_to_rest(state):
    assert [event for one, event in states.MOVES if one == state]
    assert reachable(state, EVENTS) & states.STABLE


@pytest.mark.parametrize('state', sorted(states.WORKING | states.WAITING))
def test_what_works_or_waits_can_fail(state):
    assert states.failure(state) in states.STATES
    assert states.verbs(states.failure(state)), 'an operator can do something about it'


def test_only_stable_and_failed_states_wait_for_an_operator():
    held = {state for state in states.STATES if state.endswith('hold')}
    failed = {state for state in states.STATES if state.endswith('failed')}
    assert states.STABLE | states.WORKING | states.WAITING | held | failed == states.STATES


@given(st.lists(st.sampled_from(EVENTS)))
def test_no_sequence_of_events_leaves_the_table(events):
    state, target = 'enroll', None
    for event in events:
        if (state, event) not in states.MOVES:
            with pytest.raises(errors.InvalidState, match=f'"{event}" is not possible in state "{state}"'):
                states.move(state, event)
            continue
        state, target = states.move(state, event)
        assert state in states.STATES
        assert (target is None) == (state in states.STABLE)


def test_a_target_can_be_named():
    assert states.move('manageable', 'clean', target='manageable') == ('cleaning', 'manageable')
    assert states.move('manageable', 'provide') == ('cleaning', 'available')
    assert states.move('cleaning', 'manage', target='manageable') == ('manageable', None)


def reachable(state, events):
    seen, todo = set(), {state}
    while todo:
        seen |= todo
        todo = {states.MOVES[one, event] for one in todo for event in events if (one, event) in states.MOVES} - seen
    return seen
