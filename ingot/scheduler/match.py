"""Which PCI devices a flavor, or a line of a host's list, means: a list (any of) of objects (all of) {attribute: condition}.

A condition is a value (equal), a list of values (any of), or an object of operators, all of which must hold:
``{"glob": "10*"}`` (``*`` stands for any text; there are no regular expressions), ``{"<": 4}``, ``<=``, ``>``, ``>=``,
``{"!=": x}``. null means that the device has no such attribute. Identifiers are hexadecimal (PCI Local Bus Specification, 6.1):
lower-case text without 0x, compared without regard to case or a leading 0x.
"""

import difflib
import operator
import re

from ingot import errors

#: Attribute -> what it is: hexadecimal text of so many digits, 'number', 'text'.
ATTRIBUTES = {
    'address': 'text', 'vendor_id': 4, 'product_id': 4, 'subsystem_vendor_id': 4, 'subsystem_id': 4, 'class_id': 6,
    'revision': 2, 'driver': 'text', 'function': 'text', 'numa_node': 'number', 'max_vfs': 'number', 'link_speed': 'number',
    'link_width': 'number', 'max_link_speed': 'number', 'max_link_width': 'number', 'unit': 'text',
}
#: Those that people write in either case.
_CASELESS = {name for name, kind in ATTRIBUTES.items() if isinstance(kind, int)} | {'address'}
ORDER = {'<': operator.lt, '<=': operator.le, '>': operator.gt, '>=': operator.ge}
OPERATORS = ('glob', *ORDER, '!=')
MAPS, CONDITIONS, VALUES, STARS, LENGTH = 100, 32, 1000, 4, 255
_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_.:-]{0,63}')


def attributes(device):
    """What can be asked of a device: its attributes and labels in one dict; ``extra_info`` wins over operators' ``labels``.

    ``device`` is a row of the table or a dict like it; a label with the name of an attribute does not count.
    """
    found = {**(device.get('labels') or {}), **(device.get('extra_info') or {})}
    for name in ATTRIBUTES:
        found.pop(name, None)
        if (value := device.get(name)) is not None:
            found[name] = normal(name, value)
    return found


def check(value, allowed=None):
    """Refuse what is no match; errors.Invalid names the attribute or operator and what would be accepted.

    ``allowed``: names that may be used, attributes and labels; None: every attribute, and every label.
    """
    if not isinstance(value, list) or not value or len(value) > MAPS:
        raise errors.Invalid(f'A match is a list of 1 to {MAPS} objects {{attribute: condition}}, not {_short(value)}.')
    for number, each in enumerate(value):
        if not isinstance(each, dict) or not each or len(each) > CONDITIONS:
            raise errors.Invalid(f'match[{number}] must be an object of 1 to {CONDITIONS} conditions, not {_short(each)}.',
                                 remedy='Name at least one attribute, such as {"vendor_id": "10de"}.')
        for name, condition in each.items():
            _check_name(name, allowed)
            _check_condition(name, condition)
    if (count := sum(_values(condition) for each in value for condition in each.values())) > VALUES:
        raise errors.Invalid(f'The match names {count} values; at most {VALUES} are accepted.', remedy='Use a glob, or labels.')


def _check_name(name, allowed):
    if _NAME.fullmatch(name) if allowed is None else name in allowed:
        return
    known = sorted(ATTRIBUTES if allowed is None else allowed)
    near = difflib.get_close_matches(name, known, 1)
    raise errors.Invalid(f'{_short(name)} is no attribute that a match may name{f"; did you mean {near[0]}" if near else ""}.',
                         remedy=f'Accepted: {", ".join(known)}.')


def _check_condition(name, condition):
    if isinstance(condition, dict):
        if not condition:
            raise errors.Invalid(f'The condition on {name} is empty.', remedy=f'Operators: {", ".join(OPERATORS)}.')
        for sign, operand in condition.items():
            _check_operator(name, sign, operand)
    elif isinstance(condition, list):
        if not condition:
            raise errors.Invalid(f'The list for {name} is empty, so no device would match.',
                                 remedy='Name a value, or leave it out.')
        for one in condition:
            _check_value(name, one)
    else:
        _check_value(name, condition)


def _check_operator(name, sign, operand):
    if sign in ORDER:
        if not _is_number(operand) or ATTRIBUTES.get(name, 'number') != 'number':
            raise errors.Invalid(f'{name} {sign} {_short(operand)}: only numbers have an order.',
                                 remedy='Compare a number with a number, or use equality, a list or a glob.')
    elif sign == 'glob':
        if not isinstance(operand, str) or not 0 < len(operand) <= LENGTH or operand.count('*') > STARS \
                or ATTRIBUTES.get(name) == 'number':
            raise errors.Invalid(f'The glob {_short(operand)} for {name} is refused.',
                                 remedy=f'A glob is text of at most {LENGTH} characters, at most {STARS} of them *; no number.')
    elif sign == '!=':
        _check_value(name, operand)
    else:
        raise errors.Invalid(f'{_short(sign)} is no operator (attribute {name}).', remedy=f'Operators: {", ".join(OPERATORS)}.')


def _check_value(name, value):
    kind = ATTRIBUTES.get(name)
    if value is None:
        return
    if kind == 'number' and not _is_number(value):
        raise errors.Invalid(f'{name} is a number, not {_short(value)}.')
    if kind == 'text' and not isinstance(value, str):
        raise errors.Invalid(f'{name} is text, not {_short(value)}.')
    if isinstance(kind, int) and not (isinstance(value, str) and re.fullmatch(f'[0-9a-f]{{{kind}}}', normal(name, value))):
        raise errors.Invalid(f'{name} is text of {kind} hexadecimal digits, not {_short(value)}.',
                             remedy=f'For more than one: {{"{name}": {{"glob": "10*"}}}}.')
    if kind is None and not (isinstance(value, (str, bool)) or _is_number(value)):
        raise errors.Invalid(f'The label {name} is text, a number or a boolean, not {_short(value)}.')
    if isinstance(value, str) and len(value) > LENGTH:
        raise errors.Invalid(f'A value for {name} has {len(value)} characters; at most {LENGTH} are accepted.')


def normal(name, value):
    """A value of an attribute as it is compared."""
    if name in _CASELESS and isinstance(value, str):
        value = value.lower()
        return value.removeprefix('0x') if name != 'address' else value
    return value


def compiled(value):
    """A function that says of a dict of attributes whether the (checked) match means it."""
    tests = [[(name, _condition(name, condition)) for name, condition in each.items()] for each in value]
    return lambda device: any(all(holds(device.get(name)) for name, holds in each) for each in tests)


def _condition(name, condition):
    """A function that says of a value whether it meets the condition."""
    if isinstance(condition, dict):
        parts = [_operator(name, sign, operand) for sign, operand in condition.items()]
        return parts[0] if len(parts) == 1 else lambda value: all(part(value) for part in parts)
    wanted = {_key(normal(name, one)) for one in (condition if isinstance(condition, list) else [condition])}
    return lambda value: _key(value) in wanted


def _operator(name, sign, operand):
    operand = normal(name, operand)
    if sign == '!=':
        return lambda value: _key(value) != _key(operand)
    if sign == 'glob':
        parts = operand.split('*')
        return lambda value: isinstance(value, str) and globs(parts, value)
    compare = ORDER[sign]
    return lambda value: _is_number(value) and compare(value, operand)


def globs(parts, text):
    """Whether text is these parts in their order with anything between; linear in its length."""
    if len(parts) == 1:
        return text == parts[0]
    if not text.startswith(parts[0]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return text.endswith(parts[-1]) and len(text) - len(parts[-1]) >= at


def nearest(value, devices):
    """What keeps a match from meaning any of the devices: the device that fails the fewest conditions tells it.

    None where one is meant, or where there are no devices; else ``{'attribute', 'condition', 'nearest' (the value that the
    device has), 'failing' (how many conditions it fails), 'devices' (how many fail just this one), 'sentence'}``.
    """
    if not (devices := list(devices)):
        return None
    best = None
    for each in value:
        tests = [(name, condition, _condition(name, condition)) for name, condition in each.items()]
        for device in devices:
            failed = [(name, condition) for name, condition, holds in tests if not holds(device.get(name))]
            if not failed:
                return None
            name, condition = failed[0]
            rank = len(failed), _distance(condition, device.get(name)), name, str(device.get(name))
            if best is None or rank < best[0]:
                best = rank, each, name, condition, device
    rank, each, name, condition, device = best
    others = [(other, _condition(other, wanted)) for other, wanted in each.items() if other != name]
    count = sum(all(holds(one.get(other)) for other, holds in others) for one in devices)
    has = f'{name} {_short(device[name])}' if device.get(name) is not None else f'no {name}'
    return {'attribute': name, 'condition': condition, 'nearest': device.get(name), 'failing': rank[0], 'devices': count,
            'sentence': f'No device has {name} {describe(condition)}; the nearest has {has}'
                        + (f' ({count} match everything else).' if rank[0] == 1 else f', and fails {rank[0]} conditions.')}


def describe(condition):
    """A condition in words: 'in 1db5, 1db6', '>= 16', 'like 10*'."""
    if isinstance(condition, dict):
        return ' and '.join(f'{"like" if sign == "glob" else sign} {_short(operand)}' for sign, operand in condition.items())
    if isinstance(condition, list):
        return 'in ' + ', '.join(map(_short, condition[:8])) + (' ...' if len(condition) > 8 else '')
    return _short(condition)


def _distance(condition, value):
    """How far a value is from the condition, 0 to 1; 1 where that cannot be said."""
    wanted = [*condition.values()] if isinstance(condition, dict) else condition if isinstance(condition, list) else [condition]
    if _is_number(value):
        return min((abs(value - one) / (abs(value) + abs(one) or 1) for one in wanted if _is_number(one)), default=1)
    if isinstance(value, str):
        return min((1 - difflib.SequenceMatcher(None, value, one.lower()).ratio() for one in wanted[:8] if isinstance(one, str)),
                   default=1)
    return 1


def _key(value):
    """Equal values have equal keys; true is not 1, and a label may be a list."""
    return value if value is None or isinstance(value, str) or _is_number(value) else repr(value).encode()


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _values(condition):
    return len(condition) if isinstance(condition, (list, dict)) else 1


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
