"""PCI devices: their states and the table of moves between them; pure.

``MOVES[state, event]`` is the next state. A device counts for requests only while it is ``ready``; see ``counts``.
"""

from ingot import errors

_TABLE = {
    # enabling: the moment in which the host's offer is checked; accept and refuse are its answer.
    'not_ready': 'enable>enabling fail>failed vanish>removed',
    'enabling': 'accept>ready refuse>not_ready disable>not_ready fail>failed vanish>removed',
    'ready': 'claim>claimed disable>not_ready drain>not_ready withdraw>not_ready fail>failed vanish>removed',
    # What somebody has is taken from nobody: it goes when it is given back.
    'claimed': 'deploy>in_use release>ready drain>draining withdraw>draining fail>failed vanish>removed',
    'in_use': 'release>ready drain>draining withdraw>draining fail>failed vanish>removed',
    'draining': 'deploy>draining release>not_ready fail>failed vanish>removed',
    'failed': 'repair>not_ready release>failed vanish>removed',
    'removed': 'return>not_ready return_claimed>claimed return_in_use>in_use release>removed',
}

#: {(state, event): next state}
MOVES = {(state, move.split('>')[0]): move.split('>')[1] for state, moves in _TABLE.items() for move in moves.split()}
STATES = tuple(_TABLE)
#: What operators may ask for; the rest happens to a device.
VERBS = ('enable', 'disable', 'drain', 'repair', 'fail')
#: What happened to a device, in the reason for its state.
PAST = {'enable': 'Enabled', 'disable': 'Disabled', 'drain': 'Drained', 'repair': 'Repaired', 'fail': 'Called broken'}
#: The state that an operator wishes for -> the moves that lead there, of which the first possible one is made.
WISHES = {'ready': ('enable',), 'not_ready': ('disable', 'repair'), 'draining': ('drain',), 'failed': ('fail',)}



def move(state, event):
    """The state that ``event`` makes of ``state``; InvalidState names the events that are possible."""
    if (state, event) not in MOVES:
        raise errors.InvalidState(f'"{event}" is not possible for a device that is "{state}"; possible now: '
                                  f'{", ".join(verbs(state)) or "nothing"}.', remedy=_REMEDIES.get((state, event)))
    return MOVES[state, event]


def verbs(state):
    """What an operator may ask for in ``state``, a list."""
    return [verb for verb in VERBS if (state, verb) in MOVES]


def back(device, *, is_deployed):
    """The event by which a removed ``device`` (a dict) returns: whose it was, it is again. ``is_deployed``: on its node."""
    if device['allocation_id'] is None:
        return 'return'
    return 'return_in_use' if is_deployed else 'return_claimed'


def counts(device):
    """Whether ``device`` (a dict) can be given to somebody, as far as it is up to the device."""
    return (device['state'] == 'ready' and bool(device['offered']) and not device['reserved_for']
            and device['allocation_id'] is None)


_REMEDIES = {('claimed', 'disable'): 'Drain it: it is not given again when it comes back.',
             ('in_use', 'disable'): 'Drain it: it is not given again when it comes back.',
             ('failed', 'enable'): 'Repair it first.',
             ('removed', 'enable'): 'Inspect the node when the device is in its place again.'}
