"""References to facts in the arguments of rules: ``{node[properties][cpus]}``, ``{inventory[bmc_address]}``, ``{item}``.

Only members of objects and places in lists are reached, by ``[name]`` or ``.name``: no attributes, calls or formats. A text
that is one reference and nothing else becomes the value itself, a number stays a number. ``{{`` and ``}}`` are braces.
"""

import re
import string

from ingot import errors

#: What rules may refer to; ``item`` in loops only.
ROOTS = ('node', 'inventory', 'plugin_data', 'item')
_FIELD = re.compile(r'(\w+)((?:\.[\w-]+|\[[^\[\]{}]+\])*)', re.ASCII)
_PART = re.compile(r'\.([\w-]+)|\[([^\[\]{}]+)\]', re.ASCII)
_SECRET = re.compile('password|secret|token|credential|_key$', re.IGNORECASE)
_HIDDEN = '***'


class Missing(LookupError):
    """There is no such fact."""


def check(value):
    """Invalid when a text in ``value`` is no text with references."""
    for text in _texts(value):
        for _, field, _, _ in _parse(text):
            if field is not None and _FIELD.fullmatch(field)[1] not in ROOTS:
                raise errors.Invalid(f'{{{field[:100]}}} refers to nothing; references begin with {", ".join(ROOTS)}.')


def fill(value, facts, *, is_lenient=False):
    """``value`` with every reference in it replaced by what ``facts`` ({root: value}) have there.

    Missing when they have nothing there. ``is_lenient``: such a reference stays as it is, for messages.
    """
    if isinstance(value, str):
        return _fill(value, facts, is_lenient)
    if isinstance(value, dict):
        return {_word(fill(name, facts, is_lenient=is_lenient)): fill(inner, facts, is_lenient=is_lenient)
                for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, facts, is_lenient=is_lenient) for inner in value]
    return value


def _fill(text, facts, is_lenient):
    parts = []
    for literal, field, _, _ in _parse(text):
        parts += [literal] if literal else []
        parts += [] if field is None else [_look_up(field, facts, is_lenient)]
    return parts[0] if len(parts) == 1 else ''.join(map(_word, parts))


def _look_up(field, facts, is_lenient):
    match = _FIELD.fullmatch(field)
    found, name = facts, match[1]
    try:
        found = found[name]
        for dotted, bracketed in _PART.findall(match[2]):
            name = dotted or bracketed
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (KeyError, IndexError, TypeError, ValueError):
        if is_lenient:
            return f'{{{field}}}'
        raise Missing(f'there is no {{{field}}}') from None
    return _HIDDEN if _SECRET.search(name) and found is not None else _masked(found)


def _masked(value):
    """What rules see holds no secrets: they would end in places that are shown."""
    if isinstance(value, dict):
        return {name: _HIDDEN if _SECRET.search(name) and inner is not None else _masked(inner)
                for name, inner in value.items()}
    return [_masked(inner) for inner in value] if isinstance(value, list) else value


def _parse(text):
    """(literal, field, '', None) for each part of ``text``; Invalid."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise errors.Invalid(f'A text with references is malformed: {error}. Write {{{{ and }}}} for braces.') from None
    for _, field, spec, conversion in parts:
        if field is not None and (spec or conversion or not _FIELD.fullmatch(field)):
            raise errors.Invalid(f'{{{field[:100]}}} is no reference such as {{inventory[cpu][count]}}.')
    return parts


def _texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(inner)


def _word(value):
    return value if isinstance(value, str) else str(value)
