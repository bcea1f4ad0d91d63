"""/v1/nodes/backfill: resource class and traits for the nodes that lack them, by rules."""

from ingot import errors
from ingot.api import nodes, versions
from ingot.api.answers import shape, some
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.backfill import Backfill as Body
from ingot.db import backfill
from ingot.rules import backfill as rules

_NODE = shape(('uuid', 'name', 'rule', 'set', 'why'), uuid=str, name={'type': ['string', 'null']},
              rule={'type': ['integer', 'null']}, set=shape((), resource_class=str, traits=some(str)),
              why={'type': ['string', 'null']})
_PATCH = [('replace', ['resource_class'], None)]


class Backfill(Resource):

    @expose(body=Body, answer=shape(dry_run=bool, changed=int, unchanged=int, nodes=some(_NODE)))
    def create(self, call, body):
        """What was (``dry_run``: would be) set in which node, by which rule, or why not."""
        rules.check(body['rules'])
        is_dry, is_overwriting = body.get('dry_run', False), body.get('overwrite', False)

        def decide(node, inventory, plugin_data):
            return _permitted(node, rules.decide(body['rules'], node, inventory, plugin_data, is_overwriting=is_overwriting))
        found = backfill.run(self.site.database, decide, is_dry=is_dry, is_every=is_overwriting)
        changed = sum(bool(outcome.values) for _, outcome in found)
        return {'dry_run': is_dry, 'changed': changed, 'unchanged': len(found) - changed,
                'nodes': [{'uuid': node['uuid'], 'name': node['name'], 'rule': outcome.rule, 'set': outcome.values,
                           'why': outcome.why} for node, outcome in found]}


def _permitted(node, outcome):
    """``outcome``, or why it may not be: as a PATCH would be refused."""
    try:
        if outcome.values:
            nodes.check_patch(node, _PATCH, versions.MOST)
    except errors.Conflict as error:
        return outcome._replace(values={}, why=str(error))
    return outcome
