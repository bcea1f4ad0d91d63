"""Backfilling: which resource class and traits rules give to nodes that have none.

A rule is a dict: conditions, as inspection rules have them, and ``set``: {resource_class, traits}, which may refer to facts
as well: {"resource_class": "bm-{inventory[cpu][count]}"}. Of each node the first rule whose conditions are true decides.
"""

from typing import NamedTuple

from ingot import errors
from ingot.rules import reference, rule

_MEMBERS = {'description', 'conditions', 'set'}
_MOST = 100


class Outcome(NamedTuple):
    """What becomes of one node: ``values`` that change, by which ``rule`` (its number, from 0), or ``why`` nothing does."""

    values: dict
    rule: int | None = None
    why: str | None = None


def check(rules):
    """Invalid when a rule is malformed, or knows an operator, a path or a reference that there is not."""
    if not isinstance(rules, list) or not 1 <= len(rules) <= _MOST:
        raise errors.Invalid(f'rules must be a list of 1 to {_MOST} objects.')
    for number, one in enumerate(rules):
        if not isinstance(one, dict) or not {'set'} <= one.keys() <= _MEMBERS or not isinstance(one.get('description', ''), str):
            raise errors.Invalid(f'rules/{number}: expected an object with set, and nothing but {", ".join(sorted(_MEMBERS))}.')
        _check_set(number, one['set'])
        try:
            rule.check(one.get('conditions', []), _actions(one['set']))
        except errors.Invalid as error:
            raise errors.Invalid(f'rules/{number}/{error}') from None


def _check_set(number, wanted):
    if not isinstance(wanted, dict) or not wanted or not wanted.keys() <= {'resource_class', 'traits'}:
        raise errors.Invalid(f'rules/{number}/set: expected an object with resource_class, traits, or both.')
    name, traits = wanted.get('resource_class', 'x'), wanted.get('traits', ['x'])
    if not isinstance(name, str) or not name:
        raise errors.Invalid(f'rules/{number}/set/resource_class: expected a text that is not empty.')
    if not isinstance(traits, list) or not traits or not all(isinstance(trait, str) for trait in traits):
        raise errors.Invalid(f'rules/{number}/set/traits: expected a list of names that is not empty.')


def decide(rules, node, inventory, plugin_data, *, is_overwriting=False):
    """The Outcome for ``node`` (a row, JSON parsed). What it has already stays, unless ``is_overwriting``."""
    facts, untold = {'node': node, 'inventory': inventory, 'plugin_data': plugin_data}, []
    for number, one in enumerate(rules):
        try:
            if rule.applies(one.get('conditions', []), facts):
                return _outcome(number, one, node, inventory, plugin_data, is_overwriting)
        except (errors.IngotError, reference.Missing) as error:      # what is not known of a node is not true of it
            untold.append(f'rule {number} cannot be carried out: {error}')
    return Outcome({}, None, '; '.join(untold) or 'the conditions of no rule are true of it')


def _outcome(number, one, node, inventory, plugin_data, is_overwriting):
    wanted = one['set']
    draft = rule.run([{'uuid': str(number), 'conditions': [], 'actions': _actions(wanted)}], {**node, 'traits': []}, [],
                     inventory, plugin_data)
    values, kept = {}, []
    for name in ('resource_class', 'traits'):
        if name in wanted and node[name] != draft.node[name]:
            if node[name] and not is_overwriting:
                kept.append(f'it has {name} {node[name] if isinstance(node[name], str) else ", ".join(node[name])}')
            else:
                values[name] = draft.node[name]
    return Outcome(values, number, '; '.join(kept) or (None if values else 'it is so already'))


def _actions(wanted):
    actions = [{'op': 'add-trait', 'args': {'name': trait}} for trait in wanted.get('traits', ())]
    if 'resource_class' in wanted:
        actions.append({'op': 'set-attribute', 'args': {'path': 'resource_class', 'value': wanted['resource_class']}})
    return actions
