"""/v1/inspection_rules"""

from ingot import errors
from ingot.api import collection, versions, views
from ingot.api.expose import expose
from ingot.api.types.rule import CREATE_ONLY, Rule, RuleQuery
from ingot.db import rule
from ingot.rules import rule as rules


def tree(site):
    return Rules(site, since=versions.ENDPOINTS['inspection_rules'])


class Rules(collection.Collection):
    noun, store, type, query = views.RULE, rule.STORE, Rule, RuleQuery
    create_only = CREATE_ONLY
    defaults = {'priority': 0, 'sensitive': False, 'phase': 'main', 'conditions': []}

    def prepare(self, call, body):
        values = {**self.defaults, **{name: value for name, value in body.items() if value is not None}}
        rules.check(values['conditions'], values['actions'])
        return values

    def complete(self, call, current, changed):
        if current['sensitive'] and changed.get('sensitive') is False:
            raise errors.PatchRefused(f'Inspection rule {current["uuid"]} stays sensitive: what it hides would show.',
                                      remedy='Delete it, and create another one.')
        after = {**current, **changed}
        rules.check(after['conditions'], after['actions'])
        return changed

    @expose(status=204)
    def clear(self, call):
        rule.clear(self.site.database)
