"""Admission: which queued operations may start now, in which order, and when the others may; pure.

Every policy that covers an operation must have room for it: that of its node's conductor group, and the one of everything
(scope ''). Nobody overtakes within a scope: who comes after one that must wait for it waits too. So none starves.
"""

import collections
import hashlib
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
    return [policies[scope] for scope in (('', group) if group else ('',)) if scope in policies]


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


def certain(policies, free, heads):
    """How many of the next turns are known by ``heads``, the oldest item of each lane: by turns of owners one of each owner, else
    the oldest. Scopes that have no place (``free``: {scope: places or None}) count for nothing. At least 1."""
    owners = collections.defaultdict(set)
    for item in heads:
        owners[scope_of(policies, item.group)].add(item.owner)
    return min((len(those) if policies.get(scope, Policy()).order == 'fair' else 1
                for scope, those in owners.items() if free.get(scope) != 0), default=1)


def serve(served, started, present):
    """``served`` after the owners in ``started`` (a list, in order) had their turn; only those who are ``present`` are kept."""
    last = {owner: number for number, owner in enumerate([*served, *started])}
    return tuple(owner for owner in sorted(last, key=last.get) if owner in present)


def estimate(policies, flying, turns, durations, present):
    """{operation uuid: when it may start, seconds since the epoch} of those ``turns`` of which that can be told.

    :param durations: {flow: mean seconds of those that ended well}. Places are expected to be free when what is in flight has
        lasted as long as its flow does. None is told without limits, while paused, or before anything has ended well.
    """
    free, found = _free(policies, flying, durations, present), {}
    for item, *_ in turns:
        places = _places(policies, item, free)
        if places:
            start = max(present, *(one[0] for _, one in places))
            for _, one in places:
                heapq.heapreplace(one, start + _lasts(durations, item))
            found[item.uuid] = start
    return found


def forecast(policies, flying, item, before, durations, present):
    """As ``estimate``, of one ``item`` before which ``before`` ({scope: number}) start: as if all of them lasted as long; or
    None."""
    places = _places(policies, item, _free(policies, flying, durations, present))
    return max((sorted(one)[before.get(scope, 0) % len(one)] + before.get(scope, 0) // len(one) * _lasts(durations, item)
                for scope, one in places), default=None)


def _free(policies, flying, durations, present):
    """{scope: heap of the moments at which its places are free}, of policies that limit and are not paused."""
    free = {}
    for policy in policies.values() if durations else ():
        if policy.is_limiting and policy.paused_reason is None:
            ends = sorted(max(present, item.since + _lasts(durations, item))
                          for item in flying if policy.scope in ('', item.group))
            places = min(one for one in (policy.most, policy.points and policy.points // MOST_POINTS) if one is not None)
            free[policy.scope] = ends[-places:] + [present] * (places - len(ends)) if places else []
            heapq.heapify(free[policy.scope])
    return free


def _places(policies, item, free):
    """[(scope, its heap)] of all that limit ``item``; none when one of them has nothing to tell."""
    scopes = [policy.scope for policy in covering(policies, item.group) if policy.is_limiting]
    return [(scope, free[scope]) for scope in scopes] if all(free.get(scope) for scope in scopes) else []


def _lasts(durations, item):
    return durations.get(item.flow) or sum(durations.values()) / len(durations)


class Lane(NamedTuple):
    """So many (``count``) wait with the same group, owner and driver; ``oldest``: the lowest of their ids."""

    name: str
    group: str
    owner: str
    count: int
    oldest: int


def lane(node):
    """The name of the lane (see Lane) in which what is to be done with ``node``, its row, waits."""
    words = (node['conductor_group'], node['lessee'] or node['owner'] or '', node['driver'])
    return hashlib.sha256('\0'.join(words).encode()).hexdigest()[:16]


def scope_of(policies, group):
    """The scope in whose line what is of ``group`` waits."""
    return group if group in policies else ''


def rounds(lanes, count):
    """The fewest rounds, in each of which one of each owner has its turn, after which ``count`` had it, or all."""
    waiting = collections.Counter()
    for lane in lanes:
        waiting[lane.owner] += lane.count
    left, number, sizes = count, 0, sorted(waiting.values())
    for place, size in enumerate(sizes):
        owners = len(sizes) - place
        if (size - number) * owners >= left:
            return number + -(-left // owners)
        left -= (size - number) * owners
        number = size
    return number


def before(policy, lanes, owner, older):
    """How many of the ``lanes`` of one line start before the one of ``owner`` before which ``older`` of its own are, by turns."""
    waiting, first = collections.Counter(), {}
    for lane in lanes:
        waiting[lane.owner] += lane.count
        first[lane.owner] = min(lane.oldest, first.get(lane.owner, lane.oldest))
    rank = {name: number for number, name in enumerate(policy.served)}
    place = {name: (rank.get(name, -1), oldest) for name, oldest in first.items()}
    return older + sum(min(number, older + (place[name] < place[owner])) for name, number in waiting.items() if name != owner)
