"""Small sites and requests as hypothesis draws them, and what may be decided there, by trying everything."""

import itertools
import math

from hypothesis import strategies as st

from ingot.scheduler import request
from ingot.scheduler.assign import Entry
from ingot.scheduler.board import Shape
from tests.scheduler import boards

FLAVORS = [{'name': 'gpu', 'match': [{'product_id': '00a0'}]}, {'name': 'nic', 'match': [{'product_id': '00b0'}]},
           {'name': 'any', 'match': [{'vendor_id': '10de'}]}]
MEANS = {'gpu': {'00a0'}, 'nic': {'00b0'}, 'any': {'00a0', '00b0', '00c0'}}


@st.composite
def devices(draw, number):
    found = []
    for place in range(draw(st.integers(0, 3))):
        parent = found[0]['address'] if found and draw(st.integers(0, 3)) == 0 else None
        one = boards.device(place, vendor_id='10de', product_id=draw(st.sampled_from(['00a0', '00b0', '00c0'])), parent=parent,
                            numa_node=draw(st.sampled_from([0, 1])), state=draw(st.sampled_from(['ready'] * 4 + ['not_ready'])))
        found.append({**one, 'uuid': f'n{number}d{place}'})
    return found


@st.composite
def nodes(draw, number):
    return {'uuid': f'n{number}', 'generation': number, 'name': f'node-{number}', 'resource_class': draw(st.sampled_from('ab')),
            'traits': sorted(draw(st.sets(st.sampled_from(['T', 'U'])))), 'owner': draw(st.sampled_from([None, 'me'])),
            'domains': {'rack': draw(st.sampled_from(['r1', 'r2', 'r3', None])), 'chassis': draw(st.sampled_from(['c1', None]))},
            'attributes': {'cpu': {'count': draw(st.sampled_from([8, 16, 32]))}},
            'is_free': draw(st.integers(0, 3)) > 0, 'reason': 'in use', 'devices': draw(devices(number))}


@st.composite
def groups(draw, most):
    return {'name': 'g', 'policy': draw(st.sampled_from(request.POLICIES)), 'scope': draw(st.sampled_from(['node', 'rack'])),
            'hard': draw(st.integers(0, 3)) > 0, 'members': draw(st.lists(st.sampled_from([f'n{n}' for n in range(most)]), max_size=2))}


@st.composite
def requests(draw):
    """A request as JSON, of some of its members."""
    entries = st.builds(lambda flavors, count, numa: {'flavors': sorted(flavors), 'count': count, **({'numa': 'same'} if numa else {})},
                        st.sets(st.sampled_from(sorted(MEANS)), min_size=1, max_size=2), st.integers(1, 2), st.booleans())
    wanted = draw(st.sets(st.sampled_from(['T', 'U'])))
    whole = {'resource_class': draw(st.sampled_from('ab')), 'traits': sorted(wanted), 'forbidden_traits': sorted({'T', 'U'} - wanted),
             'where': [draw(st.sampled_from(['cpu.count >= 16', 'cpu.count < 32', 'cpu.count == 8 or cpu.count == 32']))],
             'pci': draw(st.lists(entries, min_size=1, max_size=2)), 'count': draw(st.integers(1, 3)), 'placement_group': 'g',
             'owner': 'me', 'strategy': draw(st.sampled_from(request.STRATEGIES)), 'preferred_traits': sorted(wanted)}
    return {name: whole[name] for name in draw(st.sets(st.sampled_from(sorted(whole)), min_size=1))}


@st.composite
def sites(draw):
    """(nodes, group) of a site of up to six nodes."""
    found = [draw(nodes(number)) for number in range(draw(st.integers(1, 6)))]
    return found, draw(groups(len(found)))


def meets(node, wanted, kinds):
    """Whether a node meets the constraints of these kinds: {(kind, value)}; those on groups and counts left aside."""
    count = node['attributes']['cpu']['count']
    simple = {'cpu.count >= 16': count >= 16, 'cpu.count < 32': count < 32, 'cpu.count == 8 or cpu.count == 32': count in (8, 32)}
    tests = {'resource_class': lambda value: node['resource_class'] == value, 'trait': lambda value: value in node['traits'],
             'forbidden_trait': lambda value: value not in node['traits'], 'free': lambda _: node['is_free'],
             'where': lambda value: simple[wanted['where'][value]]}
    near = {value for kind, value in kinds if kind == 'numa'}
    entries = [{**wanted['pci'][value], 'numa': 'same' if value in near else None} for kind, value in sorted(
        one for one in kinds if one[0] == 'pci')]
    return all(tests[kind](value) for kind, value in kinds if kind in tests) and gives(node, entries)


def gives(node, entries):
    """Whether the node has devices for all of the entries, by trying every assignment."""
    if not entries:
        return True
    ready = [one for one in node['devices'] if one['state'] == 'ready']
    places = {one['address']: place for place, one in enumerate(ready)}
    shape = Shape(tuple(places.get(one['parent']) for one in ready), (None,) * len(ready), False)
    asked = [Entry(sum(1 << place for place, one in enumerate(ready)
                       if any(one['product_id'] in MEANS[flavor] for flavor in entry['flavors'])), entry['count'],
                   entry.get('numa') == 'same') for entry in entries]
    return bool(boards.every(shape, [one['numa_node'] for one in ready], asked))


def constraints(wanted, group):
    """[(kind, value)] of a request as JSON."""
    pci = wanted.get('pci', [])
    return [*([('resource_class', wanted['resource_class'])] if 'resource_class' in wanted else []),
            *(('trait', trait) for trait in wanted.get('traits', [])),
            *(('forbidden_trait', trait) for trait in wanted.get('forbidden_traits', [])),
            *(('where', place) for place in range(len(wanted.get('where', [])))), ('free', None),
            *(('pci', place) for place in range(len(pci))),
            *(('numa', place) for place, entry in enumerate(pci) if entry.get('numa') and entry['count'] > 1),
            *([('placement_group', None)] if wanted.get('placement_group') and group['hard'] else []),
            *([('count', None)] if wanted.get('count', 1) > 1 else [])]


def is_granted(there, group, wanted, kinds=None):
    """Whether nodes for the request exist if only these constraints count, by trying every set of nodes."""
    kinds = constraints(wanted, group) if kinds is None else kinds
    there = [node for node in there if 'owner' not in wanted or node['owner'] == wanted['owner']]
    fit = [node for node in there if meets(node, wanted, kinds)]
    count = wanted.get('count', 1) if ('count', None) in kinds else 1
    if ('placement_group', None) not in kinds:
        return len(fit) >= count
    everywhere = {node['uuid']: domain(node, group) for node in there}
    return any(allows(some, group, everywhere, wanted, there) for some in itertools.combinations(fit, count))


def domain(node, group):
    return node['uuid'] if group['scope'] == 'node' else node['domains'].get(group['scope'])


def allows(some, group, everywhere, wanted, there):
    """Whether a hard group lets these nodes become members, by the letter of docs/scheduling.md."""
    new = [domain(node, group) for node in some]
    old = [one for one in members(group, wanted) if one is not None]
    if None in new:
        return False
    if group['policy'] == 'affinity':
        return len(set(new)) == 1 and (not old or new[0] in old)
    if group['policy'] == 'anti-affinity':
        return len(set(new)) == len(new) and not set(new) & set(old)
    sort = [node for node in there if meets(node, wanted, {one for one in constraints(wanted, group)
                                                           if one[0] in ('resource_class', 'trait', 'forbidden_trait', 'where')})]
    domains = {domain(node, group) for node in sort} | set(old)
    share = math.ceil((len(group['members']) + wanted.get('count', 1)) / max(1, len(domains - {None})))
    return all((old + new).count(one) <= share for one in set(new))


def members(group, wanted):
    return wanted['_members'] if '_members' in wanted else group['members_domains']
