"""Admission: which queued operations may start now, in which order, and when the others may; pure.

Every policy that covers an operation must have room for it: that of its node's conductor group, and the one of everything
(scope ''). Nobody overtakes within a scope: who comes after one that must wait for it waits too. So none starves.
"""

import collections
import heapq
from collections.abc import Callable
from typing import NamedTuple

#: Flow that needs a place -> its service points: one is a session of a BMC, one more a stream of an image.
POINTS = {'deploy': 2, 'rebuild': 2, 'clean': 1, 'clean by hand': 1, 'delete': 1}
#: Those that need it only later on: they begin at once, and queue at the step that needs it.
LATER = frozenset({'delete'})
MOST_POINTS = max(POINTS.values())
MODES, ORDERS = ('parallel', 'rolling'), ('fair', 'fifo')


class Policy(NamedTuple):
    """How much may be in flight in ``scope`` ('': everywhere, else a conductor group); None: any number.

    'rolling' is one at a time, and none after a failure, unless the numbers say otherwise. ``served``: owners whose turn
    it was, the longest ago first.
    """

    scope: str = ''
    mode: str = 'parallel'
    max_in_flight: int | None = None
    points: int | None = None
    order: str = 'fair'
    pause_on_failure_ratio: float | None = None
    failure_window: int = 10
    paused_reason: str | None = None
    served: tuple = ()

    @property
    def most(self):
        """How many may be in flight at once, or None."""
        return 1 if self.max_in_flight is None and self.mode == 'rolling' else self.max_in_flight

    @property
    def failures(self):
        """So many failures among the last ``failure_window`` ends are too many; None: no number is."""
        ratio = 0 if self.pause_on_failure_ratio is None and self.mode == 'rolling' else self.pause_on_failure_ratio
        return None if ratio is None else int(ratio * self.failure_window) + 1

    @property
    def is_limiting(self):
        return self.most is not None or self.points is not None or self.paused_reason is not None

    @property
    def name(self):
        return self.scope or 'global'


class Item(NamedTuple):
    """An operation that waits or is in flight; ``id`` rises with the time of its request, ``since`` is when it began to."""

    id: int
    uuid: str
    node: str
    flow: str
    group: str = ''
    owner: str = ''
    driver: str = ''
    since: float = 0.0

    @property
    def points(self):
        return POINTS[self.flow]


class Turn(NamedTuple):
    """A waiting operation, its ``position`` in the line of ``scope`` (1 is next), and why it may not start now, if so."""

    item: Item
    scope: str
    position: int
    reason: str | None


def covering(policies, group):
    """The policies ({scope: Policy}) that count for ``group``."""
    return [policies[scope] for scope in dict.fromkeys(('', group)) if scope in policies]


def plan(policies, flying, waiting, refuse: Callable[[Item], str | None] = lambda item: None):
    """Turns of ``waiting`` (items by id), in the order in which they start.

    :param flying: items in flight. :param refuse: asked last, for one that all policies would let go: why it cannot start for
        a reason of its own. That holds up nobody else.
    """
    room, turns, positions = Room(policies, flying), [], collections.Counter()
    for scope, item in line_up(policies, waiting):
        reason = room.refuse(item) or refuse(item)
        if reason is None:
            room.enter(item)
        positions[scope] += 1
        turns.append(Turn(item, scope, positions[scope], reason))
    return turns


class Room:
    """What is in use of each policy, while places are given away."""

    def __init__(self, policies, flying):
        self._policies, self._closed = policies, {}
        self.count, self.points = collections.Counter(), collections.Counter()
        for item in flying:
            self.enter(item)

    def enter(self, item):
        for scope in {'', item.group}:
            self.count[scope] += 1
            self.points[scope] += item.points

    def refuse(self, item):
        """Why no policy lets ``item`` start, or None. What it waits for, those after it wait for as well."""
        for policy in covering(self._policies, item.group):
            if policy.scope not in self._closed:
                reason = self._full(policy, item)
                if reason is None:
                    continue
                self._closed[policy.scope] = reason
            return self._closed[policy.scope]
        return None

    def _full(self, policy, item):
        count, points = self.count[policy.scope], self.points[policy.scope]
        if policy.paused_reason is not None:
            return f'The queue "{policy.name}" is paused: {policy.paused_reason}'
        if policy.most is not None and count >= policy.most:
            return f'{count} of {policy.most} are in flight ("{policy.name}").'
        if policy.points is not None and points + item.points > policy.points:
            return f'{points} of {policy.points} service points are in use, it needs {item.points} ("{policy.name}").'
        return None


def line_up(policies, waiting):
    """(scope whose order counts, item) of all, next first: between the lines of two scopes the older head comes first."""
    lines = collections.defaultdict(list)
    for item in waiting:
        lines[item.group if item.group in policies else ''].append(item)
    heads = []
    for scope, items in lines.items():
        policy = policies.get(scope, Policy())
        line = iter(items) if policy.order == 'fifo' else _by_turns(items, policy.served)
        heads.append((next(line), scope, line))
    heapq.heapify(heads)
    while heads:
        item, scope, line = heads[0]
        yield scope, item
        after = next(line, None)
        if after is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (after, scope, line))


def _by_turns(items, served):
    """One of each owner in turn; who was not served yet comes first, then whose turn was longest ago."""
    by_owner = collections.defaultdict(collections.deque)
    for item in items:
        by_owner[item.owner].append(item)
    rank = {owner: number for number, owner in enumerate(served)}
    owners = collections.deque(sorted(by_owner, key=lambda owner: rank.get(owner, -1)))
    while owners:
        owner = owners.popleft()
        yield by_owner[owner].popleft()
        if by_owner[owner]:
            owners.append(owner)


def serve(served, started, present):
    """``served`` after the owners in ``started`` (a list, in order) had their turn; only those who are ``present`` are kept."""
    last = {owner: number for number, owner in enumerate([*served, *started])}
    return tuple(owner for owner in sorted(last, key=last.get) if owner in present)


def estimate(policies, flying, turns, durations, present):
    """{operation uuid: when it may start, seconds since the epoch} of those ``turns`` of which that can be told.

    :param durations: {flow: mean seconds of those that ended well}. Places are expected to be free when what is in flight has
        lasted as long as its flow does. None is told without limits, while paused, or before anything has ended well.
    """
    usual = sum(durations.values()) / len(durations) if durations else None
    free, found = {}, {}
    for policy in policies.values() if durations else ():
        if policy.is_limiting and policy.paused_reason is None:
            ends = sorted(max(present, item.since + durations.get(item.flow, usual))
                          for item in flying if policy.scope in ('', item.group))
            places = min(one for one in (policy.most, policy.points and policy.points // MOST_POINTS) if one is not None)
            free[policy.scope] = ends[-places:] + [present] * (places - len(ends)) if places else []
            heapq.heapify(free[policy.scope])
    for item, *_ in turns:
        limits = [policy for policy in covering(policies, item.group) if policy.is_limiting]
        places = [free[policy.scope] for policy in limits if free.get(policy.scope)]
        if len(places) < len(limits) or not limits:
            continue
        start = max(present, *(one[0] for one in places))
        for one in places:
            heapq.heapreplace(one, start + durations.get(item.flow, usual))
        found[item.uuid] = start
    return found
