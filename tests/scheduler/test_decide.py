"""Decisions beside brute force: granted exactly when they can be, to nodes that fit; and why not, which is minimal and true."""

import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.scheduler import decide, request
from ingot.scheduler.site import Site
from tests.scheduler import sites


@settings(max_examples=300)
@given(st.integers(0, 1 << 40))
def test_it_is_granted_exactly_when_it_can_be(seed):
    nodes, group, wanted = sites.case(seed)
    there = Site(nodes, sites.FLAVORS, [group])
    found = decide.decide(there, request.read(wanted))
    assert bool(found.candidates) is sites.is_granted(nodes, group, wanted)
    assert (found.why is None) is bool(found.candidates)
    by_uuid = {node['uuid']: node for node in nodes}
    chosen = [by_uuid[one.node] for one in found.candidates]
    every = set(sites.constraints(wanted, group))
    for one, node in zip(found.candidates, chosen, strict=True):
        assert sites.meets(node, wanted, every)
        assert one.generation == node['generation']
        assert [len(uuids) for uuids in one.pci] == [entry['count'] for entry in wanted.get('pci', [])]
        assert {uuid for uuids in one.pci for uuid in uuids} <= {device['uuid'] for device in node['devices']}
    if chosen and wanted.get('count', 1) > 1:
        assert len({node['uuid'] for node in chosen}) == wanted['count'] == len(chosen)
        assert ('placement_group', None) not in every or sites.allows(chosen, group, wanted, own(nodes, wanted))


def own(nodes, wanted):
    return [node for node in nodes if 'owner' not in wanted or node['owner'] == wanted['owner']]


@settings(max_examples=300)
@given(st.integers(0, 1 << 40))
def test_why_is_minimal_and_each_change_helps(seed):
    nodes, group, wanted = sites.case(seed)
    there = Site(nodes, sites.FLAVORS, [group])
    why = decide.decide(there, request.read(wanted)).why
    if why is None:
        return
    blocking = [(one['constraint'], key(one)) for one in why['blocking']]
    every = sites.constraints(wanted, group)
    if not own(nodes, wanted):
        assert not blocking
        assert 'no node' in why['summary']
        return
    smallest = next(size for size in range(len(every) + 1) for some in itertools.combinations(every, size)
                    if not sites.is_granted(nodes, group, wanted, set(some)))
    assert why['is_smallest']
    assert len(blocking) == smallest
    assert set(blocking) <= set(every)
    assert not sites.is_granted(nodes, group, wanted, set(blocking))
    for change in why['relax']:
        assert is_granted_after(change['changes'], nodes, group, wanted), change['text']
    assert [one['price'] for one in why['relax']] == sorted(one['price'] for one in why['relax'])


def key(one):
    """The value of a constraint as sites.constraints has it."""
    place = re.search(r'\[(\d)\]', one['member'])
    is_named = one['constraint'] in ('resource_class', 'trait', 'forbidden_trait')
    return int(place[1]) if place else one['value'] if is_named else None


def is_granted_after(changes, nodes, group, wanted):
    """Whether it would be granted with the request changed as the data says."""
    wanted = {**wanted, 'pci': [dict(entry) for entry in wanted.get('pci', [])]}
    for change in changes:
        member, old, new = change['member'], change['from'], change['to']
        if place := re.fullmatch(r'pci\[(\d)\](?:\.(\w+))?', member):
            wanted['pci'][int(place[1])][place[2] or 'count'] = new or (None if place[2] else 0)
        elif member == 'free':
            nodes = [{**node, 'is_free': True} for node in nodes]
        elif member == 'placement_group.hard':
            group = {**group, 'hard': new}
        elif member.startswith('where'):
            wanted['where'] = [] if new is None else [new]
            if new:
                count = int(new.rsplit(' ', 1)[1])
                nodes = [node for node in nodes if (node['attributes']['cpu']['count'] >= count) is ('>' in new)
                         or node['attributes']['cpu']['count'] == count]
                wanted['where'] = []
        elif member in ('traits', 'forbidden_traits'):
            wanted[member] = [trait for trait in wanted[member] if trait != old]
        else:
            wanted[member] = new
    wanted['pci'] = [entry for entry in wanted['pci'] if entry['count']]
    return sites.is_granted(nodes, group, {name: value for name, value in wanted.items() if value is not None})
