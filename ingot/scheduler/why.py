"""Why nothing fits: the smallest set of constraints that blocks, and the cheapest changes of the request that would help.

A set blocks when the request could not be granted even if nothing else counted; every part of the smallest one is needed for
that. Sets are tried by growing size, at most CHECKS of them; where that was too few, ``is_smallest`` is false, and the set told
is still one of which nothing can be left out. What belongs to others (``owner``) is never counted or told.
"""

import itertools

from ingot.scheduler import match, relax, words

CHECKS = 600


def explain(problem):
    """{'summary': a sentence, 'blocking': [constraints], 'is_smallest', 'relax': [changes, the cheapest first]} of a problem
    that cannot be granted.

    blocking: ``constraint``, the ``member`` of the request, ``value``, ``words``, and how many ``nodes`` meet it by itself.
    relax: as relax.changes has them.
    """
    if not problem.base:
        there = f'{problem.request.owner} owns no node and has been lent none' if problem.request.owner else 'There are no nodes'
        return {'summary': f'{there}.', 'blocking': [], 'is_smallest': True, 'relax': []}
    found, is_smallest = blocking(problem)
    changes = relax.changes(problem)
    parts = [words.sentence(problem, found), *_hints(problem, found)]
    parts.append('What would help: ' + '; or '.join(change['text'] for change in changes[:3]) + '.' if changes
                 else 'To change one or two things of the request would not help.')
    return {'summary': ' '.join(parts), 'blocking': [_told(problem, one) for one in found], 'is_smallest': is_smallest,
            'relax': changes}


def blocking(problem):
    """(the smallest list of constraints that cannot be met together, whether it is proven to be the smallest)."""
    irreducible = list(problem.constraints)
    for one in reversed(problem.constraints):
        less = [other for other in irreducible if other != one]
        if not problem.is_met(less):
            irreducible = less
    checks = 0
    for size in range(1, len(irreducible)):
        for some in itertools.combinations(problem.constraints, size):
            if checks == CHECKS:
                return irreducible, False
            checks += 1
            if not problem.is_met(some):
                return list(some), True
    return irreducible, True


def _told(problem, one):
    return {'constraint': one.kind, 'member': words.member(one), 'value': words.value(problem, one),
            'words': words.short(problem, one), 'nodes': problem.nodes([one]).bit_count()}


def _hints(problem, found):
    """Where devices of one sort are what is missing: the most that a node can give, or what is nearest where there are none."""
    if len(found) != 1 or found[0].kind != 'pci':
        return
    if most := relax.most_devices(problem, found[0].value):
        yield f'The most that one can give is {most}.'
        return
    site = problem.site
    kinds = [kind.attributes for kind in site.boards.kinds.values()]
    for name in problem.request.pci[found[0].value].flavors:
        if near := match.nearest(site.flavor(name).match, kinds):
            yield f'{name}: {near["sentence"]}'
