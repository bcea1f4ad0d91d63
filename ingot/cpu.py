"""Which CPU a busy process is on. The threads of one interpreter take turns; where they wake on several CPUs, passing the turn on
costs as much as their work. So a process that has much to do stays on one CPU, and goes to another one when others need that.

What needs no turn (hashes of images, programs) may use all CPUs all the time: ``everywhere``.
"""

import contextlib
import os
import time

from ingot import concurrency

#: Shares of a CPU's time: a process that uses the first stays on one CPU, until it uses less than the second.
BUSY, QUIET = 0.75, 0.4
#: By how much less others must use of another CPU to be worth the way.
WORTH = 0.25
#: Of a line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; two of them are time in which nobody works.
_FIELDS, _IDLE = 8, (3, 4)


def used():
    """(the time, what this process has used, {CPU: what was used of it}), in seconds."""
    tick, busy = os.sysconf('SC_CLK_TCK'), {}
    with contextlib.suppress(OSError), open('/proc/stat') as stat:      # a system without it tells nothing
        for line in stat:
            name, *fields = line.split()
            if not name.startswith('cpu'):
                break
            if name != 'cpu':
                busy[int(name[3:])] = sum(int(spent) for field, spent in enumerate(fields[:_FIELDS]) if field not in _IDLE) / tick
    return time.monotonic(), time.process_time(), busy


class Place:
    """Where the threads of this process are: on ``cpu``; while that is None, wherever the system puts them."""

    def __init__(self, used=used):
        self.cpu, self._allowed, self._everywhere = None, frozenset(), set()
        self._ask, self._used = used, None

    def look(self):
        """Stay, go to one CPU, or to another one, or let the system choose, by what was used since the last look.

        Called once a second by the main thread. Whom somebody else has moved (taskset, a container) is where it was put.
        """
        if not hasattr(os, 'sched_setaffinity'):
            return
        found = os.sched_getaffinity(0)
        if found != {self.cpu}:
            self.cpu, self._allowed = None, found
        before, self._used = self._used, self._ask()
        if before and len(self._allowed) > 1:
            own, busy = _shares(before, self._used)
            self.go(choose(self.cpu, own, {cpu: share for cpu, share in busy.items() if cpu in self._allowed}))

    def go(self, cpu):
        """With all threads but those that are everywhere; one that another one begins meanwhile follows at the next look."""
        before, self.cpu = self.cpu, cpu
        if before is cpu is None:
            return
        for thread in map(int, os.listdir('/proc/self/task')):
            self._put(thread)

    @contextlib.contextmanager
    def everywhere(self):
        """In here this thread, and the programs that it begins, may use all CPUs."""
        thread = concurrency.thread_id()
        if thread in self._everywhere:
            yield
            return
        self._everywhere.add(thread)
        try:
            self._put(thread)
            yield
        finally:
            self._everywhere.discard(thread)
            self._put(thread)

    def _put(self, thread):
        if self._allowed:
            # It may have ended, or the CPU was taken from us: then it is where the system has put it.
            with contextlib.suppress(OSError):
                is_free = self.cpu is None or thread in self._everywhere
                os.sched_setaffinity(thread, self._allowed if is_free else {self.cpu})


_place = Place()
look, everywhere = _place.look, _place.everywhere


def choose(here, own, busy):
    """The CPU to be on, or None: any.

    :param here: where the process is, or None. :param own: the share of a CPU's time that it uses.
    :param busy: {CPU: share of its time that is used by all}, of those that may be chosen.
    """
    if not busy or own < (BUSY if here is None else QUIET):
        return None
    others = {cpu: share - own if cpu == here else share for cpu, share in busy.items()}
    best = min(others, key=others.get)
    return best if here not in others or others[here] - others[best] > WORTH else here


def _shares(before, after):
    (seconds, own, busy), (seconds_after, own_after, busy_after) = before, after
    passed = max(seconds_after - seconds, 0.01)
    return (own_after - own) / passed, {cpu: (spent - busy.get(cpu, spent)) / passed for cpu, spent in busy_after.items()}
