"""/v1/nodes/IDENT/history: what happened to a node, the oldest first."""

from ingot import errors
from ingot.api import links, nodes, versions
from ingot.api.answers import LINKS, shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.history import HistoryQuery
from ingot.db import history

_BRIEF = ('uuid', 'created_at', 'severity', 'event')
_MOST_WORDS = 255
_ENTRY = shape(_BRIEF, **{name: int if name == 'duration_seconds' else str for name in history.FIELDS}, links=LINKS)


def tree(site):
    return History(site, since=versions.ENDPOINTS['history'])


class History(Resource):

    @expose(query=HistoryQuery, answer=shape(('history',), history=some(_ENTRY), next=str))
    def list(self, call, ident):
        query, uuid = call.query, nodes.uuid(self.site, ident)
        limit = min(query.get('limit') or self.site.conf.api.max_limit, self.site.conf.api.max_limit)
        found = history.of_node(self.site.database, uuid, limit=limit, marker=query.get('marker'),
                                sort=query.get('sort_key', 'id'), is_descending=query.get('sort_dir') == 'desc')
        document = {'history': [_document(call, uuid, one, is_detailed=query.get('detail')) for one in found]}
        if len(found) == limit:
            document['next'] = links.next_page(call.base, f'nodes/{ident}/history', query, found[-1]['uuid'])
        return document

    @expose(answer=_ENTRY)
    def get(self, call, ident, entry):
        uuid = nodes.uuid(self.site, ident)
        found = history.one_of_node(self.site.database, uuid, entry)
        if found is None:
            raise errors.NotFound(f'Node {ident} has no history entry {entry}.')
        return _document(call, uuid, found, is_detailed=True)


def _document(call, node, entry, *, is_detailed):
    table = versions.FIELDS['history']
    fields = [name for name in history.FIELDS if table.get(name, 1) <= call.minor] if is_detailed else _BRIEF
    document = {name: entry[name] for name in fields}
    if not is_detailed:
        document['event'] = (document['event'] or '')[:_MOST_WORDS]
    return {**document, 'links': links.resource(call.base, 'nodes', node, 'history', entry['uuid'])}
