"""How much of a flavor there is, beside trying everything; and how long why takes of a request that says very much."""

import time

import pytest

from ingot import errors
from ingot.scheduler import decide, request
from ingot.scheduler.capacity import capacity
from ingot.scheduler.site import Site
from tests.scheduler import boards, sites


@pytest.mark.parametrize('seed', range(60))
def test_capacity_is_what_requests_would_be_granted(seed):
    nodes, _, _ = sites.case(seed)
    there = Site(nodes, sites.FLAVORS)
    for name in sites.MEANS:
        found = capacity(there, name)
        expected = {node['uuid']: max(count for count in range(5) if count == 0 or sites.gives(node, [
            {'flavors': [name], 'count': count}])) for node in nodes if node['is_free']}
        assert {row['node']: row['satisfiable'] for row in found['nodes']} == {
            uuid: most for uuid, most in expected.items() if most}
        assert found['satisfiable'] == sum(expected.values())
        ready = [device for node in nodes if node['is_free'] for device in node['devices'] if device['state'] == 'ready']
        assert found['devices'] == sum(device['product_id'] in sites.MEANS[name] for device in ready)
        assert found['exclusive'] == (found['devices'] - found['shared'].get('any', 0) if name != 'any' else
                                      sum(device['product_id'] == '00c0' for device in ready))


def test_a_card_counts_once_whole_or_as_its_vfs():
    rows = [boards.device(0, vendor_id='10de', product_id='00a0')] + [
        boards.device(place, vendor_id='10de', product_id='00b0', parent='0000:00:00.0') for place in (1, 2)]
    found = capacity(Site([{'uuid': 'n', 'name': 'one', 'devices': rows}], sites.FLAVORS), 'any')
    assert found == {'flavor': 'any', 'devices': 3, 'exclusive': 0, 'shared': {'gpu': 1, 'nic': 2}, 'satisfiable': 2,
                     'nodes': [{'node': 'n', 'name': 'one', 'devices': 3, 'satisfiable': 2}]}
    with pytest.raises(errors.Invalid, match='no PCI flavor'):
        capacity(Site(), 'any')


def test_the_longest_request_is_explained_in_time():
    """Sixteen entries, a hundred traits, each trait missing on another node: no small set blocks."""
    traits = [f'T{number}' for number in range(100)]
    nodes = [{'uuid': f'n{place}', 'traits': [trait for trait in traits if trait != traits[place % 12]],
              'devices': [boards.device(one, vendor_id='10de', product_id='00a0') for one in range(16)]} for place in range(200)]
    began = time.process_time()
    why = decide.decide(Site(nodes, sites.FLAVORS), request.read({
        'traits': traits, 'pci': [{'flavors': ['gpu'], 'count': 1}] * 16})).why
    assert time.process_time() - began < 10
    assert {one['value'] for one in why['blocking']} == set(traits[:12])
    assert not why['is_smallest']
    assert [one['nodes'] for one in why['relax']] == [17] * 8


SAID = [
    ({'resource_class': 'silver'}, 'There is no node of resource class silver. What would help: resource class gold (3 nodes).'),
    ({'pci': [{'flavors': ['gpu'], 'count': 2}]}, 'There is no node that can give 2 of gpu. The most that one can give is 1. '
     'What would help: without the 2 of gpu (3 nodes).'),
    ({'pci': [{'flavors': ['nic']}]}, "There is no node that can give 1 of nic. nic: No device has product_id '00b0'; the "
     "nearest has product_id '00a0' (1 match everything else). What would help: without the 1 of nic (3 nodes)."),
    ({'pci': [{'flavors': ['gpu']}]}, 'None of the 3 nodes that can give 1 of gpu is free: 2 in use, 1 in maintenance. '
     'What would help: without the 1 of gpu (3 nodes); or waiting for nodes that are taken now (3 nodes).'),
    ({'where': ['cpu.count >= 64']}, 'There is no node with cpu.count >= 64. What would help: '
     'cpu.count >= 40 instead of cpu.count >= 64 (1 node); or without cpu.count >= 64 (3 nodes).'),
    ({'where': ['cpu.count >= 32'], 'count': 3}, '3 nodes with cpu.count >= 32 are asked for at once, and there are 2. '
     'What would help: cpu.count >= 24 instead of cpu.count >= 32 (3 nodes); or without cpu.count >= 32 (3 nodes); or 2 instead of 3 nodes '
     '(2 nodes).'),
    ({'placement_group': 'web', 'count': 2}, 'Placement group web (hard anti-affinity, by rack) and its 1 member: there is '
     'room for 1 of 2 nodes; considered: 6 nodes. What would help: placement group web soft instead of hard (3 nodes); or 1 instead of 2 '
     'nodes (3 nodes).'),
    ({'owner': 'me'}, 'me owns no node and has been lent none.'),
]


def test_what_why_says():
    card = boards.device(0, vendor_id='10de', product_id='00a0')
    nodes = [{'uuid': f'n{place}', 'resource_class': 'gold', 'is_free': place > 2, 'domains': {'rack': f'r{place % 2}'},
              'reason': ('in use', 'in maintenance')[place % 2], 'attributes': {'cpu': {'count': 8 * place}},
              'devices': [card] if place < 3 else []}
             for place in range(6)]
    there = Site(nodes, sites.FLAVORS, [{'name': 'web', 'policy': 'anti-affinity', 'scope': 'rack', 'members': ['n1']}])
    for wanted, sentence in SAID:
        assert decide.decide(there, request.read(wanted)).why['summary'] == sentence
