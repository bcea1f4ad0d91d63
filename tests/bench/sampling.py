"""What is in flight, looked at again and again: how many at most, and when each one had ended."""

import time

import sqlalchemy as sa

from ingot import concurrency
from ingot.db import models
from ingot.db import queue as line

#: Seconds from look to look: so exact is what it says of ends.
EVERY = 0.1
_ops = models.operations
_IN_FLIGHT = sa.select(_ops.c.id).where(_ops.c.status.in_(line.IN_FLIGHT), _ops.c.admitted_at.is_not(None))


class Sampler:
    """Looks as long as its context lasts; ``most`` were in flight at once."""

    def __init__(self, database):
        self._database, self._stopping = database, concurrency.Event()
        self.most, self._last = 0, {}

    def __enter__(self):
        self._thread = concurrency.spawn(self._run, name='sampler')
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join(10)

    def ended(self, operation):
        """Seconds since the epoch at which it was in flight no more; 0 when it was never seen."""
        return self._last.get(operation, -EVERY) + EVERY

    def _run(self):
        while not self._stopping.is_set():
            with self._database.read() as connection:
                found = connection.execute(_IN_FLIGHT).scalars().all()
            self._last.update(dict.fromkeys(found, time.time()))
            self.most = max(self.most, len(found))
            self._stopping.wait(EVERY)
