"""/v1/decisions: who would get an allocation, or why nobody would; nothing is changed, and nothing kept."""

from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.allocation import Decision
from ingot.api.v1 import allocation
from ingot.db import decision

_LIMIT = 10
_CANDIDATE = shape(node=str, name=str, generation=int, score={'type': 'number'}, devices=some(some(str)))
WHY = {'type': ['object', 'null'], 'description': 'summary: a sentence; blocking: the smallest set of conditions that leaves '
                                                  'nothing; relax: what would help, the cheapest first.'}


def tree(site):
    return Decisions(site)


class Decisions(Resource):

    @expose(body=Decision, answer=shape(candidates=some(_CANDIDATE), why=WHY))
    def create(self, call, body):
        """The best ``candidates``: for one node the best first, of ``count`` nodes exactly those; or ``why`` there are none."""
        limit = body.pop('limit', None) or _LIMIT
        body = allocation.checked(self.site, body)
        given = {name: value for name, value in body.items() if value not in (None, [])}
        decided = decision.decide(self.site.database, given, limit=limit, explain=True, kept=self.site.kept)
        return {'candidates': [_shown(one) for one in decided.candidates], 'why': decided.why}


def _shown(one):
    """A candidate as POST /v1/claims takes it."""
    return {'node': one['node'], 'name': one['name'] or None, 'generation': one['generation'], 'score': one['score'],
            'devices': [list(uuids) for uuids in one['devices']]}
