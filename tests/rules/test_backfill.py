"""Backfilling: which rule decides, and what stays."""

import pytest

from ingot.rules import backfill

NODE = {'uuid': 'u', 'resource_class': None, 'traits': [], 'properties': {'cpus': 8}, 'extra': {}}
GOLD, ANY = {'set': {'resource_class': 'gold', 'traits': ['CUSTOM_B', 'CUSTOM_A']}}, {'set': {'resource_class': 'any'}}


def never(rule):
    return {**rule, 'conditions': [{'op': 'eq', 'args': {'values': [1, 2]}}]}


def decide(rules, node=NODE, *, inventory=None, **kwargs):
    backfill.check(rules)
    return backfill.decide(rules, node, inventory or {}, {}, **kwargs)


@pytest.mark.parametrize(('rules', 'number', 'values'), [
    ([GOLD, ANY], 0, {'resource_class': 'gold', 'traits': ['CUSTOM_A', 'CUSTOM_B']}), ([ANY, GOLD], 0, {'resource_class': 'any'}),
    ([never(GOLD), ANY], 1, {'resource_class': 'any'}), ([never(GOLD)], None, {})])
def test_the_first_rule_that_is_true_decides(rules, number, values):
    found = decide(rules)
    assert (found.rule, found.values) == (number, values)
    assert bool(found.why) is not bool(values)


@pytest.mark.parametrize(('has', 'values', 'why'), [
    ({'resource_class': 'mine'}, {'traits': ['CUSTOM_A', 'CUSTOM_B']}, 'it has resource_class mine'),
    ({'traits': ['CUSTOM_C', 'CUSTOM_D']}, {'resource_class': 'gold'}, 'it has traits CUSTOM_C, CUSTOM_D'),
    ({'resource_class': 'gold', 'traits': ['CUSTOM_A', 'CUSTOM_B']}, {}, 'it is so already')])
def test_what_a_node_has_stays(has, values, why):
    assert decide([GOLD], NODE | has) == (values, 0, why)


def test_unless_it_is_to_be_overwritten():
    assert decide([GOLD], NODE | {'resource_class': 'mine', 'traits': ['CUSTOM_C']}, is_overwriting=True) == (
        {'resource_class': 'gold', 'traits': ['CUSTOM_A', 'CUSTOM_B']}, 0, None)
    assert decide([ANY], NODE | {'traits': ['CUSTOM_C']}, is_overwriting=True).values == {'resource_class': 'any'}


def test_what_is_set_may_refer_to_facts():
    rules = [{'set': {'resource_class': 'bm-{inventory[cpu][count]}'}}]
    assert decide(rules, inventory={'cpu': {'count': 4}}).values == {'resource_class': 'bm-4'}
    assert 'there is no {inventory[cpu][count]}' in decide(rules).why
    assert decide([*rules, ANY]).values == {'resource_class': 'any'}


def test_secrets_are_not_to_be_had():
    found = decide([{'set': {'resource_class': '{node[driver_info][ipmi_password]}'}}],
                   NODE | {'driver_info': {'ipmi_password': 'very secret'}})
    assert found.values == {'resource_class': '***'}
