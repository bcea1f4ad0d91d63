"""Part 7: 30 % of the BMCs are silent, slow, reset again and again, or refuse sessions, in the middle of everything.

The others are not held up; the bad ones come to their target late, or end in an error that is told; no lock is left.
"""

import os
from typing import NamedTuple

from ingot import concurrency
from tests.crash.serve import Serve

MIB = 1 << 20
COUNT = 20
#: What the bad ones do; one after the other, 30 % of all together.
TROUBLES = ({'silent': True}, {'delay': 10.0}, {'reset': 3}, {'sessions': 0})


class Outcome(NamedTuple):
    """``calm``: seconds of all without trouble; ``seconds``: of the good ones beside the bad ones; ``refused``: errors."""

    count: int
    bad: int
    calm: float
    seconds: float
    refused: int

    def text(self):
        return (f'{self.bad} of {self.count} BMCs in trouble (silent, 10 s slow, resetting, refusing sessions) in the middle of '
                f'deployments and reboots: the others were active after {self.seconds:.1f} s at most (without trouble '
                f'{self.calm:.1f}); of the bad ones {self.bad - self.refused} came late, {self.refused} ended in an error '
                f'that is told; no lock was left.')


def run(folder, count=COUNT):
    image = folder / 'images' / 'os.raw'
    image.parent.mkdir()
    image.write_bytes(os.urandom(MIB))
    options = {'conductor.power_timeout': 20, 'ipmi.command_timeout': 5}
    with Serve(folder, folder / 'state', count=count, options=options) as serve:
        everyone = range(count)
        for verb, state in (('manage', 'manageable'), ('provide', 'available')):
            for number in everyone:
                serve.ask(number, 'provision', target=verb)
            serve.await_states(dict.fromkeys(everyone, state))
        serve.deploy(everyone, image)
        calm = max(serve.await_states(dict.fromkeys(everyone, 'active')).values())
        bad = everyone[:round(count * 0.3)]
        good = everyone[len(bad):]
        for number in everyone:
            serve.ask(number, 'provision', target='deleted')
        serve.await_states(dict.fromkeys(everyone, 'available'))
        serve.deploy(everyone, image)
        stop = _trouble(serve, bad)
        try:
            seconds = serve.await_states(dict.fromkeys(good, 'active'))
            for number in everyone:
                if serve.row(number)['provision_state'] == 'active':
                    serve.ask(number, 'power', target='rebooting')
            ended = serve.await_states({number: ('active', 'deploy failed') for number in bad})
        finally:
            stop()
        refused = [number for number in ended if serve.row(number)['provision_state'] == 'deploy failed']
        for number in refused:
            assert serve.row(number)['last_error'], serve.row(number)
        _await_rest(serve)
    return Outcome(count, len(bad), calm, max(seconds.values()), len(refused))


def _trouble(serve, bad):
    """Turn the knobs of the bad ones now; returns what turns them back."""
    over, troubles = concurrency.Event(), {number: TROUBLES[place % len(TROUBLES)] for place, number in enumerate(bad)}

    def keep():
        while not over.wait(5):
            for number, knobs in troubles.items():
                if 'reset' in knobs:
                    serve.fleet.turn(number, **knobs)
    for number, knobs in troubles.items():
        serve.fleet.turn(number, **knobs)
    thread = concurrency.spawn(keep, name='resets')

    def stop():
        over.set()
        thread.join()
    return stop


def _await_rest(serve):
    """Until nothing is under way: no lock, no target, no record; errors may have been told."""
    assert concurrency.wait_for(lambda: not serve.faults(may_fail=True), 120, every=0.5), serve.faults(may_fail=True)
