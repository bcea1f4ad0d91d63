"""Conditions of rules: what each operator asks of its arguments, true or false."""

import ipaddress
import itertools
import operator
import re

from ingot import errors

#: Characters of a value that a regular expression is tried on.
_MOST = 4096
_EMPTY = ('', 'None', '[]', '{}')


def _chain(compare):
    """True when ``compare`` holds between each value and the next."""
    def check(values, force_strings=False):
        if not isinstance(values, list):
            raise errors.Invalid('values must be a list')
        return all(_related(compare, *pair, force_strings) for pair in itertools.pairwise(values))
    return check


def _related(compare, left, right, force_strings):
    if force_strings:
        left, right = str(left), str(right)
    numbers = _number(left), _number(right)
    if not force_strings and None not in numbers:
        return compare(*numbers)
    if type(left) is not type(right):
        if compare is operator.eq:
            return str(left) == str(right)
        raise errors.Invalid(f'a {type(left).__name__} and a {type(right).__name__} have no order')
    try:
        return compare(left, right)
    except TypeError:
        raise errors.Invalid(f'values of type {type(left).__name__} have no order') from None


def _number(value):
    """``value`` as a number when it is one, or a text of one; truth values are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not re.fullmatch(r'-?[0-9]{1,18}(\.[0-9]{1,18})?', value, re.ASCII):
        return None
    return float(value) if isinstance(value, str) and '.' in value else int(value) if isinstance(value, str) else value


def is_empty(value=None):
    return str(value) in _EMPTY


def is_in_net(address, subnet):
    try:
        return ipaddress.ip_address(str(address)) in ipaddress.ip_network(str(subnet), strict=False)
    except ValueError as error:
        raise errors.Invalid(str(error)) from None


def matches(value, regex):
    """The whole value."""
    return re.fullmatch(regex, str(value)[:_MOST]) is not None


def contains(value, regex):
    return re.search(regex, str(value)[:_MOST]) is not None


def is_one_of(value, values=()):
    return any(_related(operator.eq, value, one, False) for one in values)


def is_true(value=None):
    return value.lower() in ('yes', 'true') if isinstance(value, str) else isinstance(value, (bool, int, float)) and bool(value)


def is_false(value=None):
    if isinstance(value, str):
        return value.lower() in ('no', 'false')
    return value is None or (isinstance(value, (bool, int, float)) and not value)


#: operator: (function of its arguments, those that it needs, those that it also takes)
OPERATORS = {
    'eq': (_chain(operator.eq), ('values',), ('force_strings',)),
    'lt': (_chain(operator.lt), ('values',), ('force_strings',)),
    'gt': (_chain(operator.gt), ('values',), ('force_strings',)),
    'is-empty': (is_empty, ('value',), ()),
    'in-net': (is_in_net, ('address', 'subnet'), ()),
    'matches': (matches, ('value', 'regex'), ()),
    'contains': (contains, ('value', 'regex'), ()),
    'one-of': (is_one_of, ('value',), ('values',)),
    'is-none': (lambda value=None: value is None, ('value',), ()),
    'is-true': (is_true, ('value',), ()),
    'is-false': (is_false, ('value',), ()),
}
