"""Nodes near to each other, or apart: where the next member of a placement group may go, and how many have room.

``loads``: {domain: members that are there}; ``sizes``: {domain: nodes that could be taken}. A node whose domain is not known
(None) may not serve a hard group. ``cap`` is the even share of a hard spread: (members + count) / domains, rounded up.
"""

import heapq
from collections import Counter


def share(members, count, domains):
    """How many members one domain may hold of a hard spread."""
    return -(-(members + count) // max(1, domains))


def may_hold(group, loads, cap):
    """A function: how many more members a domain may hold by the rule of a hard group, leaving affinity aside."""
    if group.policy == 'anti-affinity':
        return lambda domain: 0 if loads.get(domain) else 1
    return lambda domain: max(0, cap - loads.get(domain, 0))


def room(group, loads, sizes, cap):
    """How many nodes could be taken at once for a group, or without one (None)."""
    if group is None or not group.is_hard:
        return sum(sizes.values())
    known = {domain: size for domain, size in sizes.items() if domain is not None}
    if group.policy == 'affinity':
        return max((size for domain, size in known.items() if not loads or domain in loads), default=0)
    most = may_hold(group, loads, cap)
    return sum(min(size, most(domain)) for domain, size in known.items())


def pick(group, loads, buckets, count, cap):
    """``count`` entries of ``buckets`` ({domain: entries that sort by rank}), the best that the group's rule allows; or None."""
    if group.policy == 'affinity':
        return _together(group, loads, buckets, count)
    return _apart(group, Counter(loads), buckets, count, cap)


def _together(group, loads, buckets, count):
    """All of one domain: of those with members and room the one with most, else the one with the best node."""
    sizes = {domain: len(bucket) for domain, bucket in buckets.items()}
    best = {domain: min(bucket) for domain, bucket in buckets.items()}
    fits = [domain for domain, size in sizes.items() if domain is not None and size >= count and (not loads or domain in loads)]
    if fits:
        chosen = min(fits, key=lambda domain: (-loads.get(domain, 0), best[domain]))
        return heapq.nsmallest(count, buckets[chosen])
    if group.is_hard or sum(sizes.values()) < count:
        return None
    order = sorted(buckets, key=lambda domain: (domain is None, -loads.get(domain, 0), -sizes[domain], best[domain]))
    return [entry for domain in order for entry in sorted(buckets[domain])][:count]


def _apart(group, loads, buckets, count, cap):
    """Each of the domain that has the fewest by then; where the domain is not known, last."""
    heaps = {domain: list(bucket) for domain, bucket in buckets.items() if domain is not None or not group.is_hard}
    most = may_hold(group, dict(loads), cap) if group.is_hard else None
    left = {domain: min(most(domain), len(bucket)) if group.is_hard else len(bucket) for domain, bucket in heaps.items()}
    queue = []
    for domain, bucket in heaps.items():
        if left[domain]:
            heapq.heapify(bucket)
            queue.append((domain is None, loads[domain], bucket[0], domain))
    heapq.heapify(queue)
    found = []
    while len(found) < count and queue:
        is_unknown, load, _, domain = heapq.heappop(queue)
        found.append(heapq.heappop(heaps[domain]))
        left[domain] -= 1
        if left[domain]:
            heapq.heappush(queue, (is_unknown, load + 1, heaps[domain][0], domain))
    return found if len(found) == count else None
