"""/v1/claims: take what a decision told, all of it or nothing, if it still is so."""

from ingot.api import versions, views
from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.allocation import Claim
from ingot.api.v1 import allocation as allocations
from ingot.db import allocation, claim


def tree(site):
    return Claims(site)


class Claims(Resource):

    @expose(body=Claim, status=201, answer=shape(allocations=some({'type': 'object'})))
    def create(self, call, body):
        """The allocations that it made, one for each candidate; 409 says which node or device has changed, and to what."""
        versions.require('Field', versions.FIELDS['allocation'], body, call.minor)
        picks = [claim.Pick(one['node'].lower(), one['generation'], tuple(
            tuple(uuid.lower() for uuid in uuids) for uuids in one.get('devices', []))) for one in body.pop('candidates')]
        wanted, view = allocations.newer(body), views.view(views.ALLOCATION, None, call.minor)
        made = view.render(allocation.take(self.site.database, body, picks, view.columns, wanted), call)
        return {'allocations': allocations.with_more(self.site, made, made)}
