"""/v1/nodes/IDENT/management"""

from ingot.api import nodes, versions
from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.hardware import NoBody
from ingot.api.types.node import BootDevice
from ingot.api.v1 import indicator


def tree(site):
    return Resource(site, fixed={
        'boot_device': BootDeviceOf(site, fixed={'supported': Supported(site)}), 'indicators': indicator.tree(site),
        'inject_nmi': InjectNmi(site, since=versions.ENDPOINTS['inject_nmi'])})


class BootDeviceOf(Resource):

    @expose(answer=shape(boot_device=str, persistent=bool))
    def list(self, call, ident):
        return self.site.conductor.boot_device(nodes.uuid(self.site, ident, call))

    @expose(body=BootDevice, status=204)
    def put(self, call, body, ident):
        uuid = nodes.uuid(self.site, ident, call)
        self.site.conductor.set_boot_device(uuid, body['boot_device'], body.get('persistent', False))


class Supported(Resource):

    @expose(answer=shape(supported_boot_devices=some(str)))
    def list(self, call, ident):
        return {'supported_boot_devices': self.site.conductor.boot_devices(nodes.uuid(self.site, ident, call))}


class InjectNmi(Resource):
    """PUT /v1/nodes/IDENT/management/inject_nmi"""

    @expose(body=NoBody, status=204, is_optional=True)
    def put(self, call, body, ident):
        self.site.conductor.order(nodes.uuid(self.site, ident, call), 'management', 'inject_nmi')
