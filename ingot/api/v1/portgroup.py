"""/v1/portgroups"""

from ingot import errors
from ingot.api import collection, versions, views
from ingot.api.expose import expose
from ingot.api.types.portgroup import CREATE_ONLY, Portgroup, PortgroupQuery
from ingot.api.v1 import port
from ingot.db import portgroup

_SINCE = versions.ENDPOINTS['portgroups']
_FREE = frozenset({'enroll', 'inspecting', 'inspect wait', 'manageable'})


def tree(site):
    return Portgroups(site, since=_SINCE, fixed={'detail': Detail(site)}, children={
        'ports': port.OfGroup(site, since=versions.ENDPOINTS['portgroup_ports'], fixed={'detail': port.DetailOfGroup(site)})})


def of_node(site):
    """The tree below /v1/nodes/IDENT/portgroups."""
    return OfNode(site, since=versions.ENDPOINTS['node_portgroups'], fixed={'detail': DetailOfNode(site)})


class Portgroups(collection.Collection):
    noun, store, type, query = views.PORTGROUP, portgroup.STORE, Portgroup, PortgroupQuery
    create_only = CREATE_ONLY
    defaults = {'mode': 'active-backup', 'standalone_ports_supported': True}

    def prepare(self, call, body):
        return {name: value for name, value in body.items() if value is not None or name not in self.defaults}

    def complete(self, call, current, changed):
        node = current['node']
        if not node['maintenance'] and node['provision_state'] not in _FREE and changed.keys() - {'extra', 'name'}:
            raise errors.Conflict(f'Port group {current["uuid"]} cannot change while node {node["uuid"]} is '
                                  f'"{node["provision_state"]}".', remedy='Set the node to maintenance, or manage it, first.')
        return changed

    @expose(status=204)
    def delete(self, call, ident):
        portgroup.STORE.delete(self.site.database, ident, generation=call.generations, also=portgroup.refuse_with_ports)


class Detail(collection.Detail, of=Portgroups):
    """GET /v1/portgroups/detail"""


class OfNode(collection.OfNode, of=Portgroups, place='portgroups'):
    """GET /v1/nodes/IDENT/portgroups"""


class DetailOfNode(collection.OfNode, of=Portgroups, place='portgroups/detail', is_detailed=True):
    """GET /v1/nodes/IDENT/portgroups/detail"""
