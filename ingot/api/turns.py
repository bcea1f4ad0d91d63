"""Whose turn it is when: of the first that wait, of all of them, or of one node."""

from typing import NamedTuple

from ingot import queue
from ingot.db import clock, conductor, lane
from ingot.db import queue as line

#: So many heads are looked at to find out why one that is further behind must wait.
_HEADS = 16
#: For so long it is not looked again, whatever number of nodes is asked for.
_FRESH_SECONDS, _STEADY_SECONDS = 0.5, 5


class Turns(NamedTuple):
    """``turns`` (queue.Turn) in their order, ``starts`` ({operation uuid: seconds since the epoch}), how many wait in all."""

    turns: list
    starts: dict
    waiting: int
    in_flight: int


def first(site, count):
    """The first ``count``; looks at no more than those can be among, however long the queue is."""
    pick = lane.First(count)
    seen = line.look(site.database, pick=pick)
    return _turns(site, seen, pick.waiting(), count)


def every(site):
    """All; takes long when the queue is long."""
    seen = line.look(site.database)
    return _turns(site, seen, len(seen.waiting))


def of_node(site, node):
    """That of one node (a uuid), if it waits; found by counting, beside heads and counts that are a second old at most."""
    database = site.database
    pick, seen = _heads(site)
    place = lane.place(database, node, seen.policies, pick.lanes)
    if place is None:
        return Turns([], {}, pick.waiting(), len(seen.flying))
    item, before = place
    heads = [one for one in seen.waiting if one.id != item.id]
    turns = queue.plan(seen.policies, seen.flying, sorted([*heads, item], key=lambda one: one.id), _refusal(site))
    scope, reason = next((turn.scope, turn.reason) for turn in turns if turn.item.id == item.id)
    durations = database.remember('durations', _STEADY_SECONDS, lambda: line.durations(database))
    start = queue.forecast(seen.policies, seen.flying, item, before, durations, clock.time()) if durations else None
    turn = queue.Turn(item, scope, before.get(scope, 0) + 1, reason)
    return Turns([turn], {item.uuid: start}, pick.waiting(), len(seen.flying))


def _heads(site):
    """What was seen last, at most half a second ago; or a second, while somebody else looks."""
    is_mine = site.line.acquire(blocking=False)
    try:
        return site.database.remember('heads', _FRESH_SECONDS * (1 if is_mine else 2), lambda: _look(site.database))
    finally:
        if is_mine:
            site.line.release()


def _look(database):
    pick = lane.First(_HEADS)
    return pick, line.look(database, pick=pick)


def _turns(site, seen, waiting, count=None):
    turns = queue.plan(seen.policies, seen.flying, seen.waiting, _refusal(site))[:count]
    starts = queue.estimate(seen.policies, seen.flying, turns, line.durations(site.database), clock.time())
    return Turns(turns, starts, waiting, len(seen.flying))


def _refusal(site):
    """What holds an operation up alone, seen from here."""
    places = conductor.ring(site.database).places()
    return lambda item: None if (item.group, item.driver) in places else (
        f'No running conductor serves its {conductor.named(item.group, item.driver)}.')
