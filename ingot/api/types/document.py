"""Reads documents and query strings by their WSME type; every refusal names the attribute and what is accepted.

WSME's own reader coerces (``3.9`` becomes 3, ``2`` true), lets ``null`` pass its mandatory checks and repeats the body in
its errors; this one only uses the declarations.
"""

import functools
import urllib.parse

from wsme import types

from ingot import errors


class Open(types.Base):
    """A type whose documents may have more members than it declares; those are taken as they are."""


@functools.cache
def attributes(cls):
    """{name: wsattr} of a WSME type."""
    return {attribute.name: attribute for attribute in types.list_attributes(cls)}


def read(cls, document, *, what='body', kind=errors.Invalid):
    """The attributes that ``document`` gives, validated, as a dict; those it leaves out are left out."""
    if not isinstance(document, dict):
        raise kind(f'The {what} must be a JSON object.')
    known = attributes(cls)
    is_open = issubclass(cls, Open)
    unknown = [name for name in document if (known[name].readonly if name in known else not is_open)]
    if unknown:
        raise kind(f'The {what} has attributes that are unknown or read only: {_list(unknown)}.')
    missing = [name for name, attribute in known.items() if attribute.mandatory and document.get(name) is None]
    if missing:
        raise kind(f'The {what} lacks: {", ".join(missing)}.')
    return {name: value(known[name], given, name, kind) if name in known else given for name, given in document.items()}


def value(attribute, given, name, kind=errors.Invalid):
    """One validated value."""
    try:
        return attribute.datatype.validate(given)
    except ValueError as error:
        raise kind(f'Invalid value for {name}: {error}.') from None


def query(cls, text):
    """The query string ``text`` by its WSME type, as a dict; unknown and repeated arguments are refused."""
    if not text:
        return {}
    known, given = attributes(cls) if cls else {}, {}
    for name, argument in _pairs(text):
        if name not in known:
            raise errors.Invalid(f'Unknown query argument: {name[:100]}. Known here: {", ".join(known) or "none"}.')
        try:
            parsed = known[name].datatype.parse(argument)
        except ValueError as error:
            raise errors.Invalid(f'Invalid value for {name}: {error}.') from None
        if name in given and not isinstance(parsed, list):
            raise errors.Invalid(f'The query argument {name} was given more than once.')
        given[name] = given[name] + parsed if name in given else parsed
    return given


def _pairs(text):
    try:
        return urllib.parse.parse_qsl(text, keep_blank_values=True, errors='strict', max_num_fields=100)
    except ValueError:
        raise errors.Invalid('The query string is not UTF-8, or has too many arguments.') from None


def _list(names):
    return ', '.join(name[:100] for name in names[:10])
