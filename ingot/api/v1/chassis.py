"""/v1/chassis"""

from ingot.api import collection, listing, views
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.chassis import CREATE_ONLY, Chassis, ChassisQuery
from ingot.api.types.node import NodeQuery
from ingot.db import chassis, node


def tree(site):
    return Many(site, fixed={'detail': Detail(site)}, children={'nodes': Nodes(site)})


class Many(collection.Collection):
    noun, store, type, query = views.CHASSIS, chassis.STORE, Chassis, ChassisQuery
    create_only = CREATE_ONLY

    @expose(status=204)
    def delete(self, call, uuid):
        chassis.delete(self.site.database, uuid, generation=call.generations)


class Detail(collection.Detail, of=Many):
    """GET /v1/chassis/detail"""


class Nodes(Resource):
    """GET /v1/chassis/UUID/nodes"""

    @expose(query=NodeQuery, noun=views.NODE)
    def list(self, call, uuid):
        chassis.STORE.show(self.site.database, uuid, [chassis.TABLE.c.id])
        return listing.page(self.site, call, views.NODE, node.rows, path=f'chassis/{uuid}/nodes',
                            filters={'chassis_uuid': uuid})
