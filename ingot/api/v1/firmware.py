"""/v1/nodes/IDENT/firmware: the versions of its firmware, as they were read last."""

from ingot import errors
from ingot.api import versions
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.query import FieldsQuery
from ingot.db.firmware import COMPONENTS

_TIMES = ('created_at', 'updated_at')
_FIELDS = ('component', 'initial_version', 'current_version', 'last_version_flashed', 'vendor', 'model', 'serial_number')
_COMPONENT = {'type': 'object', 'properties': {name: {} for name in (*_FIELDS, *_TIMES)}}


def tree(site):
    return Firmware(site, since=versions.ENDPOINTS['firmware'])


class Firmware(Resource):

    @expose(query=FieldsQuery, answer={'type': 'object', 'properties': {'firmware': {'type': 'array', 'items': _COMPONENT}}})
    def list(self, call, ident):
        fields = _fields(call)
        _, rows = COMPONENTS.of_node(self.site.database, ident)
        return {'firmware': [{name: row[name] for name in fields} for row in rows]}


def _fields(call):
    visible = [name for name in _FIELDS if versions.FIELDS['firmware'].get(name, 1) <= call.minor]
    wanted = call.query.get('fields', visible)
    unknown = [name for name in wanted if name not in (*visible, *_TIMES)]
    if unknown:
        raise errors.Invalid(f'A firmware component has no field {", ".join(name[:100] for name in unknown[:10])} '
                             f'in API version 1.{call.minor}; it has: {", ".join(visible)}.')
    return (*_TIMES, *(name for name in wanted if name in visible))
