"""The queue, as a conductor sees it: gives places to those whose turn it is, and begins with what is its own.

Any conductor gives places, in the order of all; who carries an operation out takes its node's lock then. Others are told of what
is theirs; what was given a place and is not begun all the same (they did not hear it, or we die here) is found as everything
whose conductor died is.
"""

import logging

from ingot import concurrency, queue, ring
from ingot.db import clock, conductor
from ingot.db import queue as line

log = logging.getLogger(__name__)
#: So often others may be faster before we leave it to them.
_TRIES = 20
#: Seconds for which nobody looks because of one that came, after there was no place for anybody: in a storm many come.
_FULL_SECONDS = 1


class Line:
    """Looks at the queue when it is told to; many calls at once are one look."""

    def __init__(self, crew):
        self._crew = crew
        self._lock = concurrency.Lock()          # held by who looks
        self._is_wanted = self._is_nudged = False
        self._is_expected = False                # something waited when we looked last, or began to wait here
        self._full_until = 0.0

    def came(self, *, is_waiting=True):
        """Something began to wait here, or waits no more: look soon, unless there was no place a moment ago (whoever ends
        something looks too)."""
        self._is_expected = True
        if is_waiting:
            self._crew.database.learn('line', True)
        else:
            self._crew.database.forget('line')
        if clock.time() >= self._full_until:
            self.nudge()

    def nudge(self):
        """Look soon, in the background: something began to wait, or may go on."""
        self._is_expected = True
        if not self._is_nudged and not self._crew.is_closed:
            self._is_nudged = True
            self._crew.pool.submit(self.look)

    def moved(self):
        """Something ended here: if anybody waits, there may be a place now."""
        if self._is_expected:
            self.nudge()

    def look(self):
        """Let begin what may; returns when nothing more may, or somebody else looks (and will do so once more)."""
        self._is_nudged, self._is_wanted = False, True
        while self._is_wanted and self._lock.acquire(blocking=False):
            try:
                self._is_wanted = False
                self._look()
            finally:
                self._lock.release()

    def _look(self):
        tries = _TRIES
        while tries and not self._crew.is_closed and self._is_anybody_waiting():
            is_done = self._step()
            if is_done is None:
                return
            if not is_done:
                tries -= 1
                line.establish(self._crew.database)        # for want of its row, too, nobody is given a place

    def _is_anybody_waiting(self):
        self._is_expected = line.is_waiting(self._crew.database)
        return self._is_expected

    def _step(self):
        """Pause what fails too often, or let all begin whose turn it is. None: there is nothing more to do; False: somebody else
        did something meanwhile."""
        crew = self._crew
        seen = line.look(crew.database, crew.room, self._places(), crew.share())
        self._mark(is_full=seen.most == 0)
        if seen.failing:
            return self._pause(seen)
        chosen = [turn.item for turn in queue.plan(seen.policies, seen.flying, seen.waiting, self._refusal(seen.policies))
                  if turn.reason is None][:seen.most]
        if not chosen:
            return None
        if not line.admit(crew.database, seen, chosen, crew.conf.conductor.step_timeout):
            return False
        theirs = [item for item in chosen if not self._is_mine(item)]
        crew.tell(theirs)
        for item in chosen:
            if item not in theirs:
                crew.adopt(item.node, item.flow)
        is_full = len(chosen) == seen.free
        self._mark(is_full=is_full)
        return None if is_full else True

    def _mark(self, *, is_full):
        """Remember whether there is no place left; for a while only: it may be another conductor that ends something."""
        self._full_until = clock.time() + _FULL_SECONDS if is_full else 0.0

    def _pause(self, seen):
        for scope, reason in seen.failing.items():
            log.warning('The queue "%s" pauses: %s', scope or 'global', reason)
        return line.pause(self._crew.database, seen)

    def _places(self):
        """What any living conductor serves: no place is given to what nobody could begin with."""
        crew = self._crew
        return {*conductor.ring(crew.database).places(), *((crew.conf.conductor.group, name) for name in crew.drivers.hardware)}

    def _refusal(self, policies):
        """Asked of one item after the other why it cannot begin: limits are for all, workers are ours alone."""
        left = self._crew.room

        def refuse(item):
            nonlocal left
            if not self._is_mine(item):
                is_limited = any(policy.is_limiting for policy in queue.covering(policies, item.group))
                return None if is_limited else 'It is another conductor\'s.'
            left -= 1
            return None if left >= 0 else 'No worker is free.'
        return refuse

    def _is_mine(self, item):
        return item.driver in self._crew.drivers.hardware and self._crew.is_mine((ring.slot(item.node), item.group, item.driver))
