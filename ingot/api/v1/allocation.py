"""/v1/allocations, and the allocation of one node."""

from ingot import errors
from ingot.api import collection, edit, listing, patch, versions, views
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.allocation import CREATE_ONLY, NEWER, Allocation, AllocationQuery, GangQuery
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
            document = collection._list(self, call)
        except errors.NotFound as error:
            if 'node' in call.query and 'marker' not in call.query:
                raise errors.Invalid(str(error)) from None
            raise
        return document if 'fields' in call.query else with_more(self.site, document, document[self.noun.plural])

    @expose(query=FieldsQuery, noun=views.ALLOCATION)
    def get(self, call, ident):
        """What was asked for beyond what Ironic's clients know is shown too, with the devices that were granted."""
        answer = collection._get(self, call, ident)
        return answer if 'fields' in call.query else with_more(self.site, answer, [answer.body])

    @expose(body=Allocation, status=201, noun=views.ALLOCATION)
    def create(self, call, body):
        """The answer says "allocating", as clients expect; the decision stands when it is sent."""
        versions.require('Field', versions.FIELDS['allocation'], body, call.minor)
        body, view = checked(self.site, body), views.view(self.noun, None, call.minor)
        ident, wanted = body.pop('node', None), newer(body)
        if ident is not None:
            _refuse_more(wanted)
            row = allocation.backfill(self.site.database, body, ident, view.columns)
            return edit.created(call, self.noun, view, row)
        answer = edit.created(call, self.noun, view, allocation.create(self.site.database, body, view.columns, wanted,
                                                                    self.site.kept))
        return with_more(self.site, answer, [answer.body]) if wanted else answer

    @expose(body=patch.read, patched=Allocation, noun=views.ALLOCATION)
    def patch(self, call, operations, ident):
        versions.require_method('PATCH', versions.ENDPOINTS['allocation_patch'], call.minor)
        return collection._patch(self, call, operations, ident)

    @expose(query=GangQuery, status=204)
    def delete(self, call, ident):
        """``gang``: together with all that were asked for in the same request."""
        allocation.delete(self.site.database, ident, generation=call.generations, is_gang=call.query.get('gang', False))


class OfNode(Resource):
    """GET and DELETE of /v1/nodes/IDENT/allocation"""

    @expose(query=FieldsQuery, noun=views.ALLOCATION)
    def list(self, call, ident):
        view = views.view(views.ALLOCATION, listing.one_fields(call, views.ALLOCATION), call.minor)
        answer = edit.shown(call, view, allocation.STORE.show(self.site.database, self._uuid(ident), view.columns))
        return answer if 'fields' in call.query else with_more(self.site, answer, [answer.body])

    @expose(status=204)
    def clear(self, call, ident):
        allocation.delete(self.site.database, self._uuid(ident), generation=call.generations)

    def _uuid(self, ident):
        [uuid] = node.show(self.site.database, ident, (node.TABLE.c.allocation_uuid,))
        if uuid is None:
            raise errors.NotFound(f'Node {ident} has no allocation.')
        return uuid


def newer(body):
    """Take out of ``body``, and return, what Ironic's clients do not send, and is not null."""
    return {name: value for name, value in ((name, body.pop(name)) for name in NEWER if name in body) if value not in (None, [])}


def _refuse_more(wanted):
    if wanted:
        raise errors.Invalid(f'{", ".join(sorted(wanted))} cannot be asked for together with a node that is in use already.')


def with_more(site, answer, shown):
    """``answer``, in which the allocations ``shown`` tell what else they were asked for."""
    found = allocation.more(site.database, [one['uuid'] for one in shown if 'uuid' in one])
    for one in shown:
        one.update(found.get(one.get('uuid'), {}))
    return answer


def checked(site, body):
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
