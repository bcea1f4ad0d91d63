"""Expressions over the inventory of a node: ``cpu.count >= 32 and all(disks.rotational == false)``; parsed once, no eval.

    expression  = and { 'or' and };  and = not { 'and' not };  not = 'not' not | '(' expression ')' | term
    term        = path [ operator literal ]                      a path alone: it is true
                | 'all' '(' expression ')'                       every item of the one list that its paths name
                | 'count' '(' path [ 'where' expression ] ')' operator number       paths are those of an item
    path        = name { '.' name | '[*]' | '[' number ']' };    a name is letters, digits, _ and -, or quoted text
    operator    = '==' '!=' '<' '<=' '>' '>=' '~'                ~ is a glob: "10de*"
    literal     = number [unit] | text in quotes | true | false | null

A path through a list means any of its items. Units (kB MB GB TB PB, KiB MiB GiB TiB PiB) are bytes; a path that ends in ``_kb``,
``_mb`` or ``_gb`` is taken as KiB, MiB, GiB, as the inventory of the agent has it. What a node does not tell, or tells in another
type, meets no comparison; only ``== null`` asks for it.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from ingot import errors
from ingot.scheduler import match

LENGTH, DEPTH, TERMS = 1024, 16, 64
UNITS = {letter + 'B': 1000 ** power for power, letter in enumerate('kMGTP', 1)} \
    | {letter + 'iB': 1024 ** power for power, letter in enumerate('KMGTP', 1)}
_SUFFIXES = {'_kb': 1 << 10, '_mb': 1 << 20, '_gb': 1 << 30}
_WORDS = {'true': True, 'false': False, 'null': None}
_TOKEN = re.compile(r'\s*(?:(?P<number>-?[0-9]{1,18}(?:\.[0-9]{1,9})?)(?P<unit>[A-Za-z]*)'
                    r'|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|(?P<text>"[^"]*"|\'[^\']*\')'
                    r'|(?P<sign>\[\*\]|==|!=|<=|>=|[<>~().\[\]])|(?P<end>$))')
_COMPARE = {**match.ORDER, '==': None, '!=': None, '~': None}


class Expression(NamedTuple):
    """A parsed expression: ``holds(attributes)`` says whether a node meets it.

    ``path, sign, operand``: where it is a single comparison, for those who look for what is nearest; else None.
    """

    text: str
    holds: Callable
    path: tuple | None = None
    sign: str | None = None
    operand: object = None


class Token(NamedTuple):
    kind: str
    value: object
    at: int


def parse(text, name='expression'):
    """The Expression of a text; errors.Invalid tells the position and what is expected there."""
    if not isinstance(text, str) or not text.strip() or len(text) > LENGTH:
        raise errors.Invalid(f'{name} is text of 1 to {LENGTH} characters such as "cpu.count >= 32", not {text!r:.60}.')
    parser = _Parser(text, name)
    holds = parser.any_of()
    parser.expect('end', 'and, or, or the end')
    alone = parser.comparisons[0] if len(parser.comparisons) == 1 and parser.terms == 1 else (None, None, None)
    return Expression(text, holds, *alone)


class _Parser:
    def __init__(self, text, name):
        self.text, self.name, self.depth, self.terms, self.comparisons = text, name, 0, 0, []
        self.tokens, self.index = list(self._split()), 0

    def _split(self):
        at = 0
        while True:
            found = _TOKEN.match(self.text, at)
            if not found:
                at += len(self.text[at:]) - len(self.text[at:].lstrip())
                self.refuse(at, 'a name, a number, a text in quotes, or an operator')
            kind, start = found.lastgroup if found.lastgroup != 'unit' else 'number', found.start(found.lastgroup)
            yield Token(kind, self._value(kind, found), found.start('number') if kind == 'number' else start)
            if kind == 'end':
                return
            at = found.end()

    def _value(self, kind, found):
        if kind == 'number':
            unit, number = found['unit'], float(found['number']) if '.' in found['number'] else int(found['number'])
            if unit and unit not in UNITS:
                self.refuse(found.start('unit'), f'a unit ({", ".join(UNITS)})')
            return number, UNITS.get(unit)
        return found[kind][1:-1] if kind == 'text' else found[kind]

    @property
    def token(self):
        return self.tokens[self.index]

    def refuse(self, at, expected):
        there = repr(self.text[at:at + 20]) if at < len(self.text) else 'the end'
        raise errors.Invalid(f'{self.name} {self.text!r}: at position {at} stands {there}; expected is {expected}.')

    def take(self, kind, value=None):
        """The token, if it is of this kind and value; else None, and it stays."""
        token = self.token
        if token.kind != kind or (value is not None and token.value != value):
            return None
        self.index += 1
        return token

    def expect(self, kind, expected, value=None):
        return self.take(kind, value) or self.refuse(self.token.at, expected)

    def any_of(self):
        return self._chain('or', self.all_of, any)

    def all_of(self):
        return self._chain('and', self.negation, all)

    def _chain(self, word, read, combine):
        parts = [read()]
        while self.take('name', word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else lambda facts: combine(part(facts) for part in parts)

    def negation(self):
        self.depth += 1
        if self.depth > DEPTH:
            self.refuse(self.token.at, f'no more than {DEPTH} levels')
        if self.take('name', 'not'):
            self.terms += 1                                           # it is no single comparison any more
            part = self.negation()
            found = lambda facts: not part(facts)
        elif self.take('sign', '('):
            found = self.any_of()
            self.expect('sign', ')', ')')
        else:
            found = self.term()
        self.depth -= 1
        return found

    def term(self):
        self.terms += 1
        if self.terms > TERMS:
            self.refuse(self.token.at, f'no more than {TERMS} comparisons')
        after = self.tokens[min(self.index + 1, len(self.tokens) - 1)]
        if after.kind == 'sign' and after.value == '(' and self.token.kind == 'name':
            if self.take('name', 'count'):
                return self.count()
            return self.every() if self.take('name', 'all') else self.refuse(self.token.at, 'all( or count(, or a path')
        return self.comparison()

    def count(self):
        self.expect('sign', '(', '(')
        path = self.path()
        holds = self._inner(self.any_of) if self.take('name', 'where') else lambda item: True
        self.expect('sign', 'where or )', ')')
        sign = self.operator(('==', '!=', '<', '<=', '>', '>='))
        number, unit = self.expect('number', 'a number', None).value
        if unit:
            self.refuse(self.tokens[self.index - 1].at, 'a number without a unit')
        compare = _comparison(sign, number)
        return lambda facts: compare(sum(bool(holds(item)) for item in found(facts, path)))

    def every(self):
        """``all(disks.rotational == false)``: the comparison is that of each item of the list ``disks``."""
        self.expect('sign', '(', '(')
        outer, self.comparisons = self.comparisons, []
        at, inside = self.token.at, self._inner(self.any_of, keeps=True)
        lists = {path[0] for path, _, _ in self.comparisons}
        self.expect('sign', ')', ')')
        self.comparisons = outer
        if len(lists) != 1:
            self.refuse(at, 'comparisons of one list')
        name = lists.pop()
        return lambda facts: bool(items := found(facts, (name,))) and all(inside({name: item}) for item in items)

    def _inner(self, read, keeps=False):
        """What is read is about items: it is none of the node's own comparisons."""
        before = list(self.comparisons)
        found = read()
        if not keeps:
            self.comparisons = before
        self.terms += 1
        return found

    def comparison(self):
        at, path = self.token.at, self.path()
        if self.token.kind != 'sign' or self.token.value not in _COMPARE:
            self.comparisons.append((path, '==', True))
            return _any(path, lambda value: value is True)
        sign = self.operator(_COMPARE)
        operand = self.literal(path)
        if sign in match.ORDER and (isinstance(operand, bool) or not isinstance(operand, (int, float))):
            self.refuse(self.tokens[self.index - 1].at, f'a number after {sign}')
        if sign == '~' and (not isinstance(operand, str) or operand.count('*') > match.STARS):
            self.refuse(self.tokens[self.index - 1].at, f'a text in quotes with at most {match.STARS} *')
        self.comparisons.append((path, sign, operand))
        if operand is None:
            if sign not in ('==', '!='):
                self.refuse(at, '== null or != null')
            return lambda facts: (not found(facts, path)) is (sign == '==')
        compare = _comparison(sign, operand)
        return _any(path, compare)

    def operator(self, accepted):
        token = self.token
        if token.kind != 'sign' or token.value not in accepted:
            self.refuse(token.at, 'one of ' + ' '.join(accepted))
        self.index += 1
        return token.value

    def literal(self, path):
        if token := self.take('number'):
            number, unit = token.value
            if unit is None:
                return number
            return number * unit / _SUFFIXES.get(str(path[-1])[-3:], 1)
        if token := self.take('text'):
            return token.value
        if self.token.kind == 'name' and self.token.value in _WORDS:
            return _WORDS[self.take('name').value]
        return self.refuse(self.token.at, 'a number, true, false, null, or a text in quotes')

    def path(self):
        parts = [self._name()]
        while True:
            if self.take('sign', '.'):
                parts.append(self._name())
            elif self.take('sign', '['):
                number, unit = self.expect('number', 'a number, or [*]').value
                if unit or number < 0 or isinstance(number, float):
                    self.refuse(self.tokens[self.index - 1].at, 'a whole number')
                self.expect('sign', ']', ']')
                parts.append(number)
            elif not self.take('sign', '[*]'):                       # [*] says what is so anyway: any of the items
                return tuple(parts)

    def _name(self):
        if self.token.kind == 'name' and self.token.value in ('and', 'or', 'not', 'where', *_WORDS):
            self.refuse(self.token.at, 'a name such as cpu.count')
        return (self.take('name') or self.take('text') or self.refuse(self.token.at, 'a name such as cpu.count')).value


def _comparison(sign, operand):
    """A function that says of a value that is there whether it meets the comparison; other types never do, but for !=."""
    if sign in match.ORDER:
        compare = match.ORDER[sign]
        return lambda value: is_number(value) and compare(value, operand)
    if sign == '~':
        parts = operand.split('*')
        return lambda value: isinstance(value, str) and match.globs(parts, value)
    is_truth = isinstance(operand, bool)
    return lambda value: (value == operand and isinstance(value, bool) is is_truth) is (sign == '==')


def found(facts, path):
    """The values, lists opened, null left out, that a node tells under a path."""
    values = [facts]
    for part in path:
        if isinstance(part, int):
            values = [value[part] for value in values if isinstance(value, list) and part < len(value)]
        else:
            values = [inner[part] for value in values for inner in (value if isinstance(value, list) else (value,))
                      if isinstance(inner, dict) and part in inner]
    return [inner for value in values for inner in (value if isinstance(value, list) else (value,)) if inner is not None]


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _any(path, compare):
    """A function that says of facts whether any value under the path compares; short where no list is on the way."""
    def holds(facts):
        value = facts
        for part in path:
            if type(value) is not dict:
                return any(map(compare, found(facts, path)))
            if (value := value.get(part)) is None:
                return False
        return any(map(compare, found(facts, path))) if type(value) is list else compare(value)
    return holds
