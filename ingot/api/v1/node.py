"""/v1/nodes"""

import orjson

from ingot import errors
from ingot.api import answers, edit, interfaces, listing, nodes, patch, versions, views
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.node import CREATE_ONLY, PATCH_ONLY, Maintenance, Node, NodePatchQuery, NodeQuery
from ingot.api.types.query import FieldsQuery
from ingot.api.v1 import (
    allocation,
    bios,
    firmware,
    found,
    history,
    management,
    pci_device,
    port,
    portgroup,
    queue,
    states,
    trait,
    vendor,
    vif,
    vmedia,
    volume,
)
from ingot.db import driver, node


def tree(site):
    return Nodes(site, fixed={'detail': Detail(site)}, children={
        'states': states.tree(site), 'management': management.tree(site), 'maintenance': MaintenanceOf(site),
        'validate': Validate(site), 'inventory': Inventory(site, since=versions.ENDPOINTS['inventory']),
        'disks': found.Disks(site), 'nics': found.Nics(site),
        'traits': trait.Traits(site, since=versions.ENDPOINTS['traits']), 'volume': volume.of_node(site),
        'portgroups': portgroup.of_node(site), 'pci_devices': pci_device.OfNode(site),
        'allocation': allocation.OfNode(site, since=versions.ENDPOINTS['allocations']),
        'bios': bios.tree(site), 'firmware': firmware.tree(site), 'vifs': vif.tree(site), 'vendor_passthru': vendor.tree(site),
        'vmedia': vmedia.VirtualMedia(site, since=versions.ENDPOINTS['vmedia']),
        'history': history.tree(site), 'children': Children(site, since=versions.ENDPOINTS['children']),
        'ports': port.OfNode(site, fixed={'detail': port.DetailOfNode(site)})})


class Nodes(Resource):
    names_since = versions.FIELDS['node']['name']

    @expose(query=NodeQuery, noun=views.NODE)
    def list(self, call):
        return _page(self.site, call)

    @expose(body=Node, status=201, noun=views.NODE)
    def create(self, call, body):
        versions.require('Field', versions.FIELDS['node'], body, call.minor)
        if PATCH_ONLY & body.keys():
            raise errors.Invalid(f'{", ".join(sorted(PATCH_ONLY & body.keys()))} can be set by a PATCH only.')
        view = views.view(views.NODE, None, call.minor)
        chosen = interfaces.choose(driver.offered(self.site.database), body['driver'], body)
        row = node.create(self.site.database, {**body, **chosen, 'provision_state': nodes.first_state(call.minor)},
                          view.columns)
        return edit.created(call, views.NODE, view, row)

    @expose(query=FieldsQuery, noun=views.NODE)
    def get(self, call, ident):
        fields = listing.one_fields(call, views.NODE)
        view = views.view(views.NODE, views.NODE.whole(call.minor) if fields is None else fields, call.minor)
        row = node.show(self.site.database, ident, view.columns)
        answer = edit.shown(call, view, row)
        for name in views.NODE.rare if fields is None else ():
            if answer.body[name] is None:
                del answer.body[name]
        if fields is None and queue.may_wait(answer.body):
            answer.body.update(queue.shown(self.site, row[-2]))
        return answer

    @expose(query=NodePatchQuery, body=patch.read, patched=Node, noun=views.NODE)
    def patch(self, call, operations, ident):
        edit.check(operations, Node, views.NODE, CREATE_ONLY, call.minor)
        roots = patch.roots(operations)
        is_reset = nodes.check_reset(call, roots)
        touches_driver = any(name == 'driver' or name in interfaces.COLUMNS for name in roots)
        offered = driver.offered(self.site.database) if touches_driver else {}
        view = views.view(views.NODE, None, call.minor)

        def decide(current):
            nodes.check_patch(current, operations, call.minor)
            changed = edit.changes(operations, Node, current, nodes.DEFAULTS)
            if touches_driver:
                changed = nodes.settle_interfaces(current, changed, offered, is_reset=is_reset)
            nodes.check_changes(current, changed)
            return nodes.complete(current, changed)
        row = node.edit(self.site.database, ident, view.columns, decide, generation=call.generations)
        return edit.shown(call, view, row)

    @expose(status=204)
    def delete(self, call, ident):
        node.delete(self.site.database, ident, nodes.check_delete, generation=call.generations)


class Detail(Resource):
    """GET /v1/nodes/detail"""

    @expose(query=NodeQuery, noun=views.NODE)
    def list(self, call):
        return _page(self.site, call, path='nodes/detail', is_detailed=True)


class MaintenanceOf(Resource):
    """PUT and DELETE /v1/nodes/IDENT/maintenance"""

    @expose(body=Maintenance, status=202, is_optional=True)
    def put(self, call, body, ident):
        self._set(call, ident, maintenance=True, maintenance_reason=body.get('reason'))

    @expose(status=202)
    def clear(self, call, ident):
        self._set(call, ident, maintenance=False, maintenance_reason=None, fault=None)

    def _set(self, call, ident, **wanted):
        node.edit(self.site.database, ident, [node.TABLE.c.id],
                  lambda current: {name: value for name, value in wanted.items() if current[name] != value},
                  generation=call.generations)


class Validate(Resource):
    """GET /v1/nodes/IDENT/validate"""

    @expose(answer={'type': 'object', 'additionalProperties': answers.shape(('result',), result=bool, reason=str)})
    def list(self, call, ident):
        return self.site.conductor.validate(nodes.uuid(self.site, ident))


class Inventory(Resource):
    """GET /v1/nodes/IDENT/inventory"""

    @expose(answer=answers.shape(inventory=dict, plugin_data=dict))
    def list(self, call, ident):
        found = node.inventory(self.site.database, ident)
        if found is None:
            raise errors.NotFound(f'Node {ident} has no inventory.', remedy='Inspect it.')
        return {'inventory': orjson.Fragment(found[0]), 'plugin_data': orjson.Fragment(found[1])}


class Children(Resource):
    """GET /v1/nodes/IDENT/children"""

    @expose(answer=answers.shape(children=answers.some(str), links=answers.shape(rel=str, href=str)))
    def list(self, call, ident):
        uuid = nodes.uuid(self.site, ident)
        return {'children': node.children(self.site.database, uuid),
                'links': {'rel': 'children', 'href': f'{call.base}/v1/nodes?parent_node={uuid}'}}


def _page(site, call, **kwargs):
    is_plain = not call.query.keys() & {'parent_node', 'include_children', 'instance_uuid'}
    hidden = {'include_children': False} if is_plain else {}        # children show up only when they are asked for
    return listing.page(site, call, views.NODE, node.rows, filters=hidden, **kwargs)
