"""Changes of a request with which it could be granted, the cheapest first.

The price of a change says how much less is got; ties go by how many nodes it opens. Single changes come first; only where none
helps, pairs. Nobody is told to become another owner.
"""

import itertools
from typing import NamedTuple

from ingot.scheduler import expression, mask, request
from ingot.scheduler.words import plural

#: Kind of change -> its price.
PRICES = {'numa': 1, 'soft': 1, 'fewer devices': 2, 'compare': 2, 'forbidden': 3, 'trait': 3, 'fewer nodes': 4, 'where': 4,
          'candidates': 4, 'no devices': 5, 'class': 6, 'wait': 8}
#: So many pairs are tried, and so many changes told.
PAIRS, TOLD = 120, 8


class Change(NamedTuple):
    """``apply``: request -> request (None: by waiting); ``member``, ``old``, ``new``: what it is as data."""

    kind: str
    member: str
    old: object
    new: object
    apply: object
    text: str


def changes(problem):
    """[{'changes': [{'member', 'from', 'to'}], 'nodes': how many would fit, 'price', 'text'}], the cheapest first."""
    single = [*_lowered(problem), *_dropped(problem), *_other_classes(problem)]
    found = [told for change in single if (told := _tried(problem, [change]))]
    if any(one['changes'][0]['member'] == 'resource_class' and one['changes'][0]['to'] for one in found):
        found = [one for one in found if one['changes'][0]['member'] != 'resource_class' or one['changes'][0]['to']]
    if not found:
        pairs = itertools.combinations(_dropped(problem), 2)
        ordered = sorted(pairs, key=lambda pair: sum(PRICES[one.kind] for one in pair))
        found = [told for pair in ordered[:PAIRS] if (told := _tried(problem, pair))]
    return sorted(found, key=lambda one: (one['price'], -one['nodes'], one['text']))[:TOLD]


def _tried(problem, some):
    """What the changes would open, or None."""
    wanted = problem.request
    for change in some:
        wanted = change.apply(wanted)
    then = problem.changed(wanted, is_waiting=any(change.kind == 'wait' for change in some))
    nodes = then.nodes()
    if not nodes or then.room(nodes=nodes) < wanted.count:
        return None
    count = nodes.bit_count()
    return {'changes': [{'member': one.member, 'from': one.old, 'to': one.new} for one in some], 'nodes': count,
            'price': sum(PRICES[one.kind] for one in some),
            'text': f'{" and ".join(one.text for one in some)} ({plural(count)})'}


def _without(name, value):
    return lambda wanted: wanted._replace(**{name: tuple(one for one in getattr(wanted, name) if one != value)})


def _entry(place, **new):
    """Change an entry of ``pci``; the places of the others stay."""
    return lambda wanted: wanted._replace(pci=(*wanted.pci[:place], wanted.pci[place]._replace(**new), *wanted.pci[place + 1:]))


def _dropped(problem):
    """For each constraint the change that does away with it."""
    wanted = problem.request
    for place, entry in enumerate(wanted.pci):
        if entry.is_near and entry.count > 1:
            yield Change('numa', f'pci[{place}].numa', 'same', None, _entry(place, is_near=False),
                         f'{entry.words} on any NUMA nodes')
    if problem.group and problem.group.is_hard:
        yield Change('soft', 'placement_group.hard', True, False, lambda wanted: wanted._replace(placement_group=None),
                     f'placement group {problem.group.name} soft instead of hard')
    for trait in wanted.traits:
        yield Change('trait', 'traits', trait, None, _without('traits', trait), f'without asking for trait {trait}')
    for trait in wanted.forbidden_traits:
        yield Change('forbidden', 'forbidden_traits', trait, None, _without('forbidden_traits', trait), f'allowing trait {trait}')
    for each in wanted.where:
        yield Change('where', 'where', each.text, None, _without('where', each), f'without {each.text}')
    if wanted.candidate_nodes:
        yield Change('candidates', 'candidate_nodes', list(wanted.candidate_nodes), None,
                     lambda wanted: wanted._replace(candidate_nodes=()), 'any node instead of the candidates')
    for place, entry in enumerate(wanted.pci):
        yield Change('no devices', f'pci[{place}]', entry.count, None, _entry(place, count=0), f'without the {entry.words}')
    if wanted.resource_class:
        yield Change('class', 'resource_class', wanted.resource_class, None, lambda wanted: wanted._replace(resource_class=None),
                     'any resource class')
    yield Change('wait', 'free', True, False, lambda wanted: wanted, 'waiting for nodes that are taken now')


def _lowered(problem):
    """Less of what is counted or compared: as much of it as can be had."""
    wanted = problem.request
    for place, entry in enumerate(wanted.pci):
        if count := _most(entry.count, lambda count, place=place: problem.changed(_entry(place, count=count)(wanted)).is_met()):
            yield Change('fewer devices', f'pci[{place}].count', entry.count, count, _entry(place, count=count),
                         f'{count} instead of {entry.words}')
    if count := _most(wanted.count, lambda count: problem.changed(wanted._replace(count=count)).is_met()):
        yield Change('fewer nodes', 'count', wanted.count, count, lambda wanted: wanted._replace(count=count),
                     f'{count} instead of {plural(wanted.count)}')
    for place, each in enumerate(wanted.where):
        if each.sign in ('<', '<=', '>', '>=') and (text := _nearest(problem, place, each)):
            yield Change('compare', f'where[{place}]', each.text, text, _where(place, expression.parse(text)),
                         f'{text} instead of {each.text}')


def most_devices(problem, place):
    """How many devices of an entry a node can give when nothing else is asked for; None: not one."""
    entry, owner = problem.request.pci[place], problem.request.owner
    return _most(entry.count, lambda count: bool(problem.changed(
        request.Request(pci=(entry._replace(count=count, is_near=False),), owner=owner), is_waiting=True).nodes()))


def _where(place, new):
    return lambda wanted: wanted._replace(where=(*wanted.where[:place], new, *wanted.where[place + 1:]))


def _most(count, is_met):
    """The highest number below count, and above 0, for which it is met; None if there is none. By halving."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_met(middle) else (low, middle - 1)
    return low if low and is_met(low) else None


def _nearest(problem, place, each):
    """The comparison of the same path that as many nodes meet as are asked for, nearest to the one that is; or None."""
    others = [one for one in problem.constraints if (one.kind, one.value) != ('where', place)]
    pick, every = (max, problem.site.nodes) if '>' in each.sign else (min, problem.site.nodes)
    told = ([value for value in expression.found(every[number].attributes, each.path) if expression.is_number(value)]
            for number in mask.numbers(problem.nodes(others)))
    best = sorted(map(pick, filter(None, told)), reverse=pick is max)
    if len(best) < problem.request.count:
        return None
    path = each.text[:each.text.index(each.sign)].strip()
    return f'{path} {each.sign[0]}= {best[problem.request.count - 1]}'


def _other_classes(problem):
    """The resource classes of which nodes would do."""
    wanted = problem.request
    if wanted.resource_class:
        for name in sorted(filter(None, problem.site.values('class'))):
            if name != wanted.resource_class:
                yield Change('class', 'resource_class', wanted.resource_class, name,
                             lambda wanted, name=name: wanted._replace(resource_class=name), f'resource class {name}')
