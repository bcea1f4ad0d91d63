"""/v1/nodes/IDENT/management"""

from ingot.api import nodes
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.node import BootDevice


def tree(site):
    return Resource(site, fixed={'boot_device': BootDeviceOf(site, fixed={'supported': Supported(site)})})


class BootDeviceOf(Resource):

    @expose()
    def list(self, call, ident):
        return self.site.conductor.boot_device(nodes.uuid(self.site, ident))

    @expose(body=BootDevice, status=204)
    def put(self, call, body, ident):
        self.site.conductor.set_boot_device(nodes.uuid(self.site, ident), body['boot_device'], body.get('persistent', False))


class Supported(Resource):

    @expose()
    def list(self, call, ident):
        return {'supported_boot_devices': self.site.conductor.boot_devices(nodes.uuid(self.site, ident))}
