"""/v1/chassis"""

from ingot.api import edit, listing, patch, views
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.chassis import CREATE_ONLY, Chassis, ChassisQuery
from ingot.api.types.node import NodeQuery
from ingot.api.types.query import FieldsQuery
from ingot.db import chassis, node


def tree(site):
    return Many(site, fixed={'detail': Detail(site)}, children={'nodes': Nodes(site)})


class Many(Resource):

    @expose(query=ChassisQuery)
    def list(self, call):
        return listing.page(self.site, call, views.CHASSIS, chassis.rows)

    @expose(body=Chassis, status=201)
    def create(self, call, body):
        view = views.view(views.CHASSIS, None, call.minor)
        return edit.created(call, views.CHASSIS, view, chassis.create(self.site.database, body, view.columns))

    @expose(query=FieldsQuery)
    def get(self, call, uuid):
        view = views.view(views.CHASSIS, listing.one_fields(call, views.CHASSIS), call.minor)
        return edit.shown(call, view, chassis.show(self.site.database, uuid, view.columns))

    @expose(body=patch.read)
    def patch(self, call, operations, uuid):
        edit.check(operations, Chassis, views.CHASSIS, CREATE_ONLY, call.minor)
        view = views.view(views.CHASSIS, None, call.minor)
        row = chassis.edit(self.site.database, uuid, view.columns,
                           lambda current: edit.changes(operations, Chassis, current), generation=call.generations)
        return edit.shown(call, view, row)

    @expose(status=204)
    def delete(self, call, uuid):
        chassis.delete(self.site.database, uuid, generation=call.generations)


class Detail(Resource):
    """GET /v1/chassis/detail"""

    @expose(query=ChassisQuery)
    def list(self, call):
        return listing.page(self.site, call, views.CHASSIS, chassis.rows, path='chassis/detail', is_detailed=True)


class Nodes(Resource):
    """GET /v1/chassis/UUID/nodes"""

    @expose(query=NodeQuery)
    def list(self, call, uuid):
        chassis.show(self.site.database, uuid, [chassis.TABLE.c.id])
        return listing.page(self.site, call, views.NODE, node.rows, path=f'chassis/{uuid}/nodes',
                            filters={'chassis_uuid': uuid})
