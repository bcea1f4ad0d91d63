"""Power sync: reads what machines really do; a BMC that stays away puts its node into maintenance until it is back.

Who answers late holds up nobody: a turn begins what is due and writes down what has come, for a second; the rest is left to
the next turn. Machines that are as they were known cost one write for many of them.
"""

import logging
import time

from ingot import errors
from ingot.conductor.looks import Looks
from ingot.db import power

log = logging.getLogger(__name__)
#: So many failures in a row, and the node goes into maintenance.
FAILURES = 3
#: Seconds that a turn takes at most, so that drivers which hang hold up nobody either.
TURN = 1.0
#: Nodes that one turn reads from the database, and that one write tells.
MOST_DUE, MOST_SAME = 2000, 500
#: Looks begin so much faster than they become due, and nodes are counted anew after so many seconds.
_MARGIN, _COUNT_SECONDS = 1.1, 30


class Sync:
    """The power sync of one conductor; ``turn`` is called again and again, by one thread."""

    def __init__(self, crew):
        self._crew, self._database, self._drivers = crew, crew.database, crew.drivers
        self._looks, self._same = Looks(), []
        self._count, self._counted_at, self._turned_at = 0, 0.0, None

    def turn(self, *, is_whole=False):
        """Look at the machines that are due. ``is_whole``: returns when all of them have answered or failed."""
        try:
            self._take_due()
            end = time.monotonic() + TURN
            while self._looks and not self._crew.is_stopping:
                self._looks.begin()
                for answer in self._looks.hear(0.05):
                    self._settle(*answer)
                if not is_whole and time.monotonic() > end:
                    break               # who waits, and who is waited for, is left to the next turn
        finally:
            self._write_same()

    def close(self):
        """No turn comes any more; nobody hears the answers that are still to come."""
        self._looks.close()

    def _take_due(self):
        """Nodes that are due, the oldest look first, and no more than keeps all of them spread over the time."""
        every, mine = self._crew.conf.conductor.power_sync_seconds, (list(self._drivers.hardware), self._crew.share())
        if not every:
            return
        room = self._quota(every, mine) - self._looks.waiting
        if room <= 0:
            return
        for node in power.due(self._database, every, *mine, limit=room, excluding=self._looks):
            try:
                self._looks.add(node, self._drivers.of(node).interface(node, 'power'))
            except errors.IngotError as error:
                self._settle(node, None, error)

    def _quota(self, every, mine):
        """How many looks may begin in this turn: the share of all nodes that becomes due in its time, and a little more."""
        present = time.monotonic()
        if present - self._counted_at > min(_COUNT_SECONDS, every):
            self._count, self._counted_at = power.count(self._database, *mine), present
        passed = present - (self._turned_at or present - TURN)
        self._turned_at = present
        return min(MOST_DUE, 1 + int(self._count * passed * _MARGIN / every))

    def _settle(self, node, state, error):
        """Write one machine's power state down, unless somebody works on it meanwhile; one that cannot be written stays due."""
        try:
            self._write(node, state, error)
        except errors.DatabaseFailed:
            raise                       # it would fail for all the others too
        except Exception:
            log.exception('Node %s: its power state cannot be written down', node['uuid'])

    def _write(self, node, state, error):
        if error is not None:
            self._fail(node, error)
        elif state == node['power_state'] and not node['power_failures'] and node['fault'] != power.FAULT:
            self._same.append(node['id'])
            if len(self._same) >= MOST_SAME:
                self._write_same()
        else:
            power.record(self._database, node, state)

    def _fail(self, node, error):
        if isinstance(error, errors.IngotError):
            log.warning('Node %s: power state cannot be read: %s', node['uuid'], error)
            reason = error.explain()
        else:
            log.error('Node %s: power state cannot be read', node['uuid'], exc_info=error)
            reason = f'internal error {type(error).__name__}.'
        power.record_failure(self._database, node, reason, limit=FAILURES)

    def _write_same(self):
        same, self._same = self._same, []
        if same:
            power.record_same(self._database, same)
