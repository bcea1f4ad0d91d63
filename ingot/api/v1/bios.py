"""/v1/nodes/IDENT/bios: the settings of its BIOS, as they were read last."""

from ingot import errors
from ingot.api import links, versions
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.bios import BiosQuery
from ingot.db.bios import SETTINGS

_TIMES = ('created_at', 'updated_at')
_BRIEF = ('name', 'value')
_REGISTRY = tuple(versions.FIELDS['bios'])
_SETTING = {'type': 'object', 'properties': {name: {} for name in (*_BRIEF, *_REGISTRY, *_TIMES, 'links')}}


def tree(site):
    return Bios(site, since=versions.ENDPOINTS['bios'])


class Bios(Resource):

    @expose(query=BiosQuery, answer={'type': 'object', 'properties': {'bios': {'type': 'array', 'items': _SETTING}}})
    def list(self, call, ident):
        fields = _fields(call)
        _, rows = SETTINGS.of_node(self.site.database, ident)
        return {'bios': [_document(call, ident, row, fields) for row in rows]}

    @expose(answer={'type': 'object', 'additionalProperties': _SETTING})
    def get(self, call, ident, name):
        uuid, rows = SETTINGS.of_node(self.site.database, ident)
        for row in rows:
            if row['name'] == name:
                return {name: _document(call, uuid, row, _BRIEF + _known(call, _REGISTRY))}
        raise errors.NotFound(f'Node {uuid} has no BIOS setting {name}.', remedy='Settings are read when it is made manageable.')


def _fields(call):
    """The fields to show, times and links aside."""
    query = call.query
    if _known(call, query, versions.FILTERS) != tuple(query):
        raise errors.Invalid(f'Unknown query arguments in API version 1.{call.minor}: {", ".join(query)}.')
    fields = query.get('fields')
    if fields is None:
        return _BRIEF + _REGISTRY if query.get('detail') else _BRIEF
    unknown = [name for name in fields if name not in (*_BRIEF, *_REGISTRY, *_TIMES, 'links')]
    if unknown or query.get('detail'):
        raise errors.Invalid(f'fields are {", ".join((*_BRIEF, *_REGISTRY))}, and do not go together with detail.')
    return tuple(name for name in fields if name in _BRIEF + _REGISTRY)


def _known(call, names, table=versions.FIELDS):
    return tuple(name for name in names if table['bios'].get(name, 1) <= call.minor)


def _document(call, ident, row, fields):
    values = {**row, 'unique': row['is_unique'], 'allowable_values': row['allowable_values'] or []}
    return {**{name: values[name] for name in (*_TIMES, *fields)},
            'links': links.resource(call.base, 'nodes', ident, 'bios', row['name'])}
