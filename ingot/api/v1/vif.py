"""/v1/nodes/IDENT/vifs: virtual interfaces of the cloud's network, each on a port of the node."""

from ingot import errors
from ingot.api import nodes, versions
from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.hardware import Vif

_MEMBERS = {'port_uuid': 67, 'portgroup_uuid': 67}


def tree(site):
    return Vifs(site, since=versions.ENDPOINTS['vifs'])


class Vifs(Resource):

    @expose(answer=shape(vifs=some(shape(id=str))))
    def list(self, call, ident):
        uuid = nodes.uuid(self.site, ident, call)
        return {'vifs': [{'id': vif} for vif in self.site.conductor.ask(uuid, 'network', 'vifs')]}

    @expose(body=Vif, status=204)
    def create(self, call, body, ident):
        versions.require('Argument', _MEMBERS, body, call.minor)
        if body.get('port_uuid') and body.get('portgroup_uuid'):
            raise errors.Invalid('port_uuid and portgroup_uuid do not go together.')
        self.site.conductor.order(nodes.uuid(self.site, ident, call), 'network', 'attach_vif', vif=body)

    @expose(status=204)
    def delete(self, call, ident, vif):
        self.site.conductor.order(nodes.uuid(self.site, ident, call), 'network', 'detach_vif', vif=vif)
