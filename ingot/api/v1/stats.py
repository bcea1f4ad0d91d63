"""/v1/stats: figures that others tell of nodes, or of what all nodes share; requests may ask for them (stats.PROVIDER.FIGURE).

A capacity is what its provider says it is: nothing that is allocated here takes anything from it.
"""

from ingot import errors
from ingot.api.answers import shape, some
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types.stats import NAME, Figures, Stats
from ingot.db import node, stats

_TOLD = shape(provider=str, figures=Figures().describe(), nodes=some(str), max_age=int, is_current={'type': 'boolean'},
              created_at=str, updated_at=str)


def tree(site):
    return Providers(site)


class Providers(Resource):

    @expose(answer=shape(stats=some(_TOLD)))
    def list(self, call):
        """What all providers tell, by name; ``is_current``: it is not older than its ``max_age``, and counts."""
        return {'stats': [_shown(told) for told in stats.every(self.site.database)]}

    @expose(answer=_TOLD)
    def get(self, call, provider):
        return _answer(stats.get(self.site.database, provider))

    @expose(body=Stats, answer=_TOLD)
    def replace(self, call, body, provider):
        """Tell all figures of a provider anew: of ``nodes``, or of the whole site; ``max_age``: seconds for which they count."""
        if not NAME.fullmatch(provider):
            raise errors.Invalid(f'"{provider[:100]}" is no name of a provider.',
                                 remedy='1 to 64 small letters, digits and "_", no digit first.')
        if body.get('nodes'):
            body = {**body, 'nodes': _uuids(self.site, body['nodes'])}
        return _answer(stats.put(self.site.database, provider, body, generation=call.generations))

    @expose(status=204)
    def delete(self, call, provider):
        stats.delete(self.site.database, provider, generation=call.generations)


def _uuids(site, idents):
    try:
        return [node.show(site.database, ident, (node.TABLE.c.uuid,))[0] for ident in idents]
    except errors.NotFound as error:
        raise errors.Invalid(f'nodes: {error}') from None


def _shown(told):
    return {name: told[name] for name in ('provider', 'figures', 'nodes', 'max_age', 'created_at', 'updated_at')} | {
        'is_current': stats.is_current(told)}


def _answer(told):
    return Answer(_shown(told), ETag=f'"{told["generation"]}"')
