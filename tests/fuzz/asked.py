"""Requests made from an OpenAPI document: each field and each argument of each operation, with what it takes and what not."""

import dataclasses
import re
import urllib.parse

from tests.fuzz import odd

#: Examples for the patterns of strings.
_EXAMPLES = ['n1', 'p2', '52:54:00:00:00:0a', 'http://127.0.0.1/x.iso', '', odd.UUID, 'abc', 'CUSTOM_A']
#: Arguments with which an answer may take its time: nothing for a test in a hurry.
_SLOW = {'wait': '0'}


@dataclasses.dataclass
class Request:
    """One request; ``target`` is its path with the query string."""

    method: str
    target: str
    body: bytes | None = None
    headers: dict = dataclasses.field(default_factory=lambda: {'X-OpenStack-Ironic-API-Version': '1.115'})

    def encode(self, *, is_last=False, protocol=b'HTTP/1.1'):
        """The bytes of the request."""
        lines = [b' '.join([self.method.encode('latin-1'), self.target.encode('latin-1'), protocol])]
        headers = {'Host': '127.0.0.1'} | self.headers | ({'Connection': 'close'} if is_last else {})
        if self.body is not None:
            headers = {'Content-Type': 'application/json', 'Content-Length': str(len(self.body))} | headers
        lines += [f'{name}: {value}'.encode('latin-1') for name, value in headers.items()]
        return b'\r\n'.join([*lines, b'', self.body or b''])


@dataclasses.dataclass
class Operation:
    """What can be asked at one place."""

    method: str
    path: str
    arguments: dict        # {name: schema}
    body: dict | None      # its schema
    changes: dict | None   # what a patch applies to: {attribute: schema}

    @property
    def fields(self):
        return self.changes or (self.body or {}).get('properties', {})


class Asker:
    """Makes requests from ``document``, an OpenAPI document, with every choice left to ``chance``.

    :param known: {name of an ident in a path: what there is of that kind}.
    """

    def __init__(self, document, known, chance):
        self.chance, self._idents, self._schemas = chance, known, document['components']['schemas']
        self.operations = [self._operation(method.upper(), path, told)
                           for path, known in document['paths'].items() for method, told in known.items()]
        self.wrong = [(operation, kind, name, value) for operation in self.operations
                      for kind, names, values in (('arguments', operation.arguments, odd.ARGUMENTS),
                                                  ('fields', operation.fields, odd.VALUES))
                      for name in names for value in values]
        chance.shuffle(self.wrong)

    def _operation(self, method, path, told):
        arguments = {one['name']: one['schema'] for one in told['parameters'] if one.get('in') == 'query'}
        content = told.get('requestBody', {}).get('content', {}).get('application/json', {}).get('schema')
        changes = self._known(content['x-changes'])['properties'] if content and 'x-changes' in content else None
        return Operation(method, path, arguments, content and self._known(content), changes)

    def _known(self, schema):
        return self._schemas[schema['$ref'].rpartition('/')[2]] if '$ref' in schema else schema

    def any(self):
        """A request that is nearly right, or right."""
        return self.request(self.chance.choice(self.operations))

    def one_wrong(self, number):
        """A request of which one field or argument is wrong: the next of all of them."""
        operation, kind, name, value = self.wrong[number % len(self.wrong)]
        return self.request(operation, **{kind: {name: value}})

    def request(self, operation, arguments=None, fields=None):
        """A request for ``operation``; ``arguments`` and ``fields`` are as given, the rest by chance."""
        body = None if operation.body is None else odd.encode(self._body(operation, fields or {}))
        return Request(operation.method, self._path(operation) + self._query(operation, arguments or {}), body)

    def _path(self, operation):
        def ident(match):
            return self._idents[match[1]] if self.chance.random() < 0.93 else self.chance.choice(odd.WORDS)
        return re.sub(r'{(\w+?)(?:_2)?}', ident, operation.path)

    def _query(self, operation, given):
        some = {name: self._argument(name, schema) for name, schema in operation.arguments.items() if self.chance.random() < 0.05}
        return '?' * bool(some or given) + '&'.join(f'{name}={value}' for name, value in (some | given).items())

    def _argument(self, name, schema):
        value = self.like(schema)
        text = ','.join(map(str, value)) if isinstance(value, list) else str(value)
        return _SLOW.get(name) or urllib.parse.quote(text)

    def _body(self, operation, given):
        if operation.changes is None:
            return self.like(operation.body) | given if operation.fields else odd.anything(self.chance)
        if given:
            return [{'op': self.chance.choice(['add', 'replace']), 'path': f'/{name}', 'value': value}
                    for name, value in given.items()]
        return [self._change(operation) for _ in range(self.chance.randrange(4))]

    def _change(self, operation):
        name = self.chance.choice(list(operation.changes))
        return {'op': self.chance.choice(['add', 'add', 'replace', 'remove', 'test', 3]),
                'value': self.like(operation.changes[name]),
                'path': f'/{name}' + self.chance.choice(['', '', '/a', '/0', '/-', '/~1', '/~', '/a/b/c'])}

    def like(self, schema, depth=0):
        """A value that ``schema`` takes, as far as it tells; now and then one that it does not."""
        schema, chance = self._known(schema), self.chance
        if depth and chance.random() < 0.05:
            return odd.anything(chance)
        if 'enum' in schema:
            return chance.choice(schema['enum'])
        kind = schema.get('type')
        kind = chance.choice(kind) if isinstance(kind, list) else kind
        if kind == 'object':
            needed = schema.get('required', ())
            return {name: self.like(one, depth + 1) for name, one in schema.get('properties', {}).items()
                    if name in needed or chance.random() < 0.15}
        if kind == 'array':
            return [self.like(schema.get('items', {}), depth + 1) for _ in range(chance.randint(schema.get('minItems', 0), 3))]
        return {'string': self._text, 'integer': self._number, 'boolean': lambda _: chance.random() < 0.5,
                'null': lambda _: None}.get(kind, lambda _: odd.anything(chance))(schema)

    def _text(self, schema):
        if schema.get('format') == 'uuid':
            return odd.UUID
        fits = [text for text in _EXAMPLES if re.search(schema.get('pattern', ''), text)]
        return self.chance.choice(fits or ['x']) or 'x' * schema.get('minLength', 0)

    def _number(self, schema):
        return self.chance.choice([schema.get('minimum', 0), schema.get('maximum', 100), 1, 10])
