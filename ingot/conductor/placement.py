"""The reporter: tells OpenStack Placement of every change of schedulability, and looks that what it holds is so.

The outbox is read several times a second; ten changes of one node are one push. Rows go when Placement has taken what they
stand for: whoever dies in between has told it twice, which changes nothing. While Placement is away, rows wait.
"""

import logging
import time

from ingot import concurrency, config, errors
from ingot.conductor import provider
from ingot.db import clock, placement
from ingot.db import conductor as conductors

log = logging.getLogger(__name__)
#: Nodes of one round: what was told is stored at its end, and what came meanwhile waits for that.
_BATCH = 16
#: Requests under way at once.
_WORKERS = 4
#: Seconds without a try while Placement is away: doubled each time, up to the last.
_PAUSE, _PAUSE_MOST = 0.5, 10
#: Seconds between looks for what it refused and is to be tried again.
_RETRY_SECONDS = 2


class Reporter:
    """Of one conductor: its share of all nodes, and what others have left for too long."""

    def __init__(self, crew):
        self._crew, self._database, self._conf = crew, crew.database, crew.conf
        self._providers, self._pool = None, concurrency.Pool(_WORKERS, 'placement')
        self._failures, self._not_before, self._retry_at = 0, 0.0, 0.0
        if self.is_on:
            self._database.tell_placement()

    @property
    def is_on(self):
        return config.tells_placement(self._conf)

    def turn(self):
        """Tell all that waits, unless Placement was away just now."""
        if not self.is_on or time.monotonic() < self._not_before:
            return
        self._retry()
        while not self._crew.is_stopping and self._round():
            """There was more than one round has."""

    def reconcile(self):
        """Look at everything: tell what Placement holds otherwise than it should, whoever changed it."""
        if not self.is_on:
            return
        try:
            held = self._asked().every()
        except errors.Unavailable as error:
            self._pause(error)
            return
        hosts = self._hosts()
        found = placement.drifted(self._database, held, lambda node: placement.is_share(node, self._conf.host, hosts))
        if found:
            log.info('%d nodes are not in OpenStack Placement as they should be; it is told', len(found))
            placement.enqueue(self._database, found)

    def close(self):
        self._pool.close(is_waiting=False)

    def _asked(self):
        if self._providers is None:
            self._providers = provider.Providers(self._conf.placement)
        return self._providers

    def _retry(self):
        if time.monotonic() >= self._retry_at:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            found = self._of_mine(placement.refused(self._database))
            if found:
                placement.enqueue(self._database, found)

    def _round(self):
        """Tell about some nodes; whether there may be more to tell at once."""
        chosen = self._choose(placement.waiting(self._database))
        if not chosen:
            return False
        results, away = self._tell_all(chosen)
        if away and any(result.is_pushed for result in results.values()):
            # It is there for others: one node is not to hold them up.
            lacking = placement.Result(error=str(away), is_refused=True)
            results, away = dict.fromkeys(chosen, lacking) | results, None
        placement.settle(self._database, [key for node in results for key in chosen[node]], results)
        for node, result in results.items():
            if result.is_refused:
                log.warning('Node %s: OpenStack Placement could not be told: %s', node, result.error)
        if away:
            self._pause(away)
        else:
            self._note_success()
        return not away

    def _tell_all(self, nodes):
        """({node: Result}, the Unavailable that the others met, or None)."""
        results, away = {}, None
        try:
            asked = self._asked()
        except errors.Unavailable as error:
            return results, error
        futures = {node: self._pool.submit(self._tell, asked, node) for node in nodes}
        for node, future in futures.items():
            try:
                results[node] = future.result()
            except errors.Unavailable as error:
                away = error
        return results, away

    def _tell(self, asked, node):
        try:
            return asked.tell(node, lambda: placement.look(self._database, node))
        except errors.IngotError:
            raise
        except Exception as error:               # one node is not to hold up all others
            log.exception('Node %s: OpenStack Placement could not be told', node)
            return placement.Result(error=f'{type(error).__name__}: the log of {self._conf.host} has more.', is_refused=True)

    def _choose(self, rows):
        """{node: ids of its rows} of those to be told next: ours, or, when there are none, what is overdue."""
        hosts = self._hosts()
        ours = [found for found in rows if placement.is_share(found.node, self._conf.host, hosts)]
        ours = ours or [found for found in rows if found.at < clock.time() - placement.OVERDUE]
        chosen = {}
        for found in ours:
            if found.node in chosen or len(chosen) < _BATCH:
                chosen.setdefault(found.node, []).append(found.id)
        return chosen

    def _of_mine(self, nodes):
        hosts = self._hosts()
        return [node for node in nodes if placement.is_share(node, self._conf.host, hosts)]

    def _hosts(self):
        return self._database.remember('hosts', conductors.FRESH_SECONDS, lambda: sorted(
            found['hostname'] for found in conductors.alive(self._database)))

    def _pause(self, error):
        """Nothing is lost: the rows stay."""
        if not self._failures:
            log.error('%s What is to be told waits.', error)
        self._not_before = time.monotonic() + min(_PAUSE * 2 ** min(self._failures, 10), _PAUSE_MOST)
        self._failures += 1

    def _note_success(self):
        if self._failures:
            log.info('OpenStack Placement answers again, after %d tries', self._failures)
        self._failures = 0
