"""Constraints and what became of them, as a person would say it."""


def plural(count, noun='node'):
    return f'{count} {noun}' if count == 1 else f'{count} {noun}s'


def value(problem, one):
    """What was asked for, as JSON."""
    wanted = problem.request
    if one.kind == 'where':
        return wanted.where[one.value].text
    if one.kind in ('pci', 'numa'):
        entry = wanted.pci[one.value]
        return {'flavors': list(entry.flavors), 'count': entry.count, **({'numa': 'same'} if one.kind == 'numa' else {})}
    own = {'candidate_nodes': list(wanted.candidate_nodes), 'placement_group': wanted.placement_group, 'count': wanted.count,
           'free': True}
    return own.get(one.kind, one.value)


def member(one):
    """The member of the request that says it."""
    places = {'where': 'where[{}]', 'pci': 'pci[{}]', 'numa': 'pci[{}].numa',
              'trait': 'traits', 'forbidden_trait': 'forbidden_traits'}
    return places.get(one.kind, one.kind).format(one.value)


def short(problem, one):
    """A constraint by itself: 'trait CUSTOM_X', '2 of fastNIC'."""
    return {'free': 'free', 'count': f'{problem.request.count} nodes at once'}.get(one.kind) or _phrase(problem, one)


def _phrase(problem, one):
    """A constraint after 'a node ...'."""
    wanted, kind = problem.request, one.kind
    if kind in ('pci', 'numa'):
        return f'that can give {wanted.pci[one.value].words}{" on one NUMA node" if kind == "numa" else ""}'
    if kind == 'placement_group':
        return f'that placement group {problem.group.name} (hard {problem.group.policy}, by {problem.group.scope}) allows'
    return {'resource_class': f'of resource class {one.value}', 'trait': f'with trait {one.value}',
            'forbidden_trait': f'without trait {one.value}', 'candidate_nodes': 'among the candidates',
            'where': f'with {wanted.where[one.value].text}' if kind == 'where' else ''}[kind]


def sentence(problem, blocking):
    """What blocks, with counts: 'None of the 4 nodes of resource class gpu is free: 3 in use, 1 in maintenance.'"""
    kinds = {one.kind for one in blocking}
    near = {one.value for one in blocking if one.kind == 'numa'}
    sort = [one for one in blocking if one.kind not in ('free', 'placement_group', 'count')]
    what = ' and '.join(_phrase(problem, one) for one in sort if one.kind != 'pci' or one.value not in near)
    nodes = problem.nodes(sort)
    free = [one for one in blocking if one.kind == 'free']
    if 'placement_group' in kinds:
        return _of_group(problem, blocking, f'{"free " if free else ""}nodes {what}'.rstrip())
    if 'count' in kinds:
        there = problem.nodes(sort + free).bit_count()
        taken = f': {_taken(problem, nodes)}' if free and there < nodes.bit_count() else ''
        return f'{problem.request.count} {"free " if free else ""}nodes {what} are asked for at once, and there ' \
               f'{"is" if there == 1 else "are"} {there or "none"}{taken}.'.replace('  ', ' ')
    if free:
        whole = 'The one node' if nodes.bit_count() == 1 else f'None of the {nodes.bit_count()} nodes'
        return f'{whole} {what} is {"not " if nodes.bit_count() == 1 else ""}free: {_taken(problem, nodes)}.'.replace('  ', ' ')
    alone = '' if len(sort) == 1 else ': ' + ', '.join(
        f'{problem.nodes(_with_entry(one)).bit_count()} {_phrase(problem, one)}' for one in sort if one.value not in near
        or one.kind != 'pci')
    return f'There is no node {what}{alone}.'


def _with_entry(one):
    """A wish for one NUMA node means nothing without the devices."""
    return [one._replace(kind='pci'), one] if one.kind == 'numa' else [one]


def _of_group(problem, blocking, what):
    rule, count = problem.group, problem.request.count if any(one.kind == 'count' for one in blocking) else 1
    members = f' and its {plural(len(rule.members), "member")}' if rule.members else ''
    return f'Placement group {rule.name} (hard {rule.policy}, by {rule.scope}){members}: there is room for ' \
           f'{problem.room(blocking)} of {plural(count)}; considered: {problem.nodes(blocking).bit_count()} {what}.'


def _taken(problem, nodes):
    """'3 in use, 1 in maintenance', the most frequent first."""
    counts = {reason: (nodes & problem.site.mask('taken', reason)).bit_count() for reason in problem.site.values('taken')}
    return ', '.join(f'{count} {reason}' for reason, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if count)
