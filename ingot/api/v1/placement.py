"""/v1/placement: whether OpenStack Placement has heard everything."""

import datetime

from ingot import config
from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.db import placement

_NODE = shape(node=str, error=str, failures=int, told_at=str)


class Reporting(Resource):

    @expose(answer=shape(enabled=bool, told=int, waiting=int, lag={'type': 'number'}, refused=int, nodes=some(_NODE)))
    def list(self, call):
        """How many nodes it was told of and is still to hear of, for how many seconds, and what it refused."""
        found = placement.status(self.site.database)
        for node in found['nodes']:
            node['told_at'] = datetime.datetime.fromtimestamp(node['told_at'], datetime.UTC).isoformat(timespec='seconds')
        return {'enabled': config.tells_placement(self.site.conf), **found}
