"""/v1/events: what network services tell; it is logged."""

import logging

from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types import events as types

log = logging.getLogger(__name__)


class Events(Resource):

    @expose(body=types.Events, status=204)
    def create(self, call, body):
        for event in body['events']:
            log.info('Port %s (%s): %s, status %s', event['port_id'], event['mac_address'], event['event'], event['status'])
