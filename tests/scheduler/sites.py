"""Small sites and requests by chance, and what may be decided there, by trying everything."""

import itertools
import math
import random

from ingot.scheduler import request
from ingot.scheduler.assign import Entry
from ingot.scheduler.board import Shape
from tests.scheduler import boards

FLAVORS = [{'name': 'gpu', 'match': [{'product_id': '00a0'}]}, {'name': 'nic', 'match': [{'product_id': '00b0'}]},
           {'name': 'any', 'match': [{'vendor_id': '10de'}]}]
MEANS = {'gpu': {'00a0'}, 'nic': {'00b0'}, 'any': {'00a0', '00b0', '00c0'}}


def devices(chance, number):
    found = []
    for place in range(chance.randint(0, 3)):
        parent = found[0]['address'] if found and chance.random() < 0.25 else None
        one = boards.device(place, vendor_id='10de', product_id=chance.choice(['00a0', '00b0', '00c0']), parent=parent,
                            numa_node=chance.choice([0, 1]), state=chance.choice(['ready'] * 4 + ['not_ready']))
        found.append({**one, 'uuid': f'n{number}d{place}'})
    return found


def node(chance, number):
    return {'uuid': f'n{number}', 'generation': number, 'name': f'node-{number}', 'resource_class': chance.choice('ab'),
            'traits': some(chance, ['T', 'U']), 'owner': chance.choice([None, 'me', 'me']),
            'domains': {'rack': chance.choice(['r1', 'r2', 'r3', None]), 'chassis': chance.choice(['c1', None])},
            'attributes': {'cpu': {'count': chance.choice([8, 16, 32])}},
            'is_free': chance.random() < 0.8, 'reason': 'in use', 'devices': devices(chance, number)}


def some(chance, values, least=0):
    return sorted(chance.sample(values, chance.randint(least, len(values))))


def group(chance, most):
    return {'name': 'g', 'policy': chance.choice(request.POLICIES), 'scope': chance.choice(['node', 'rack']),
            'hard': chance.random() < 0.8, 'members': [f'n{chance.randrange(most)}' for _ in range(chance.randint(0, 2))]}


def wish(chance):
    """A request as JSON, of some of its members."""
    wanted = some(chance, ['T', 'U'])
    entries = [{'flavors': some(chance, sorted(MEANS), 1)[:2], 'count': chance.randint(1, 2),
                **({'numa': 'same'} if chance.random() < 0.5 else {})} for _ in range(chance.randint(1, 2))]
    whole = {'resource_class': chance.choice('ab'), 'traits': wanted, 'forbidden_traits': sorted({'T', 'U'} - set(wanted)),
             'where': [chance.choice(['cpu.count >= 16', 'cpu.count < 32', 'cpu.count == 8 or cpu.count == 32'])],
             'pci': entries, 'count': chance.randint(1, 3), 'placement_group': 'g', 'owner': 'me',
             'strategy': chance.choice(request.STRATEGIES), 'preferred_traits': wanted}
    return {name: whole[name] for name in some(chance, sorted(whole), 1)}


def case(seed):
    """(nodes, group, request) of a site of up to six nodes, by this seed."""
    chance = random.Random(seed)
    nodes = [node(chance, number) for number in range(chance.randint(1, 6))]
    found, by_uuid = group(chance, len(nodes)), {one['uuid']: one for one in nodes}
    found['members_domains'] = [domain(by_uuid[member], found) for member in found['members']]
    return nodes, found, wish(chance)


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
    return any(allows(some, group, wanted, there) for some in itertools.combinations(fit, count))


def domain(node, group):
    return node['uuid'] if group['scope'] == 'node' else node['domains'].get(group['scope'])


def allows(some, group, wanted, there):
    """Whether a hard group lets these nodes become members, by the letter of docs/scheduling.md."""
    new = [domain(node, group) for node in some]
    old = [one for one in group['members_domains'] if one is not None]
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
