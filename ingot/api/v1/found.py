"""/v1/nodes/IDENT/disks and /v1/nodes/IDENT/nics: what its last inspection found, one entry each."""

from ingot.api import answers
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.db.disk import DISKS
from ingot.db.nic import NICS

_TEXT, _NUMBER, _FLAG = ({'type': [kind, 'null']} for kind in ('string', 'integer', 'boolean'))
_DISK = answers.shape(tuple(DISKS.columns), **{
    **dict.fromkeys(DISKS.columns, _TEXT), 'size': {'type': 'integer'}, 'rotational': _FLAG})
_NIC = answers.shape(tuple(NICS.columns), **{
    **dict.fromkeys(NICS.columns, _TEXT), 'has_carrier': _FLAG, 'speed': _NUMBER, 'lldp': {'type': 'object'}})


class Disks(Resource):

    @expose(answer=answers.shape(disks=answers.some(_DISK)))
    def list(self, call, ident):
        return {'disks': DISKS.of_node(self.site.database, ident)}


class Nics(Resource):

    @expose(answer=answers.shape(nics=answers.some(_NIC)))
    def list(self, call, ident):
        return {'nics': NICS.of_node(self.site.database, ident)}
