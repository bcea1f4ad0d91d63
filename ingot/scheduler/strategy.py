"""Which of the nodes that fit are the better ones: preferred traits, the strategy, what is least wanted by others, names.

``spread`` takes nodes of racks, then chassis, in which the fewest nodes are in use; ``pack`` of those in which most are;
``sequential_fill`` of the first chassis by name that has one, so that what falls vacant there is taken before the next begins.
Names count as people read them: rack-2 comes before rack-10. A node without a chassis or rack comes last.
"""

from collections import Counter

from ingot.scheduler import mask, request, site

_CHASSIS, _RACK = request.SCOPES.index('chassis'), request.SCOPES.index('rack')


def ranking(problem, nodes):
    """A function: the key by which a node (site.Node) of these is ranked, the best first; ties end with name and uuid."""
    scores, worth, key = preferred(problem, nodes), _worth(problem), KEYS[problem.request.strategy](problem.site)
    own = problem.request.name
    return lambda node: (own is None or node.name != own, -scores[node.number], key(node), worth(node.board), node.sort)


def preferred(problem, nodes):
    """{number: how many preferred traits a node has}."""
    found = Counter()
    for trait in problem.request.preferred_traits:
        found.update(mask.numbers(nodes & problem.site.mask('trait', trait)))
    return found


def _worth(problem):
    """A function of a board: what a node has beyond what is asked for, as others could use it; once a board."""
    known, fit, entries = {}, problem.fit, problem.entries()

    def worth(board):
        if (found := known.get(board)) is None:
            answer = fit.answer(board, entries) if entries else None
            found = known[board] = fit.worth(board) - (answer.cost if answer else 0)
        return found
    return worth


def _used(sign):
    """Keys by the nodes in use in a rack, then in a chassis; equal racks apart by name, so that one is filled first."""
    def keys(there):
        used, names = there.used, {}

        def name(text):
            if text not in names:
                names[text] = site.natural(text)
            return names[text]

        def key(node):
            rack, chassis = node.domains[_RACK], node.domains[_CHASSIS]
            return (rack is None, sign * used.get((_RACK, rack), 0), name(rack),
                    chassis is None, sign * used.get((_CHASSIS, chassis), 0), name(chassis))
        return key
    return keys


def _in_order(there):
    names = {}

    def key(node):
        chassis = node.domains[_CHASSIS]
        if chassis not in names:
            names[chassis] = site.natural(chassis)
        return names[chassis]
    return key


KEYS = {None: lambda there: lambda node: 0, 'spread': _used(1), 'pack': _used(-1), 'sequential_fill': _in_order}
