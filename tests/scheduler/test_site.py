"""The facts: changed one node at a time they are as if made anew; which devices count."""

import random
from collections import Counter

import pytest

from ingot import errors
from ingot.scheduler import board, decide, request
from ingot.scheduler.site import Site, natural
from tests.scheduler import boards, sites


@pytest.mark.parametrize('seed', range(40))
def test_changes_one_by_one_end_where_building_anew_does(seed):
    chance = random.Random(seed)
    _, group, wanted = sites.case(seed)
    there, now = Site([], sites.FLAVORS, [group]), {}
    for _ in range(25):
        number = chance.randrange(6)
        if chance.random() < 0.25:
            now.pop(f'n{number}', None)
            there.remove(f'n{number}')
        else:
            now[f'n{number}'] = sites.node(chance, number)
            there.put(now[f'n{number}'])
    anew = Site(now.values(), sites.FLAVORS, [group])
    assert decide.decide(there, request.read(wanted)) == decide.decide(anew, request.read(wanted))
    assert len(there) == len(anew) == len(now)
    assert len(there.boards.boards) == len(anew.boards.boards)
    assert +Counter(there.used) == +Counter(anew.used)


def given(*changes):
    """The addresses that may be given of three devices, the second a VF of the first, with these changes."""
    rows = [boards.device(0, function='pf'), boards.device(1, function='vf', parent='0000:00:00.0'), boards.device(2)]
    found = board.available([{**row, **change} for row, change in zip(rows, changes, strict=True)])
    return [int(one['uuid'][1]) for one in found]


CASES = [
    (({}, {}, {}), [0, 1, 2]), (({'state': 'not_ready'}, {}, {}), [1, 2]), (({}, {}, {'offered': False}), [0, 1]),
    (({}, {}, {'allocation_id': 7}), [0, 1]), (({}, {}, {'reserved_for': 'pxe'}), [0, 1]),
    (({'state': 'in_use'}, {}, {}), [2]), (({}, {'state': 'claimed'}, {}), [2]), (({}, {'state': 'draining'}, {}), [2]),
    (({}, {'state': 'failed'}, {}), [0, 2]), (({}, {'reserved_for': 'pxe'}, {}), [2]),
    (({'unit': 'u'}, {}, {'unit': 'u'}), [0, 1, 2]), (({'unit': 'u'}, {}, {'unit': 'u', 'state': 'failed'}), [1]),
    (({'unit': 'u'}, {}, {'unit': 'u', 'state': 'removed'}), [0, 1]),
]


@pytest.mark.parametrize(('changes', 'expected'), CASES)
def test_only_devices_that_may_be_given_count(changes, expected):
    assert given(*changes) == expected


def test_of_a_node_in_use_counts_what_it_will_give_when_it_is_free():
    row = boards.device(0, vendor_id='10de', product_id='00a0') | {'state': 'in_use', 'allocation_id': 3}
    there = Site([{'uuid': 'n', 'is_free': False, 'reason': 'in use', 'devices': [row]}], sites.FLAVORS)
    why = decide.decide(there, request.read({'pci': [{'flavors': ['gpu']}]})).why
    assert [one['constraint'] for one in why['blocking']] == ['free']
    assert why['relax'][0]['changes'] == [{'member': 'free', 'from': True, 'to': False}]


def test_names_that_are_not_there_are_refused():
    there = Site([{'uuid': 'n', 'name': 'one'}], sites.FLAVORS, [{'name': 'g', 'uuid': 'gg', 'policy': 'spread'}])
    assert decide.decide(there, request.read({'candidate_nodes': ['one'], 'placement_group': 'gg'})).candidates
    for wanted, words in (({'pci': [{'flavors': ['GPU']}]}, 'any, gpu, nic'), ({'placement_group': 'h'}, 'There are: g'),
                          ({'candidate_nodes': ['two']}, 'no node')):
        with pytest.raises(errors.Invalid) as caught:
            decide.decide(there, request.read(wanted))
        assert words in caught.value.explain()
    with pytest.raises(errors.Invalid, match="anti_affinity"):
        there.put_group({'name': 'x', 'policy': 'anti_affinity'})


def test_names_sort_as_people_read_them():
    assert sorted(['rack-10', 'rack-2', None, 'rack', '3'], key=natural) == ['3', 'rack', 'rack-2', 'rack-10', None]
