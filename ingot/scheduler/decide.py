"""The decision: facts of a site and a request in; ranked nodes with their devices out, or why there are none. No side effects."""

import heapq
from typing import NamedTuple

from ingot.scheduler import group, mask, request, strategy, why
from ingot.scheduler.problem import Problem
from ingot.scheduler.site import Group

#: How a gang that is to be spread is placed when no placement group says otherwise.
_OVER_RACKS = Group('', 'spread', 'rack', is_hard=False)


class Candidate(NamedTuple):
    """A node to be claimed as of its ``generation``; ``score``: how many of the preferred traits it has.

    ``pci``: for each entry of the request the uuids of its devices; ``along``: for each entry the uuids of those that have to be
    claimed with them (VFs of a PF, the rest of a unit), each only once.
    """

    node: str
    name: str | None
    generation: int | None
    score: int
    pci: tuple = ()
    along: tuple = ()


class Decision(NamedTuple):
    """``candidates``, the best first: of a gang its nodes, all to be claimed; else some of which one is to be claimed.

    ``why``, when there are none: {'summary', 'blocking', 'relax', ...} as why.explain tells.
    """

    candidates: tuple
    why: dict | None = None


def decide(site, wanted, limit=10):
    """The Decision on a request (request.Request) at a site (site.Site); Invalid when it names what is not there.

    ``limit``: so many candidates for one node. The same facts and request give the same decision.
    """
    problem = Problem(site, wanted)
    nodes = problem.nodes()
    chosen = _choose(problem, nodes, limit) if nodes else ()
    if not chosen:
        return Decision((), why.explain(problem))
    scores = strategy.preferred(problem, mask.of(chosen, len(site.nodes)))
    return Decision(tuple(_candidate(problem, site.nodes[number], scores[number]) for number in chosen))


def _choose(problem, nodes, limit):
    """The numbers of the nodes, the best first; none when the group or the count cannot be had."""
    wanted, every = problem.request, problem.site.nodes
    key = strategy.ranking(problem, nodes)
    rule = problem.group
    if rule is None and (wanted.count == 1 or wanted.strategy != 'spread'):
        count = limit if wanted.count == 1 else wanted.count
        found = heapq.nsmallest(count, ((key(every[number]), number) for number in mask.numbers(nodes)))
        return [number for _, number in found] if len(found) >= wanted.count else ()
    rule, loads = (rule, problem.loads) if rule else (_OVER_RACKS, _in_use(problem))
    buckets = {}
    place = request.SCOPES.index(rule.scope)
    for number in mask.numbers(nodes):
        buckets.setdefault(every[number].domains[place], []).append((key(every[number]), number))
    if wanted.count == 1:
        return _choose_one(rule, loads, buckets, limit, problem)
    found = group.pick(rule, loads, buckets, wanted.count, problem.cap)
    return [number for _, number in found] if found else ()


def _choose_one(rule, loads, buckets, limit, problem):
    """Up to ``limit`` nodes for one more member: those that a hard rule allows, or all, those that it would like first."""
    sign = -1 if rule.policy == 'affinity' else 1
    ranked = [(domain is None, sign * loads.get(domain, 0), *entry) for domain, bucket in buckets.items()
              if not rule.is_hard or group.room(rule, loads, {domain: 1}, problem.cap) for entry in bucket]
    return [number for *_, number in heapq.nsmallest(limit, ranked)]


def _in_use(problem):
    """{rack: nodes in use}: what the members of _OVER_RACKS are."""
    place = request.SCOPES.index(_OVER_RACKS.scope)
    return {domain: count for (scope, domain), count in problem.site.used.items() if scope == place}


def _candidate(problem, node, score):
    answer = problem.fit.answer(node.board, problem.entries()) if problem.request.pci else None
    used, along = (_uuids(node, answer.used), _uuids(node, answer.along)) if answer else ((), ())
    return Candidate(node.uuid, node.name, node.generation, score, used, along)


def _uuids(node, entries):
    return tuple(tuple(node.devices[place] for place in places) for places in entries)
