"""/v1/drivers: what the living conductors offer."""

from ingot import errors
from ingot.api import links, versions
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.query import DriverQuery, FieldsQuery
from ingot.db import driver
from ingot.db.node import INTERFACES

_BRIEF = ('name', 'hosts', 'links', 'properties', 'type')
_BY_KIND = tuple(name for kind in INTERFACES for name in (f'default_{kind}_interface', f'enabled_{kind}_interfaces'))


def tree(site):
    return Drivers(site, children={'properties': Properties(site)})


class Drivers(Resource):

    @expose(query=DriverQuery)
    def list(self, call):
        versions.require('Query argument', versions.FILTERS['driver'], call.query, call.minor)
        fields = _fields(call)
        if call.query.get('type') == 'classic':
            return {'drivers': []}
        offered = driver.offered(self.site.database)
        return {'drivers': [_document(call, name, offered[name], fields) for name in sorted(offered)]}

    @expose(query=FieldsQuery)
    def get(self, call, name):
        versions.require('Query argument', versions.FILTERS['driver'], call.query, call.minor)
        fields = _fields(call) if 'fields' in call.query else _BRIEF + _BY_KIND
        return _document(call, name, _get(self.site, name), fields)


class Properties(Resource):
    """GET /v1/drivers/NAME/properties"""

    @expose()
    def list(self, call, name):
        return _get(self.site, name)['properties']


def _get(site, name):
    offered = driver.offered(site.database)
    if name not in offered:
        raise errors.NotFound(f'Driver {name} could not be found; there are: {", ".join(sorted(offered)) or "none"}.')
    return offered[name]


def _fields(call):
    fields = call.query.get('fields')
    if fields and call.query.get('detail'):
        raise errors.Invalid('Ask for fields, or for detail, not for both.')
    unknown = [name for name in fields or () if name not in _BRIEF + _BY_KIND]
    if unknown:
        raise errors.Invalid(f'A driver has no field {", ".join(name[:100] for name in unknown[:10])}.')
    return fields or (_BRIEF + _BY_KIND if call.query.get('detail') else _BRIEF)


def _document(call, name, offer, fields):
    document = {'name': name, 'hosts': offer['hosts'], 'links': links.resource(call.base, 'drivers', name)}
    if call.minor >= versions.FILTERS['driver']['type']:
        document |= {'properties': links.resource(call.base, 'drivers', name, 'properties'), 'type': 'dynamic'}
        for kind in INTERFACES:
            names = offer['interfaces'].get(kind)
            document[f'default_{kind}_interface'] = names[0] if names else None
            document[f'enabled_{kind}_interfaces'] = names or None
    return {field: document[field] for field in fields if field in document}
