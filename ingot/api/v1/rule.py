"""/v1/inspection_rules"""

from ingot.api import collection, versions, views
from ingot.api.expose import expose
from ingot.api.types.rule import CREATE_ONLY, Rule, RuleQuery
from ingot.db import rule


def tree(site):
    return Rules(site, since=versions.ENDPOINTS['inspection_rules'])


class Rules(collection.Collection):
    noun, store, type, query = views.RULE, rule.STORE, Rule, RuleQuery
    create_only = CREATE_ONLY
    defaults = {'priority': 0, 'sensitive': False, 'phase': 'main', 'conditions': []}

    def prepare(self, call, body):
        return {**body, 'conditions': body.get('conditions') or []}

    @expose(status=204)
    def clear(self, call):
        rule.clear(self.site.database)
