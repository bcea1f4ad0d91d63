"""/v1/nodes/IDENT/management/indicators: lamps, each named NAME@COMPONENT."""

from ingot import errors
from ingot.api import links, nodes, versions
from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource, is_ident
from ingot.api.types.hardware import Indicator


def tree(site):
    return Indicators(site, since=versions.ENDPOINTS['indicators'])


class Indicators(Resource):

    def takes(self, word):
        name, at, component = word.partition('@')
        return bool(at) and is_ident(name) and is_ident(component)

    @expose(answer=shape(indicators=some({'type': 'object'})))
    def list(self, call, ident):
        uuid = nodes.uuid(self.site, ident, call)
        return {'indicators': [self._document(call, uuid, one) for one in self._known(uuid)]}

    @expose(answer=shape(state=str))
    def get(self, call, ident, name):
        uuid = nodes.uuid(self.site, ident, call)
        one = self._find(uuid, name)
        return {'state': self.site.conductor.ask(uuid, 'management', 'indicator', component=one['component'], name=one['name'])}

    @expose(body=Indicator, status=204)
    def replace(self, call, body, ident, name):
        uuid = nodes.uuid(self.site, ident, call)
        one = self._find(uuid, name)
        if one['readonly'] or body['state'] not in one['states']:
            raise errors.Invalid(f'Node {uuid}: indicator {name} cannot be set to "{body["state"]}"; possible: '
                                 f'{"nothing, it is read only" if one["readonly"] else ", ".join(one["states"])}.')
        self.site.conductor.order(uuid, 'management', 'set_indicator', component=one['component'], name=one['name'],
                                  state=body['state'])

    def _known(self, uuid):
        return self.site.conductor.ask(uuid, 'management', 'indicators')

    def _find(self, uuid, name):
        for one in self._known(uuid):
            if name == f'{one["name"]}@{one["component"]}':
                return one
        raise errors.NotFound(f'Node {uuid} has no indicator {name}.')

    def _document(self, call, uuid, one):
        name = f'{one["name"]}@{one["component"]}'
        return {**one, 'name': name, 'links': links.resource(call.base, 'nodes', uuid, 'management', 'indicators', name)}
