"""/v1/nodes/IDENT/states/console"""

from ingot.api import nodes
from ingot.api.answers import shape
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types.hardware import Enabled
from ingot.db import node


class Console(Resource):

    @expose(answer=shape(console_enabled=bool, console_info=dict))
    def list(self, call, ident):
        current = node.get(self.site.database, ident)
        is_on = bool(current['console_enabled'])
        info = self.site.conductor.ask(current['uuid'], 'console', 'console') if is_on else None
        return {'console_enabled': is_on, 'console_info': info}

    @expose(body=Enabled, status=202)
    def put(self, call, body, ident):
        self.site.conductor.order(nodes.uuid(self.site, ident, call), 'console', 'start' if body['enabled'] else 'stop')
        return Answer(None, 202, Location=f'{call.base}/v1/nodes/{ident}/states/console')
