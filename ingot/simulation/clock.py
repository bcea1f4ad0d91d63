"""Virtual time and chance from a seed, for a whole process: nothing waits, and nothing happens by accident any more.

Threads become greenlets of eventlet, on a hub that does not sleep: when nobody can go on, its clock jumps to the moment at
which somebody can. Of those that can go on, chance decides who is next. So one seed is one order of all things.
"""

import os
import random
import time
import uuid

#: What time.time() says at the beginning.
EPOCH = 1_800_000_000
#: Timers are late by up to so many seconds: it is this that mixes the order of things.
_JITTER = 0.002


class Clock:
    """``now``: seconds since the start. ``random``: the only source of chance. ``broken``: what went wrong in timers."""

    def __init__(self, seed):
        self.now, self.random, self.broken = 0.0, random.Random(seed), []

    def later(self, seconds, function):
        """Call the function then, in a thread of its own. The result has ``cancel``. Unlike a start of a thread this lets
        nobody else go on."""
        import eventlet
        return eventlet.spawn_after(seconds, function)


def start(seed):
    """Take over time, threads and chance of this process, for good; returns its Clock.

    To be called before anything else is imported that knows threads; RuntimeError unless PYTHONHASHSEED is 0, since sets of
    text have another order in each process without.
    """
    if os.environ.get('PYTHONHASHSEED') != '0':
        raise RuntimeError('A simulation needs PYTHONHASHSEED=0 in its environment.')
    import eventlet
    from eventlet import hubs
    from eventlet.hubs import hub
    clock = Clock(seed)

    class Hub(hub.BaseHub):
        """Does not sleep."""

        def __init__(self):
            super().__init__(clock=lambda: clock.now)

        def wait(self, seconds=None):
            clock.now = max(clock.now, self.sleep_until() or clock.now + self.default_sleep())

        def add_timer(self, timer):
            due = clock.now + (timer.seconds or 0) + clock.random.uniform(0, _JITTER)
            self.next_timers.append((due, timer))
            return due

        def squelch_timer_exception(self, timer, exc_info):
            clock.broken.append(exc_info[1])

    eventlet.monkey_patch(os=False, select=False, socket=False, thread=True, time=True)
    hubs.use_hub(Hub)
    time.time, time.monotonic = lambda: EPOCH + clock.now, lambda: clock.now
    random.seed(clock.random.getrandbits(64))
    os.urandom = random._urandom = uuid.os.urandom = clock.random.randbytes
    return clock
