"""/v1/allocations, and the allocation of one node."""

from ingot import errors
from ingot.api import collection, edit, listing, patch, versions, views
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.allocation import CREATE_ONLY, Allocation, AllocationQuery
from ingot.api.types.query import FieldsQuery
from ingot.db import allocation, node


def tree(site):
    return Allocations(site, since=versions.ENDPOINTS['allocations'])


class Allocations(collection.Collection):
    noun, store, type, query = views.ALLOCATION, allocation.STORE, Allocation, AllocationQuery
    create_only = CREATE_ONLY

    @expose(query=AllocationQuery, noun=views.ALLOCATION)
    def list(self, call):
        """Here clients know a node that is not there as a bad question."""
        try:
            return collection._list(self, call)
        except errors.NotFound as error:
            if 'node' in call.query and 'marker' not in call.query:
                raise errors.Invalid(str(error)) from None
            raise

    @expose(body=Allocation, status=201, noun=views.ALLOCATION)
    def create(self, call, body):
        """The answer says "allocating", as clients expect; the decision stands when it is sent."""
        versions.require('Field', versions.FIELDS['allocation'], body, call.minor)
        body, view = _checked(self.site, body), views.view(self.noun, None, call.minor)
        ident = body.pop('node', None)
        row = allocation.create(self.site.database, body, view.columns) if ident is None else allocation.backfill(
            self.site.database, body, ident, view.columns)
        return edit.created(call, self.noun, view, row)

    @expose(body=patch.read, patched=Allocation, noun=views.ALLOCATION)
    def patch(self, call, operations, ident):
        versions.require_method('PATCH', versions.ENDPOINTS['allocation_patch'], call.minor)
        return collection._patch(self, call, operations, ident)

    @expose(status=204)
    def delete(self, call, ident):
        allocation.delete(self.site.database, ident, generation=call.generations)


class OfNode(Resource):
    """GET and DELETE of /v1/nodes/IDENT/allocation"""

    @expose(query=FieldsQuery, noun=views.ALLOCATION)
    def list(self, call, ident):
        view = views.view(views.ALLOCATION, listing.one_fields(call, views.ALLOCATION), call.minor)
        return edit.shown(call, view, allocation.STORE.show(self.site.database, self._uuid(ident), view.columns))

    @expose(status=204)
    def clear(self, call, ident):
        allocation.delete(self.site.database, self._uuid(ident), generation=call.generations)

    def _uuid(self, ident):
        [uuid] = node.show(self.site.database, ident, (node.TABLE.c.allocation_uuid,))
        if uuid is None:
            raise errors.NotFound(f'Node {ident} has no allocation.')
        return uuid


def _checked(site, body):
    """``body`` with candidates as uuids; Invalid when it asks for nothing, or for nodes that are not there."""
    if not body.get('resource_class') and not body.get('node'):
        raise errors.Invalid('An allocation needs a resource_class, or a node.')
    if not body.get('candidate_nodes'):
        return body
    try:
        uuids = [node.show(site.database, ident, (node.TABLE.c.uuid,))[0] for ident in body['candidate_nodes']]
    except errors.NotFound as error:
        raise errors.Invalid(f'candidate_nodes: {error}') from None
    return {**body, 'candidate_nodes': uuids}
