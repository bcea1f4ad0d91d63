"""Decisions on what the tables say: facts are read, ``ingot.scheduler`` decides, and nothing is written.

A request that any node serves as well as another (no strategy, no group, no preferences) is decided among the oldest that fit,
some at a time; every other among all that fit, or on facts of all nodes that are kept (``kept``). What fits none is decided once
more on all nodes there are, to tell why.
"""

import dataclasses
import random
import re

import sqlalchemy as sa

from ingot import errors
from ingot.db import claim, facts, models, one, row
from ingot.scheduler import decide as core
from ingot.scheduler import request as requests
from ingot.scheduler.site import Site

#: Nodes that are looked at first, and how many times more after each time in vain.
_FIRST, _GROWTH = 25, 8
_PROVIDER = re.compile(r'\bstats\.([a-z_][a-z0-9_]*)', re.ASCII)
#: Members of a request that make one node better than another.
_RANKING = ('strategy', 'preferred_traits', 'placement_group')
#: Strategies that go by the nodes in use.
_BY_USE = ('spread', 'pack')
_NODES, _GROUPS, _FLAVORS, _ALLOCATIONS = models.nodes, models.placement_groups, models.pci_flavors, models.allocations


@dataclasses.dataclass(frozen=True)
class Decided:
    """``picks``: what is to be claimed, none when nothing fits; ``why`` (a dict) says then what stood in its way, if asked.

    ``candidates`` (dicts): as a decision tells them. ``group``: the placement group (a row) by whose members it was decided.
    """

    picks: tuple = ()
    why: dict | None = None
    candidates: tuple = ()
    group: object = None


def decide(database, wanted, *, attempt=0, limit=None, explain=None, kept=None):
    """What ``wanted`` (members of a request, as they are sent) gets, by what there is now. Invalid for what is unknown.

    :param attempt: how often it was decided before, and somebody else was faster: those who meet there look elsewhere.
    :param limit: so many candidates, the best of all; None: one will do.
    :param explain: tell ``why`` (default: of requests with newer members).
    :param kept: a kept.Kept, which knows the facts of all nodes; without one they are read where they are needed.
    """
    request = requests.read({name: value for name, value in wanted.items() if name in requests.READERS})
    explain = bool(wanted.keys() & _NEWER) if explain is None else explain
    with database.read() as connection:
        is_ranked = limit or any(wanted.get(name) for name in _RANKING)
        flavors = _flavors(connection, wanted) if is_ranked or wanted.get('pci') else []
        group = _group(connection, request.placement_group)
        groups = [_with_members(connection, group)] if group else []
        is_shared = group is not None and group['policy'] == 'spread'
        if is_shared or wanted.get('strategy') in _BY_USE:                 # those in use count as well
            conditions, among = [sa.true()], _among
        else:
            conditions, among = [condition for _, condition in facts.criteria(wanted)], _among_these
        if attempt or _providers(wanted):                # others are at it as well; figures are never kept
            kept = None
        if kept and is_ranked and (decided := _decide_on_all(
                connection, kept, wanted, request, flavors, group, groups, limit or 1, explain)):
            return decided
        site, known = Site((), flavors, groups), {}
        size = None if is_ranked else max(_FIRST, 4 * request.count) * _GROWTH ** min(attempt, 2)
        for nodes in _batches(connection, conditions, _needs(wanted, group), size):
            for node in nodes if is_shared else _spread(nodes, request.count, attempt):
                known[node['uuid']] = node
                site.put(node)
            found = core.decide(site, among(site, request), limit or 1)
            if found.candidates:
                return _decided(found.candidates, request, group, known)
        if attempt:                                      # of those that chance left out, one may fit
            return decide(database, wanted, limit=limit, explain=explain)
        if kept and explain and (decided := _decide_on_all(
                connection, kept, wanted, request, flavors, group, groups, 1, explain)):
            return decided
        return Decided(why=_why(connection, wanted, request, flavors, groups) if explain else None, group=group)


def _among(site, request):
    """``request`` with those of its candidates that there are; with all of them where there is none, so that it is told."""
    there = tuple(ident for ident in request.candidate_nodes if ident in site.numbers)
    return request._replace(candidate_nodes=there or request.candidate_nodes)


def _among_these(site, request):
    """``request`` at a site of its candidates alone."""
    return request._replace(candidate_nodes=())


def _decide_on_all(connection, kept, wanted, request, flavors, group, groups, limit, explain):
    """The same on facts that are kept; None when they turn out to be of yesterday."""
    with kept.site(connection, flavors, groups) as site:
        found = core.decide(site, _among(site, request), limit)
    if not found.candidates:
        return Decided(why=found.why if explain else None, group=group)
    needs = facts.Needs(devices=bool(wanted.get('pci')))
    uuids = [one.node for one in found.candidates]
    known = {node['uuid']: node for node in facts.nodes(connection, [_NODES.c.uuid.in_(uuids)], needs)}
    there = {device['uuid'] for node in known.values() for device in node['devices']}
    chosen = (uuid for one in found.candidates for uuids in (*one.pci, *one.along) for uuid in uuids)
    is_so = all(one.node in known and known[one.node]['generation'] == one.generation for one in found.candidates)
    if not (is_so and there.issuperset(chosen)):
        return None
    return _decided(found.candidates, request, group, known)


_NEWER = frozenset({'preferred_traits', 'forbidden_traits', 'where', 'pci', 'count', 'placement_group', 'strategy', 'priority',
                    'expires_in', 'wait'})


def _batches(connection, conditions, needs, limit):
    """Nodes that meet ``conditions``: all of them, or ``limit``, then some more, at least once."""
    after = 0
    while True:
        found = facts.nodes(connection, conditions, needs, limit=limit, after=after)
        if found or after == 0:
            yield found
        if limit is None or len(found) < limit:
            return
        after, limit = found[-1]['id'], limit * _GROWTH


def _needs(wanted, group):
    where = ' '.join(wanted.get('where') or ())
    return facts.Needs(devices=bool(wanted.get('pci')), attributes=bool(where), providers=_providers(wanted),
                       places=bool(group or wanted.get('strategy')))


def _providers(wanted):
    """Providers whose figures are asked about."""
    return set(_PROVIDER.findall(' '.join(wanted.get('where') or ())))


def _spread(nodes, count, attempt):
    """Who lost a race takes some of the nodes, by chance, so that not all meet at the next one again."""
    some = max(6 * count, len(nodes) // 10)
    return random.sample(nodes, some) if attempt and some < len(nodes) else nodes


def _decided(candidates, request, group, known):
    shown = tuple({'node': one.node, 'name': one.name, 'generation': one.generation, 'score': one.score,
                   'devices': _devices(one, known[one.node]['devices'])} for one in candidates)
    picks = tuple(claim.Pick(one['node'], one['generation'], one['devices']) for one in shown[:request.count])
    return Decided(picks, None, shown, group)


def _devices(candidate, devices):
    """For each request of devices the uuids to be claimed: those that serve it, and the rest of their units.

    The virtual functions of a claimed card, and the card of claimed ones, are not: nobody else can have them meanwhile, and they
    need not be there.
    """
    if not candidate.pci:
        return ()
    by_uuid = {one['uuid']: one for one in devices}
    used = [by_uuid[uuid] for uuids in candidate.pci for uuid in uuids]
    return tuple((*uuids, *(uuid for uuid in along if not claim.are_related(by_uuid[uuid], used)))
                 for uuids, along in zip(candidate.pci, candidate.along, strict=True))


def _why(connection, wanted, request, flavors, groups):
    """What stands in the way of ``request``, seen on all nodes; a dict."""
    needs = _needs(wanted, groups)
    return core.decide(Site(facts.nodes(connection, [sa.true()], needs), flavors, groups), request).why


def _flavors(connection, wanted):
    """All flavors: what the others could use is not spent lightly. Invalid when one that is asked for is of somebody else."""
    found = [row.parse(_FLAVORS, one) for one in connection.execute(sa.select(_FLAVORS)).mappings()]
    owner = wanted.get('owner')
    private = {ident for one in found if not one['public'] and one['owner'] != owner for ident in (one['name'], one['uuid'])}
    refused = [ident for entry in wanted.get('pci') or () for ident in entry['flavors'] if ident in private]
    if refused:
        raise errors.Invalid(f'PCI flavor {refused[0]} belongs to somebody else.', remedy='Ask for it as its owner.')
    return found


def _group(connection, ident):
    """The row of a placement group (uuid or name), or None without ``ident``; Invalid."""
    if ident is None:
        return None
    found = one.whole(connection, _GROUPS, 'ident', ident)
    if found is None:
        raise errors.Invalid(f'Placement group {ident[:100]} could not be found.')
    return found


def _with_members(connection, group):
    """The group as a dict with the places of its members' nodes."""
    member_nodes = sa.select(_ALLOCATIONS.c.node_id).where(
        _ALLOCATIONS.c.placement_group == group['uuid'], _ALLOCATIONS.c.node_id.is_not(None))
    placed = facts.nodes(connection, [_NODES.c.id.in_(member_nodes)], facts.Needs(places=True))
    return {**group, 'members': [one['domains'] for one in placed]}
