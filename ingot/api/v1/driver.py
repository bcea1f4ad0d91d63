"""/v1/drivers: what the living conductors offer."""

from ingot import errors
from ingot.api import links, versions
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.query import DriverQuery, FieldsQuery
from ingot.api.v1 import raid, vendor
from ingot.db import driver
from ingot.db.node import INTERFACES

_BRIEF = ('name', 'hosts', 'links', 'properties', 'type')
_BY_KIND = tuple(name for kind in INTERFACES for name in (f'default_{kind}_interface', f'enabled_{kind}_interfaces'))
_FIELDS = _BRIEF + _BY_KIND
_DRIVER = {'type': 'object', 'properties': {name: {} for name in _FIELDS}}


def tree(site):
    return Drivers(site, children={
        'properties': Properties(site), 'vendor_passthru': vendor.of_driver(site),
        'raid': Resource(site, fixed={'logical_disk_properties': raid.Properties(site)})})


class Drivers(Resource):

    @expose(query=DriverQuery, answer={'type': 'object', 'properties': {'drivers': {'type': 'array', 'items': _DRIVER}}})
    def list(self, call):
        fields = _fields(call, call.query.get('detail'))
        if call.query.get('type') == 'classic':
            return {'drivers': []}
        offered = driver.offered(self.site.database)
        return {'drivers': [_document(call, name, offered[name], fields) for name in sorted(offered)]}

    @expose(query=FieldsQuery, answer=_DRIVER)
    def get(self, call, name):
        return _document(call, name, driver.get(self.site.database, name), _fields(call, is_detailed=True))


class Properties(Resource):
    """GET /v1/drivers/NAME/properties"""

    @expose(answer={'type': 'object', 'additionalProperties': {'type': 'string'}})
    def list(self, call, name):
        return driver.get(self.site.database, name)['properties']


def _fields(call, is_detailed):
    """The fields to show: those asked for, or all that belong there and that the version knows."""
    versions.require('Query argument', versions.FILTERS['driver'], call.query, call.minor)
    visible = [name for name in _FIELDS if versions.FIELDS['driver'].get(name, 1) <= call.minor]
    fields = call.query.get('fields')
    if fields is None:
        return visible if is_detailed else [name for name in visible if name in _BRIEF]
    if call.query.get('detail'):
        raise errors.Invalid('Ask for fields, or for detail, not for both.')
    unknown = [name for name in fields if name not in visible]
    if unknown:
        raise errors.Invalid(f'A driver has no field {", ".join(name[:100] for name in unknown[:10])} '
                             f'in API version 1.{call.minor}.')
    return [*fields, 'links']


def _document(call, name, offer, fields):
    document = {'name': name, 'hosts': offer['hosts'], 'links': links.resource(call.base, 'drivers', name), 'type': 'dynamic',
                'properties': links.resource(call.base, 'drivers', name, 'properties')}
    for kind in INTERFACES:
        names = offer['interfaces'].get(kind)
        document[f'default_{kind}_interface'] = names[0] if names else None
        document[f'enabled_{kind}_interfaces'] = sorted(names) if names else None
    return {field: document[field] for field in fields}
