"""Rules: whether one is well formed, and what all of them make of an inspected node.

A rule is a dict: uuid, conditions [{op, args, loop?, multiple?}] that must all be true, actions [{op, args, loop?}].
"""

import re

from ingot import errors
from ingot.rules import action, condition, hook, reference

_MULTIPLE = {'any': any, 'all': all, 'first': lambda results: bool(results) and results[0],
             'last': lambda results: bool(results) and results[-1]}
_MEMBERS = {'conditions': {'op', 'args', 'loop', 'multiple'}, 'actions': {'op', 'args', 'loop'}}
_MOST = 100
#: Texts that are shown to people: a reference to nothing is no reason not to show them.
_MESSAGES = ('fail', 'log')


def check(conditions, actions):
    """Invalid when an operator, an argument, a path, a regular expression or a reference is not known or malformed."""
    if not actions:
        raise errors.Invalid('A rule needs at least one action.')
    for what, steps in (('conditions', conditions), ('actions', actions)):
        if not isinstance(steps, list) or len(steps) > _MOST:
            raise errors.Invalid(f'{what} must be a list of at most {_MOST} objects.')
        for number, step in enumerate(steps):
            try:
                _check_step(what, step)
            except errors.Invalid as error:
                raise errors.Invalid(f'{what}/{number}: {error}') from None


def _check_step(what, step):
    members = _MEMBERS[what]
    if not isinstance(step, dict) or not {'op', 'args'} <= step.keys() <= members or not isinstance(step['op'], str):
        raise errors.Invalid(f'expected an object with op and args, and nothing but {", ".join(sorted(members))}')
    op = _operator(step['op'])[0] if what == 'conditions' else step['op']
    if step['op'] == 'api-call':
        raise errors.Invalid('api-call is not offered: inspection calls nobody outside. Read the change feed instead')
    table = condition.OPERATORS if what == 'conditions' else action.ACTIONS
    if op not in table:
        raise errors.Invalid(f'there is no op "{op[:50]}"; there are: {", ".join(table)}')
    if not isinstance(step.get('loop', []), (list, dict, str)):
        raise errors.Invalid('loop is a list, an object, or a reference to one')
    if not isinstance(step.get('multiple', 'any'), str) or step.get('multiple', 'any') not in _MULTIPLE:
        raise errors.Invalid(f'multiple is one of {", ".join(_MULTIPLE)}')
    reference.check(step.get('loop'))
    _check_arguments(op, _arguments(step, table[op]))


def _check_arguments(op, args):
    for name, value in args.items():
        if name == 'regex':
            _check_regex(value)
        else:
            reference.check(value)
    if 'path' in args and not isinstance(args['path'], str):
        raise errors.Invalid('path must be a text')
    if op.endswith('-attribute'):
        action.check_path(args['path'], action.PORT if '-port-' in op else action.NODE)


def _check_regex(value):
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise errors.Invalid(f'regex is no regular expression: {error}') from None


def _operator(op):
    """(name, whether it is inverted) of '!eq', '! eq' and 'eq'."""
    name = op.strip()
    return name.removeprefix('!').strip(), name.startswith('!')


def _arguments(step, entry):
    """{name: value} of the arguments, which may be a list, in their order; Invalid when they are not those of the op."""
    _, needed, optional = entry
    args, known = step['args'], (*needed, *optional)
    if isinstance(args, list) and len(args) <= len(known):
        args = dict(zip(known, args, strict=False))
    if not isinstance(args, dict) or not set(needed) <= args.keys() <= set(known):
        raise errors.Invalid(f'args of {step["op"][:50]} are {", ".join(known)}; needed: {", ".join(needed)}')
    return args


def run(rules, node, ports, inventory, plugin_data, hooks=(), background=hook.NO_BACKGROUND):
    """The action.Draft of what ``hooks`` (names; see hook.run), and then ``rules`` (in the order in which they are to run) make
    of an inspected node.

    HardwareFailure names the rule that said "fail", or that could not be carried out.
    """
    draft = action.Draft.of(node, ports, plugin_data)
    hook.run(hooks, draft, inventory, background)
    for rule in rules:
        facts = {'node': draft.node, 'inventory': inventory, 'plugin_data': draft.plugin_data}
        try:
            if applies(rule['conditions'], facts):
                for step in rule['actions']:
                    _act(step, facts, draft)
        except (errors.IngotError, reference.Missing) as error:
            raise errors.HardwareFailure(f'Inspection rule {rule.get("description") or rule["uuid"]}: {error}') from None
    return draft


def applies(conditions, facts):
    """Whether all ``conditions`` are true of ``facts`` (node, inventory, plugin_data); IngotError when one cannot be told."""
    return all(_is_met(step, facts) for step in conditions)


def _is_met(step, facts):
    name, is_inverted = _operator(step['op'])
    results = [condition.OPERATORS[name][0](**args) is not is_inverted
               for args in _each(step, condition.OPERATORS[name], facts, None)]
    return _MULTIPLE[step.get('multiple', 'any') if step.get('loop') else 'all'](results)


def _act(step, facts, draft):
    for args in _each(step, action.ACTIONS[step['op']], facts, reference.Missing):
        action.ACTIONS[step['op']][0](draft, **args)


def _each(step, entry, facts, missing):
    """The filled arguments of ``step``, once for each item of its loop."""
    args = _arguments(step, entry)
    items = _filled(step['loop'], facts, missing, False) if step.get('loop') else [None]
    for item in items if isinstance(items, list) else [items] if items else []:
        known = {**facts, 'item': item} if step.get('loop') else facts
        yield {name: value if name == 'regex' else _filled(value, known, missing, step['op'] in _MESSAGES)
               for name, value in args.items()}


def _filled(value, facts, missing, is_lenient):
    """``value``, filled; None when it refers to nothing, if that is allowed (``missing`` is None)."""
    try:
        return reference.fill(value, facts, is_lenient=is_lenient)
    except reference.Missing:
        if missing is None:
            return [_filled(one, facts, None, is_lenient) for one in value] if isinstance(value, list) else None
        raise
