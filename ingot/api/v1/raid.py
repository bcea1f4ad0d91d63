"""RAID: the wish for a node (PUT /v1/nodes/IDENT/states/raid), and what a wish may say."""

from ingot.api import nodes, versions
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.raid import MEANINGS, Raid
from ingot.db import driver, node

_MEANINGS = {'type': 'object', 'additionalProperties': {'type': 'string'}}


class RaidOf(Resource):

    @expose(body=Raid, status=204, is_optional=True)
    def put(self, call, body, ident):
        versions.require('This', versions.ENDPOINTS, ['raid'], call.minor)
        self.site.conductor.ask(nodes.uuid(self.site, ident, call), 'raid', 'check', config=body)

        def decide(current):
            nodes.refuse_locked(current)
            return {'target_raid_config': body} if current['target_raid_config'] != body else {}
        node.edit(self.site.database, ident, [node.TABLE.c.id], decide)


class Properties(Resource):
    """GET /v1/drivers/NAME/raid/logical_disk_properties: the same for all drivers."""

    @expose(answer=_MEANINGS)
    def list(self, call, name):
        versions.require('This', versions.ENDPOINTS, ['logical_disk_properties'], call.minor)
        driver.get(self.site.database, name)
        return MEANINGS
