"""/v1/volume: connectors and targets, all of them and those of one node."""

from ingot import errors, states
from ingot.api import collection, links, versions, views
from ingot.api.answers import LINKS, shape
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.volume import CREATE_ONLY, Connector, Target, VolumeQuery
from ingot.db import node, volume

_PARTS = shape(links=LINKS, connectors=LINKS, targets=LINKS)


def tree(site):
    return Volume(site, since=versions.ENDPOINTS['volume'],
                  fixed={'connectors': Connectors(site), 'targets': Targets(site)})


def of_node(site):
    """The tree below /v1/nodes/IDENT/volume."""
    return VolumeOfNode(site, since=versions.ENDPOINTS['volume'], fixed={
        'connectors': ConnectorsOfNode(site), 'targets': TargetsOfNode(site)})


class Volume(Resource):

    @expose(answer=_PARTS)
    def list(self, call):
        return _document(call, 'volume')


class VolumeOfNode(Resource):
    """GET /v1/nodes/IDENT/volume"""

    @expose(answer=_PARTS)
    def list(self, call, ident):
        [uuid] = node.show(self.site.database, ident, (node.TABLE.c.uuid,))
        return _document(call, f'nodes/{uuid}/volume')


def _document(call, path):
    return {name: links.resource(call.base, path, tail) for name, tail in (
        ('links', ''), ('connectors', 'connectors'), ('targets', 'targets'))}


class _Storage(collection.Collection):
    create_only = CREATE_ONLY

    def complete(self, call, current, changed):
        _check_off(self.noun, current)
        return changed

    def check_delete(self, current):
        if current['node']['provision_state'] not in states.DELETABLE:
            _check_off(self.noun, current)


class Connectors(_Storage):
    noun, store, type, query = views.CONNECTOR, volume.CONNECTORS, Connector, VolumeQuery


class Targets(_Storage):
    noun, store, type, query = views.TARGET, volume.TARGETS, Target, VolumeQuery


class ConnectorsOfNode(collection.OfNode, of=Connectors, place='volume/connectors'):
    """GET /v1/nodes/IDENT/volume/connectors"""


class TargetsOfNode(collection.OfNode, of=Targets, place='volume/targets'):
    """GET /v1/nodes/IDENT/volume/targets"""


def _check_off(noun, current):
    owner = current['node']
    if owner['power_state'] != 'power off':
        raise errors.InvalidState(f'Volume {noun.name} {current["uuid"]} cannot change while its node {owner["uuid"]} is '
                                  f'"{owner["power_state"]}".', remedy='Power the node off first.')
