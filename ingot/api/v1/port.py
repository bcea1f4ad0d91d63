"""/v1/ports"""


from ingot import errors
from ingot.api import edit, listing, patch, versions, views
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.port import CREATE_ONLY, Port, PortQuery
from ingot.api.types.query import FieldsQuery
from ingot.db import clock, node, port, portgroup

#: What the switch or the boot depends on changes only while nothing runs on the machine.
_CONNECTIVITY = frozenset({'pxe_enabled', 'local_link_connection', 'physical_network', 'address', 'node_uuid',
                           'portgroup_uuid'})
_CHANGEABLE = frozenset({'enroll', 'inspecting', 'inspect wait', 'manageable'})
_DEFAULTS = {'pxe_enabled': True, 'is_smartnic': False, 'available_for_dynamic_portgroup': True}


def tree(site):
    return Ports(site, fixed={'detail': Detail(site)})


class Ports(Resource):

    @expose(query=PortQuery, noun=views.PORT)
    def list(self, call):
        return _page(self.site, call)

    @expose(body=Port, status=201, noun=views.PORT)
    def create(self, call, body):
        versions.require('Field', versions.FIELDS['port'], body, call.minor)
        versions.require_link(body.get('local_link_connection', ()), call.minor)
        given = [body.pop(name) for name in ('node_uuid', 'node_ident') if name in body]
        if len(given) != 1:
            raise errors.Invalid('A port needs node_uuid or node_ident, and not both.')
        view = views.view(views.PORT, None, call.minor)
        row = port.create(self.site.database, {**body, 'node_ident': given[0]}, view.columns)
        return edit.created(call, views.PORT, view, row)

    @expose(query=FieldsQuery, noun=views.PORT)
    def get(self, call, ident):
        view = views.view(views.PORT, listing.one_fields(call, views.PORT), call.minor)
        return edit.shown(call, view, port.show(self.site.database, ident, view.columns))

    @expose(body=patch.read, patched=Port, noun=views.PORT)
    def patch(self, call, operations, ident):
        edit.check(operations, Port, views.PORT, CREATE_ONLY, call.minor)
        view = views.view(views.PORT, None, call.minor)

        def decide(current, owner):
            changed = edit.changes(operations, Port, current, _DEFAULTS)
            versions.require_link(changed.get('local_link_connection', ()), call.minor)
            _check_network(call, changed, current)
            _check_connectivity(changed, current, owner)
            return changed
        row = port.edit(self.site.database, ident, view.columns, decide, generation=call.generations)
        return edit.shown(call, view, row)

    @expose(status=204)
    def delete(self, call, ident):
        port.delete(self.site.database, ident, _check_lock, generation=call.generations)


class Detail(Resource):
    """GET /v1/ports/detail"""

    @expose(query=PortQuery, noun=views.PORT)
    def list(self, call):
        return _page(self.site, call, path='ports/detail', is_detailed=True)


class OfNode(Resource):
    """GET /v1/nodes/IDENT/ports"""

    @expose(query=PortQuery, noun=views.PORT)
    def list(self, call, ident):
        node.show(self.site.database, ident, [node.TABLE.c.id])
        return _page(self.site, call, path=f'nodes/{ident}/ports', filters={'node': ident})


class DetailOfNode(Resource):
    """GET /v1/nodes/IDENT/ports/detail"""

    @expose(query=PortQuery, noun=views.PORT)
    def list(self, call, ident):
        node.show(self.site.database, ident, [node.TABLE.c.id])
        return _page(self.site, call, path=f'nodes/{ident}/ports/detail', filters={'node': ident}, is_detailed=True)


class OfGroup(Resource):
    """GET /v1/portgroups/IDENT/ports"""

    is_detailed, tail = False, 'ports'

    @expose(query=PortQuery, noun=views.PORT)
    def list(self, call, ident):
        portgroup.STORE.show(self.site.database, ident, (portgroup.TABLE.c.id,))
        return _page(self.site, call, path=f'portgroups/{ident}/{self.tail}', filters={'portgroup': ident},
                     is_detailed=self.is_detailed)


class DetailOfGroup(OfGroup):
    """GET /v1/portgroups/IDENT/ports/detail"""

    is_detailed, tail = True, 'ports/detail'


def _page(site, call, **kwargs):
    wheres = sorted({'portgroup', 'shard', 'node' if 'node' in call.query else 'node_uuid'} & call.query.keys())
    if len(wheres) > 1:
        raise errors.NotPermitted(f'Ask for ports by one of {", ".join(wheres)}, not by more.')
    return listing.page(site, call, views.PORT, port.rows, **kwargs)


def _check_network(call, changed, current):
    """Since port groups have a physical network, it is theirs to change."""
    if ('physical_network' in changed and current['portgroup_uuid'] and 'portgroup_uuid' not in changed
            and call.minor >= versions.FIELDS['portgroup']['physical_network']):
        raise errors.Invalid(f'Port {current["uuid"]}: physical_network cannot change while it is in port group '
                             f'{current["portgroup_uuid"]}.', remedy='Change that of the port group.')


def _check_connectivity(changed, current, owner):
    fixed = sorted(changed.keys() & _CONNECTIVITY)
    if fixed and not owner['maintenance'] and owner['provision_state'] not in _CHANGEABLE:
        raise errors.Conflict(
            f'Port {current["uuid"]}: {", ".join(fixed)} cannot change while node {owner["uuid"]} is '
            f'"{owner["provision_state"]}".', remedy='Set the node to maintenance, or manage it, first.')


def _check_lock(current, owner):
    if owner['lock_expires_at'] > clock.time():
        raise errors.Locked(f'Port {current["uuid"]}: its node {owner["uuid"]} is locked by {owner["lock_owner"]} '
                            f'for "{owner["lock_purpose"]}".')
    if owner['instance_uuid'] and not owner['maintenance']:
        raise errors.Conflict(f'Port {current["uuid"]}: its node {owner["uuid"]} has an instance.',
                              remedy='Set the node to maintenance first.')
