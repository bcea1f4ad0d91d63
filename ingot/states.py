"""Provision states and the table of moves between them; pure.

``MOVES[state, event]`` is the next state. A state that is not in ``STABLE`` is on its way to its ``TARGET`` and has a
deadline. ``VERBS`` maps what clients ask for (``target`` of states/provision) to an event.
"""

from typing import NamedTuple

from ingot import errors

POWER_ON, POWER_OFF, REBOOT = 'power on', 'power off', 'rebooting'
SOFT_POWER_OFF, SOFT_REBOOT = 'soft power off', 'soft rebooting'
#: The state in which a power verb ends.
POWER_RESULT = {POWER_ON: POWER_ON, POWER_OFF: POWER_OFF, REBOOT: POWER_ON,
                SOFT_POWER_OFF: POWER_OFF, SOFT_REBOOT: POWER_ON}

STABLE = frozenset({'enroll', 'manageable', 'available', 'active', 'error', 'rescue'})

TARGET = {
    'verifying': 'manageable',
    **dict.fromkeys(('deploying', 'wait call-back', 'deploy failed', 'deploy hold'), 'active'),
    **dict.fromkeys(('cleaning', 'clean wait', 'clean failed', 'clean hold', 'deleting'), 'available'),
    **dict.fromkeys(('inspecting', 'inspect wait', 'inspect failed'), 'manageable'),
    **dict.fromkeys(('adopting', 'adopt failed', 'unrescuing', 'unrescue failed'), 'active'),
    **dict.fromkeys(('rescuing', 'rescue wait', 'rescue failed'), 'rescue'),
    **dict.fromkeys(('servicing', 'service wait', 'service failed', 'service hold'), 'active'),
}

_TABLE = {
    'enroll': 'manage>verifying',
    'verifying': 'done>manageable fail>enroll',
    'manageable': 'provide>cleaning clean>cleaning inspect>inspecting adopt>adopting',
    'available': 'deploy>deploying manage>manageable',
    'active': 'rebuild>deploying delete>deleting rescue>rescuing service>servicing',
    'error': 'rebuild>deploying delete>deleting',
    'rescue': 'rescue>rescuing unrescue>unrescuing delete>deleting',
    'deploying': 'done>active fail>deploy_failed wait>wait_call-back hold>deploy_hold',
    'wait call-back': 'resume>deploying fail>deploy_failed abort>deploy_failed hold>deploy_hold delete>deleting',
    'deploy failed': 'deploy>deploying rebuild>deploying delete>deleting',
    'deploy hold': 'unhold>wait_call-back abort>deploy_failed',
    'cleaning': 'done>available manage>manageable fail>clean_failed wait>clean_wait hold>clean_hold',
    'clean wait': 'resume>cleaning fail>clean_failed abort>clean_failed hold>clean_hold',
    'clean failed': 'manage>manageable',
    'clean hold': 'unhold>clean_wait abort>clean_failed',
    'deleting': 'clean>cleaning fail>error',
    'inspecting': 'done>manageable fail>inspect_failed wait>inspect_wait',
    'inspect wait': 'resume>inspecting done>manageable fail>inspect_failed abort>inspect_failed',
    'inspect failed': 'inspect>inspecting manage>manageable',
    'adopting': 'done>active fail>adopt_failed',
    'adopt failed': 'adopt>adopting manage>manageable',
    'rescuing': 'done>rescue wait>rescue_wait fail>rescue_failed',
    'rescue wait': 'resume>rescuing fail>rescue_failed abort>rescue_failed delete>deleting',
    'rescue failed': 'rescue>rescuing unrescue>unrescuing delete>deleting',
    'unrescuing': 'done>active fail>unrescue_failed',
    'unrescue failed': 'rescue>rescuing unrescue>unrescuing delete>deleting',
    'servicing': 'done>active fail>service_failed wait>service_wait hold>service_hold',
    'service wait': 'resume>servicing fail>service_failed abort>service_failed hold>service_hold delete>deleting',
    'service failed': 'service>servicing rescue>rescuing abort>active wait>service_wait hold>service_hold '
                      'delete>deleting',
    'service hold': 'service>servicing unhold>service_wait fail>service_failed abort>service_failed',
}

#: {(state, event): next state}; 93 moves, those of Ironic 39.
MOVES = {(state, move.split('>')[0]): move.split('>')[1].replace('_', ' ')
         for state, moves in _TABLE.items() for move in moves.split()}

#: Moves that are possible besides while the operation is queued: the machine has not been touched.
QUEUED_MOVES = {('deploying', 'abort'): 'deploy failed', ('deploying', 'delete'): 'deleting',
                ('cleaning', 'abort'): 'clean failed'}

STATES = frozenset(_TABLE)

#: What a client asks for in states/provision -> the event.
VERBS = {'active': 'deploy', 'deploy': 'deploy', 'rebuild': 'rebuild', 'deleted': 'delete', 'undeploy': 'delete',
         'manage': 'manage', 'provide': 'provide', 'inspect': 'inspect', 'abort': 'abort', 'clean': 'clean',
         'adopt': 'adopt', 'rescue': 'rescue', 'unrescue': 'unrescue', 'unhold': 'unhold', 'service': 'service'}

#: States in which the machine itself works and the conductor only listens.
WAITING = frozenset({'wait call-back', 'clean wait', 'inspect wait', 'rescue wait', 'service wait'})
#: States in which a flow holds the lock.
WORKING = frozenset({'deploying', 'cleaning', 'verifying', 'inspecting', 'adopting', 'rescuing', 'unrescuing',
                     'deleting', 'servicing'})
#: States in which a node may be deleted.
DELETABLE = frozenset({'enroll', 'manageable', 'available', 'adopt failed'})


class Move(NamedTuple):
    """A move: the new ``state`` and the ``target`` that goes with it (None where nothing is on its way)."""

    state: str
    target: str | None


def move(state, event, *, target=None, is_queued=False):
    """The Move that ``event`` makes from ``state``; ``target`` overrides the state's own.

    ``is_queued``: what is under way has not begun. Raises InvalidState, naming the events that are possible.
    """
    moves = {**MOVES, **QUEUED_MOVES} if is_queued else MOVES
    if (state, event) not in moves:
        possible = ', '.join(sorted(verbs(state))) or 'none'
        raise errors.InvalidState(f'"{event}" is not possible in state "{state}"; possible now: {possible}.')
    new = moves[state, event]
    return Move(new, None if new in STABLE else target or TARGET[new])


def verbs(state):
    """The verbs of the API that are possible in ``state``, a sorted list."""
    return sorted(verb for verb, event in VERBS.items() if (state, event) in MOVES)


def failure(state):
    """The state in which work that fails in ``state`` ends, or None where nothing can fail."""
    return MOVES.get((state, 'fail'))
