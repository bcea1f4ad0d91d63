"""Strict WSME types for single values: nothing is guessed or converted, and no refusal repeats the value.

``validate`` takes what a JSON document holds, ``parse`` what stands in a query string. Both return the value to store and
raise ValueError with what would be accepted.
"""

import datetime
import functools
import re
import uuid

import os_traits
from wsme import types

_TRUE = frozenset({'1', 't', 'true', 'y', 'yes', 'on'})
_FALSE = frozenset({'0', 'f', 'false', 'n', 'no', 'off'})
_MAC = re.compile(r'[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}', re.ASCII)
_DATE = re.compile('[0-9]{4}-[0-9]{2}-[0-9]{2}', re.ASCII)
_TRAIT = re.compile('CUSTOM_[A-Z0-9_]+', re.ASCII)
_NAME = re.compile(r'[A-Za-z0-9._~-]+', re.ASCII)
#: Python's type -> that of JSON Schema.
_TYPES = {str: 'string', bool: 'boolean', int: 'integer', dict: 'object', list: 'array'}
#: Words that are parts of the API's own paths, and those that clients take out of a path before they send it.
_RESERVED = frozenset({'.', '..', 'maintenance', 'management', 'states', 'vendor_passthru', 'detail', 'validate'})


class Scalar(types.UserType):
    """Base: a value of one kind. ``accepts`` says in words what it takes."""

    basetype = str
    accepts = 'a value'
    name = 'value'

    def __init__(self, *, is_nullable=True):
        self.is_nullable = is_nullable

    def validate(self, value):
        if value is None and self.is_nullable:
            return None
        return self.check(value)

    def parse(self, text):
        return self.validate(text)

    def check(self, value):
        raise NotImplementedError

    def schema(self):
        """JSON Schema (draft 2020-12) of what ``validate`` takes: the part of its rules that a schema can tell."""
        found = {'description': f'{self.accepts[0].upper()}{self.accepts[1:]}.', **self.describe()}
        if self.is_nullable and 'type' in found:
            found['type'] = [found['type'], 'null']
            found |= {'enum': [*found['enum'], None]} if 'enum' in found else {}
        return found

    def describe(self):
        """The schema without null and words."""
        return {'type': _TYPES[self.basetype]}

    def refuse(self):
        raise ValueError(f'expected {self.accepts}')


class Text(Scalar):
    """A string of at most ``longest`` characters (and at least ``shortest``), without NUL."""

    name = 'text'

    def __init__(self, longest=255, *, shortest=0, pattern=None, **kwargs):
        super().__init__(**kwargs)
        self.longest, self.shortest = longest, shortest
        self.pattern = pattern and re.compile(pattern, re.ASCII)
        self.accepts = f'a string of {shortest} to {longest} characters' + (f' like {pattern}' if pattern else '')

    def check(self, value):
        if not isinstance(value, str) or not self.shortest <= len(value) <= self.longest or '\0' in value:
            self.refuse()
        if self.pattern and not self.pattern.fullmatch(value):
            self.refuse()
        return value

    def describe(self):
        return {'type': 'string', 'minLength': self.shortest, 'maxLength': self.longest,
                **({'pattern': f'^(?:{self.pattern.pattern})$'} if self.pattern else {})}


class Lower(Text):
    """Text that is stored in lower case."""

    def check(self, value):
        return super().check(value.lower() if isinstance(value, str) else value)


class Uuid(Scalar):
    name = 'uuid'
    accepts = 'a UUID such as 6a0a707c-45ef-4758-b533-e55adddba8ce'

    def check(self, value):
        if not isinstance(value, str) or not is_uuid(value):
            self.refuse()
        return value.lower()

    def describe(self):
        return {'type': 'string', 'format': 'uuid'}


class Name(Scalar):
    """A name that can stand in a URL: RFC 3986's unreserved characters, no UUID, none of the API's own words."""

    name = 'name'
    accepts = ('a name of letters, digits and "-._~", up to 255 characters, that is neither a UUID nor one of '
               + ', '.join(sorted(_RESERVED)))

    def check(self, value):
        if not isinstance(value, str) or not is_name(value) or value in _RESERVED:
            self.refuse()
        return value

    def describe(self):
        return {'type': 'string', 'minLength': 1, 'maxLength': 255, 'pattern': f'^{_NAME.pattern}$'}


class Mac(Scalar):
    """A MAC address, neither nothing nor everybody; stored in lower case with colons."""

    name = 'mac'
    accepts = 'a MAC address such as 52:54:00:12:34:56'

    def check(self, value):
        if not isinstance(value, str) or not is_mac(value) or not value.lower().strip('0:-') \
                or not value.lower().strip('f:-'):
            self.refuse()
        return value.lower().replace('-', ':')

    def describe(self):
        return {'type': 'string', 'pattern': '^[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}$'}


class Time(Scalar):
    """A moment (ISO 8601); stored as all times are: in UTC, to the second. A "+" that became a blank on its way is one."""

    name = 'time'
    accepts = 'a time such as 2026-11-20T22:45:32Z, with its zone, or a date'

    def check(self, value):
        try:
            moment = datetime.datetime.fromisoformat(value.replace(' ', '+')) if isinstance(value, str) else self.refuse()
            if moment.tzinfo is None and not _DATE.fullmatch(value):
                self.refuse()
            moment = moment.astimezone(datetime.UTC) if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        except (ValueError, OverflowError):
            self.refuse()
        return moment.isoformat(timespec='seconds')

    def describe(self):
        return {'type': 'string', 'maxLength': 40}


class Bool(Scalar):
    basetype = bool
    name = 'bool'
    accepts = 'true or false'

    def check(self, value):
        if isinstance(value, bool):
            return value
        word = value.strip().lower() if isinstance(value, str) else None
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        return self.refuse()


class Integer(Scalar):
    basetype = int
    name = 'integer'

    def __init__(self, least=0, most=2**31 - 1, **kwargs):
        super().__init__(**kwargs)
        self.least, self.most = least, most
        self.accepts = f'a whole number from {least} to {most}'

    def check(self, value):
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            self.refuse()
        return value

    def describe(self):
        return {'type': 'integer', 'minimum': self.least, 'maximum': self.most}

    def parse(self, text):
        return self.check(int(text)) if re.fullmatch(r'-?[0-9]{1,18}', text, re.ASCII) else self.refuse()


class Share(Scalar):
    """A number from 0 to 1."""

    basetype = float
    name = 'share'
    accepts = 'a number from 0 to 1'

    def check(self, value):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.refuse()
        return float(value)

    def describe(self):
        return {'type': 'number', 'minimum': 0, 'maximum': 1}


class Choice(Scalar):
    """One word out of a few."""

    name = 'choice'

    def __init__(self, *words, **kwargs):
        super().__init__(**kwargs)
        self.words = words
        self.accepts = 'one of: ' + ', '.join(words)

    def check(self, value):
        return value if isinstance(value, str) and value in self.words else self.refuse()

    def describe(self):
        return {'type': 'string', 'enum': list(self.words)}


class Object(Scalar):
    """A JSON object of whatever content; null stands for an empty one."""

    basetype = dict
    name = 'object'
    accepts = 'a JSON object'

    def check(self, value):
        return value if isinstance(value, dict) else self.refuse()

    def validate(self, value):
        return {} if value is None else self.check(value)


class Words(Scalar):
    """A list of words; in a query string they are separated by commas, or the argument is repeated."""

    basetype = list
    name = 'words'
    accepts = 'a list of words'

    def __init__(self, shortest=1, **kwargs):
        super().__init__(**kwargs)
        self.shortest = shortest

    def check(self, value):
        if not isinstance(value, list) or not value or not all(
                isinstance(word, str) and len(word) >= self.shortest for word in value):
            self.refuse()
        return value

    def describe(self):
        return {'type': 'array', 'items': {'type': 'string', 'minLength': self.shortest}, 'minItems': 1}

    def parse(self, text):
        return self.check([word.strip() for word in text.split(',')])


class Trait(Scalar):
    """A trait: CUSTOM_ and capitals, digits, underscores, or one of the standard ones of the os-traits package."""

    name = 'trait'
    accepts = 'a trait: CUSTOM_ with capital letters, digits and "_" (255 characters at most), or one of the standard traits'

    def check(self, value):
        return value if isinstance(value, str) and is_trait(value) else self.refuse()


class Traits(Scalar):
    """A list of different traits, at most ``most``."""

    basetype = list
    name = 'traits'

    def __init__(self, most=50, **kwargs):
        super().__init__(**kwargs)
        self.most = most
        self.accepts = f'a list of at most {most} traits (CUSTOM_... or standard ones)'

    def validate(self, value):
        return [] if value is None else self.check(value)

    def check(self, value):
        if not isinstance(value, list) or len(value) > self.most or not all(
                isinstance(trait, str) and is_trait(trait) for trait in value):
            self.refuse()
        return sorted(set(value))

    def describe(self):
        return {'type': 'array', 'items': {'type': 'string', 'maxLength': 255}, 'maxItems': self.most}

    def parse(self, text):
        return self.check([word.strip() for word in text.split(',')])


class Anything(Scalar):
    """Any JSON value; whoever uses it checks it."""

    name = 'anything'
    accepts = 'any JSON value'

    def check(self, value):
        return value

    def describe(self):
        return {}


def is_uuid(text):
    """True for the canonical form with hyphens, in any case."""
    if len(text) != 36 or not text.isascii():
        return False
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def is_mac(text):
    """True for six pairs of digits, with colons or hyphens between them."""
    return bool(_MAC.fullmatch(text.lower()))


def is_count(value):
    """True for a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_trait(text):
    """True for CUSTOM_... and for a standard trait."""
    return len(text) <= 255 and bool(_TRAIT.fullmatch(text) or text in _standard_traits())


@functools.cache
def _standard_traits():
    return frozenset(os_traits.get_traits())


def is_name(text):
    """True for a name that could be in use."""
    return bool(_NAME.fullmatch(text)) and len(text) <= 255 and not is_uuid(text)
