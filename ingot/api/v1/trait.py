"""/v1/nodes/IDENT/traits"""

from ingot import errors
from ingot.api import nodes
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types import scalar
from ingot.api.types.hardware import NoBody
from ingot.api.types.runbook import TraitList
from ingot.db import node

_MOST = 50


class Traits(Resource):

    @expose(answer=TraitList)
    def list(self, call, ident):
        current = node.get(self.site.database, ident)
        return Answer({'traits': current['traits']}, ETag=f'"{current["generation"]}"')

    @expose(body=TraitList, status=204)
    def put(self, call, body, ident):
        self._set(call, ident, lambda traits: body['traits'])

    @expose(status=204)
    def clear(self, call, ident):
        self._set(call, ident, lambda traits: [])

    @expose(body=NoBody, status=204, is_optional=True)
    def replace(self, call, body, ident, trait):
        if not scalar.is_trait(trait):
            raise errors.Invalid(f'"{trait}" is no trait.', remedy='CUSTOM_ with capital letters, digits and "_".')
        self._set(call, ident, lambda traits: sorted({*traits, trait}))
        return Answer(None, Location=f'{call.base}/v1/nodes/{ident}/traits/{trait}')

    @expose(status=204)
    def delete(self, call, ident, trait):
        def without(traits):
            if trait not in traits:
                raise errors.NotFound(f'Node {ident} has no trait {trait}.')
            return [other for other in traits if other != trait]
        self._set(call, ident, without)

    def _set(self, call, ident, change):
        def decide(current):
            nodes.refuse_locked(current)
            traits = change(current['traits'])
            if len(traits) > _MOST:
                raise errors.Invalid(f'Node {current["uuid"]} would have {len(traits)} traits; {_MOST} are the most.')
            return {} if traits == current['traits'] else {'traits': traits}
        node.edit(self.site.database, ident, (node.TABLE.c.id,), decide, generation=call.generations)
