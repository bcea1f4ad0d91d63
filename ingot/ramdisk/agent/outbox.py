"""What waits to be told: events in the order of their numbers; of progress only the newest is kept. Pure."""

from typing import NamedTuple

_LONGEST = 1000       # events that wait at most; then the oldest go, for the newest tell more
_BATCH = 100          # events in one call


class Outbox(NamedTuple):
    events: tuple = ()        # ({'seq', 'kind', 'data'}, ...)
    last: int = 0             # the highest number given out

    def put(self, kind, data):
        """The outbox with one more event; a progress replaces those that still wait."""
        kept = tuple(event for event in self.events if kind != 'progress' or event['kind'] != 'progress')
        event = {'seq': self.last + 1, 'kind': kind, 'data': data}
        return Outbox((*kept, event)[-_LONGEST:], self.last + 1)

    def batch(self):
        """The events of the next call."""
        return list(self.events[:_BATCH])

    def settle(self, seq):
        """The outbox without the events up to number ``seq``, which are stored."""
        return self._replace(events=tuple(event for event in self.events if event['seq'] > seq))

    def number(self):
        """(outbox, the next number): for the report, which is numbered like the events."""
        return self._replace(last=self.last + 1), self.last + 1
