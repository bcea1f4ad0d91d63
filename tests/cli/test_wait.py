"""When waiting for a node is over, and how it ended."""

import pytest

from ingot import states
from ingot.cli import wait


@pytest.mark.parametrize(('state', 'goal', 'outcome'), [
    ('active', 'active', 'done'), ('deploying', 'active', None), ('wait call-back', 'active', None),
    ('deploy failed', 'active', 'failed'), ('available', 'active', 'failed'), ('error', 'available', 'failed'),
    ('cleaning', 'available', None), ('enroll', 'manageable', 'failed')])
def test_judge(state, goal, outcome):
    assert wait.judge(state, goal) == outcome


def test_no_state_leaves_the_waiter_without_an_answer_for_ever():
    """Every state that is not on its way to anywhere is either the goal or a failure."""
    for state in states.STATES:
        moving = state in states.WORKING | states.WAITING or state.endswith('hold')
        assert (wait.judge(state, 'active') is None) == moving, state
