"""What a conductor does again and again: one table."""

import logging
import time

from ingot import concurrency
from ingot.conductor import members, orphans, watch
from ingot.db import allocation, history, idempotency

log = logging.getLogger(__name__)


def _beat(crew):
    """The sign of life, and the leases of what is worked on. Who is about to end is no member any more."""
    if not crew.is_closed:
        members.beat(crew.conf, crew.database)
    crew.renew()


def _prune(crew):
    days = crew.conf.conductor.history_days
    if days:
        history.prune(crew.database, days)


def _forget_answers(crew):
    idempotency.prune(crew.database)


def _expire_allocations(crew):
    allocation.expire(crew.database)


def _retry_allocations(crew):
    allocation.retry(crew.database)


#: (name, seconds from start to start, function of the crew). Quick ones: they share one thread.
TABLE = (
    ('take-over',      lambda conf: min(0.5, conf.conductor.heartbeat_seconds),                 lambda crew: crew.take_over()),
    ('machines',       lambda conf: min(1, conf.conductor.heartbeat_seconds),                   watch.machines),
)
#: As TABLE, with a thread each: what may take its time, and the one thing that nothing may hold up.
ALONE = (
    ('heartbeat',      lambda conf: conf.conductor.heartbeat_seconds,                           _beat),
    ('power sync',     lambda conf: min(1, conf.conductor.power_sync_seconds) or 3600,          lambda crew: crew.sync.turn()),
    ('queue',          lambda conf: min(1, conf.conductor.heartbeat_seconds),                   lambda crew: crew.line.look()),
    ('orphan search',  lambda conf: 60,                                                         orphans.search),
    ('PCI offers',     lambda conf: 5,                                                          lambda crew: crew.offers.turn()),
    ('image cache',    lambda conf: 600,                                                        orphans.trim),
    ('history',        lambda conf: 3600,                                                       _prune),
    ('expiry',         lambda conf: min(1, conf.conductor.heartbeat_seconds),                   _expire_allocations),
    ('waiting list',   lambda conf: min(1, conf.conductor.heartbeat_seconds),                   _retry_allocations),
    ('answers',        lambda conf: 3600,                                                       _forget_answers),
)


class Periodic:
    """Runs the tables until it is stopped. A job that raises is logged and tried again at its next turn."""

    def __init__(self, crew):
        self._crew = crew
        self._stopping = concurrency.Event()
        self._threads = []

    def start(self):
        self._threads = [concurrency.spawn(self._keep, jobs, name=f'periodic {jobs[0][0]}')
                         for jobs in (TABLE, *((job,) for job in ALONE))]

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(10)

    def _keep(self, jobs):
        turns = dict.fromkeys(jobs, 0.0)
        while not self._stopping.is_set():
            for job in jobs:
                if turns[job] <= time.monotonic():
                    turns[job] = time.monotonic() + job[1](self._crew.conf)
                    self._run(job)
            self._stopping.wait(max(0.01, min(turns.values()) - time.monotonic()))

    def _run(self, job):
        try:
            job[2](self._crew)
        except Exception:
            log.exception('Periodic job "%s" failed; it is tried again', job[0])
