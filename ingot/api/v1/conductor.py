"""/v1/conductors"""

from ingot import errors
from ingot.api import links, versions
from ingot.api.answers import LINKS, shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.query import ConductorQuery, FieldsQuery
from ingot.db import conductor

_BRIEF = ('hostname', 'conductor_group', 'alive')
_FIELDS = (*_BRIEF, 'drivers', 'created_at', 'updated_at')
_CONDUCTOR = shape((), hostname=str, conductor_group=str, alive=bool, drivers=some(str), created_at=str, updated_at=str,
                   links=LINKS)


def tree(site):
    return Conductors(site, since=versions.ENDPOINTS['conductors'])


class Conductors(Resource):

    @expose(query=ConductorQuery, answer=shape(('conductors',), conductors=some(_CONDUCTOR), next=str))
    def list(self, call):
        query = call.query
        rows = _rows(self.site)
        if query.get('sort_key', 'id') != 'id':
            rows.sort(key=lambda row: (row[query['sort_key']] is None, row[query['sort_key']]))
        rows = _after(rows[::-1] if query.get('sort_dir') == 'desc' else rows, query.get('marker'))
        limit = min(query.get('limit') or self.site.conf.api.max_limit, self.site.conf.api.max_limit)
        shown = [_document(call, row, _fields(call)) for row in rows[:limit]]
        document = {'conductors': shown}
        if len(shown) == limit:
            document['next'] = links.next_page(call.base, 'conductors', query, rows[limit - 1]['hostname'])
        return document

    @expose(query=FieldsQuery, answer=_CONDUCTOR)
    def get(self, call, hostname):
        fields = _fields(call) if 'fields' in call.query else _FIELDS
        for row in _rows(self.site):
            if row['hostname'] == hostname:
                return _document(call, row, fields)
        raise errors.NotFound(f'Conductor {hostname} could not be found.')


def _rows(site):
    return [{**row, 'alive': bool(conductor.is_alive(row))} for row in conductor.every(site.database)]


def _after(rows, marker):
    if marker is None:
        return rows
    for number, row in enumerate(rows):
        if row['hostname'] == marker:
            return rows[number + 1:]
    raise errors.NotFound(f'There is no conductor {marker[:100]} to go on from (marker).')


def _fields(call):
    fields = call.query.get('fields')
    unknown = [name for name in fields or () if name not in (*_FIELDS, 'links')]
    if unknown or (fields and call.query.get('detail')):
        raise errors.Invalid(f'fields are {", ".join(_FIELDS)}, and do not go together with detail.')
    return fields or (_FIELDS if call.query.get('detail') else _BRIEF)


def _document(call, row, fields):
    return {**{name: row[name] for name in fields if name != 'links'},
            'links': links.resource(call.base, 'conductors', row['hostname'])}
