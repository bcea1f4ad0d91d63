"""JSON schemas of bodies and answers, for the OpenAPI document: of WSME types, of nouns, of refusals."""

import inspect

import sqlalchemy as sa

from ingot import errors
from ingot.api import patch, versions
from ingot.api.types import document as typed
from ingot.db import row

_JSON = 'application/json'
LINKS = {'type': 'array', 'items': {'type': 'object', 'required': ['href', 'rel'], 'properties': {
    'href': {'type': 'string'}, 'rel': {'type': 'string'}, 'type': {'type': 'string'}}}}
_REFUSAL = {
    'type': 'object', 'required': ['error_message', 'code', 'remedy', 'retryable'], 'additionalProperties': False, 'properties': {
        'error_message': {'type': 'string', 'description': 'A JSON text once more: {"faultcode", "faultstring", "debuginfo"}.'},
        'code': {'type': 'string', 'description': 'What went wrong, for programs; it never changes.'},
        'remedy': {'type': ['string', 'null'], 'description': 'What would help, for people.'},
        'retryable': {'type': 'boolean', 'description': 'Whether the same request may succeed later.'}}}
_PATCH = {'type': 'array', 'description': 'RFC 6902: add, replace, remove.', 'items': {
    'type': 'object', 'required': ['op', 'path'], 'additionalProperties': False, 'properties': {
        'op': {'enum': ['add', 'replace', 'remove']}, 'value': {'description': 'Not with remove.'},
        'path': {'type': 'string', 'pattern': '^/.', 'description': 'RFC 6901, with ~0 and ~1.'}}}}


_KINDS = {bool: 'boolean', int: 'integer', str: 'string', dict: 'object', list: 'array'}


def shape(needed=None, **members):
    """The schema of an object with these members and no more: each a Python type (then it may be null), or a schema.

    ``needed``: those that are always there; all, when left out.
    """
    return {'type': 'object', 'additionalProperties': False, 'required': list(members) if needed is None else list(needed),
            'properties': {name: given if isinstance(given, dict) else {'type': [_KINDS[given], 'null']}
                           for name, given in members.items()}}


def some(schema):
    """The schema of a list of ``schema``, or of a Python type."""
    return {'type': 'array', 'items': schema if isinstance(schema, dict) else {'type': _KINDS[schema]}}


class Parts:
    """Collects the schemas that operations refer to."""

    def __init__(self):
        self._schemas = {'Links': LINKS, 'Refusal': _REFUSAL, 'Patch': _PATCH}

    def schemas(self):
        return dict(sorted(self._schemas.items()))

    def body(self, declared):
        """``content`` of a request body."""
        body = declared['body']
        if body is patch.read:
            changes = {'x-changes': self._type(declared['patched'])} if declared['patched'] else {}
            return {f'{_JSON}-patch+json': {'schema': {**_to('Patch'), **changes}}, _JSON: {'schema': _to('Patch')}}
        return {_JSON: {'schema': self._type(body) if inspect.isclass(body) else {}}}

    def answer(self, declared, *, is_list):
        """``content`` of a good answer, or None where it has no body."""
        noun, answer = declared['noun'], declared['answer']
        if declared['status'] == 204 or (declared['status'] == 202 and not (noun or answer)):
            return None
        if isinstance(answer, dict):
            return {answer.get('contentMediaType', _JSON): {'schema': answer}}
        if answer:
            return {_JSON: {'schema': self._type(answer)}}
        return {_JSON: {'schema': (self._page(noun) if is_list else self._noun(noun)) if noun else {}}}

    def _type(self, cls):
        name = f'{cls.__name__}Body' if cls.__name__.lower() in versions.FIELDS else cls.__name__
        if name not in self._schemas:
            since = versions.FIELDS.get(cls.__name__.lower(), versions.ARGUMENTS)
            known = typed.attributes(cls)
            self._schemas[name] = {
                'type': 'object', 'additionalProperties': issubclass(cls, typed.Open),
                'required': [name for name, attribute in known.items() if attribute.mandatory],
                'properties': {name: {**_attribute(attribute), **_since(since, name)} for name, attribute in known.items()}}
        return _to(name)

    def _noun(self, noun):
        name = noun.name.capitalize()
        if name not in self._schemas:
            since = versions.FIELDS[noun.name]
            self._schemas[name] = {'type': 'object', 'additionalProperties': False, 'properties': {
                **{field: {**_field(noun, field), **_since(since, field)} for field in noun.fields}, 'links': _to('Links'),
                **noun.at_times}}
        return _to(name)

    def _page(self, noun):
        return {'type': 'object', 'required': [noun.plural], 'additionalProperties': False, 'properties': {
            noun.plural: {'type': 'array', 'items': self._noun(noun)},
            'next': {'type': 'string', 'description': 'URL of the next page; not there when this is the last.'}}}


def refusals(statuses):
    """{status: response}; which codes there are is read off the error classes."""
    codes = {}
    for cls in _family(errors.IngotError):
        codes.setdefault(cls.status, set()).add(cls.code)
    return {str(status): {'description': f'Refused; code is one of: {", ".join(sorted(codes[status]))}.',
                          'content': {_JSON: {'schema': _to('Refusal')}},
                          **({'headers': {'Retry-After': _RETRY}} if status in (409, 503) else {})} for status in statuses}


_RETRY = {'description': 'Seconds; only when retryable.', 'schema': {'type': 'string'}}


def _family(cls):
    yield cls
    for heir in cls.__subclasses__():
        yield from _family(heir)


def _attribute(attribute):
    schema = attribute.datatype.schema()
    if attribute.mandatory and isinstance(schema.get('type'), list):
        schema['type'] = schema['type'][0]
        schema |= {'enum': [word for word in schema['enum'] if word is not None]} if 'enum' in schema else {}
    return schema


def _field(noun, field):
    if field in noun.related:
        return _to('Links')
    if field in noun.constant:
        return _literal(noun.constant[field])
    column = noun.shown[field]
    if field in row.JSON[noun.table.name]:
        default = column.default.arg if getattr(column, 'default', None) is not None else None
        return {'type': {'{}': 'object', '[]': 'array'}[default]} if default else {}
    if isinstance(column.type, sa.Boolean | sa.Integer):
        return {'type': ['boolean' if isinstance(column.type, sa.Boolean) else 'integer', 'null']}
    if isinstance(column.type, sa.Float):
        return {'type': ['number', 'null']}
    return {'type': 'string' if field == 'uuid' else ['string', 'null']}


def _literal(value):
    return {'type': _KINDS[type(value)]} if value is not None else {}


def _since(table, name):
    return {'x-since': table[name]} if name in table else {}


def _to(name):
    return {'$ref': f'#/components/schemas/{name}'}
