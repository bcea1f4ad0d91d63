"""/v1/nodes/IDENT/vmedia: images that the BMC shows to the machine as drives."""

from ingot import errors
from ingot.api import nodes, versions
from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.hardware import Media, MediaQuery

_TYPES = ('disk', 'cdrom', 'floppy')


class VirtualMedia(Resource):

    @expose(answer=shape(vmedia=some({'type': 'object'})))
    def list(self, call, ident):
        versions.require('GET:', versions.ENDPOINTS, ['vmedia_list'], call.minor, kind=errors.NotFound)
        return {'vmedia': self.site.conductor.ask(nodes.uuid(self.site, ident, call), 'management', 'media')}

    @expose(body=Media, status=204)
    def create(self, call, body, ident):
        self.site.conductor.order(nodes.uuid(self.site, ident, call), 'management', 'attach_media', **body)

    @expose(query=MediaQuery, status=204)
    def clear(self, call, ident):
        wanted = call.query.get('device_types')
        if wanted and not set(wanted) <= set(_TYPES):
            raise errors.Invalid(f'Invalid value for device_types: expected some of {", ".join(_TYPES)}.')
        self.site.conductor.order(nodes.uuid(self.site, ident, call), 'management', 'detach_media', device_types=wanted)
