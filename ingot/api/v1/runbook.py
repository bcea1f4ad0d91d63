"""/v1/runbooks, and the traits of nodes that one is for."""

from ingot import errors
from ingot.api import collection, versions, views
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types import scalar
from ingot.api.types.runbook import CREATE_ONLY, Runbook, RunbookQuery, TraitList
from ingot.db import runbook

#: Since this minor a runbook's name is free, and its traits say which nodes it is for; before, its name was that trait.
_FREE_NAMES = versions.ENDPOINTS['runbook_traits']


def tree(site):
    return Runbooks(site, since=versions.ENDPOINTS['runbooks'], children={
        'traits': Traits(site, since=versions.ENDPOINTS['runbook_traits'])})


class Runbooks(collection.Collection):
    noun, store, type, query = views.RUNBOOK, runbook.STORE, Runbook, RunbookQuery
    create_only = CREATE_ONLY
    defaults = {'disable_ramdisk': False, 'public': False}

    def prepare(self, call, body):
        _check(call, body)
        return body

    def complete(self, call, current, changed):
        if changed.get('public') and 'owner' not in changed:
            changed = {**changed, 'owner': None}
        _check(call, {**current, **changed}, changed)
        return changed


class Traits(Resource):
    """GET and PUT of /v1/runbooks/IDENT/traits, PUT and DELETE of one below it."""

    @expose(answer=TraitList)
    def list(self, call, ident):
        current = runbook.STORE.get(self.site.database, ident)
        return Answer({'traits': current['traits']}, ETag=f'"{current["generation"]}"')

    @expose(body=TraitList, status=204)
    def put(self, call, body, ident):
        self._set(call, ident, lambda traits: body['traits'])

    @expose(status=204)
    def clear(self, call, ident):
        self._set(call, ident, lambda traits: [])

    @expose(status=204)
    def replace(self, call, ident, trait):
        if not scalar.is_trait(trait):
            raise errors.Invalid(f'"{trait}" is no trait.', remedy='CUSTOM_ with capital letters, digits and "_".')
        self._set(call, ident, lambda traits: sorted({*traits, trait}))
        return Answer(None, Location=f'{call.base}/v1/runbooks/{ident}/traits/{trait}')

    @expose(status=204)
    def delete(self, call, ident, trait):
        """One that is not there is gone already: clients rely on that."""
        self._set(call, ident, lambda traits: [other for other in traits if other != trait])

    def _set(self, call, ident, change):
        runbook.STORE.edit(self.site.database, ident, (runbook.STORE.table.c.id,),
                           lambda current: {'traits': change(current['traits'])}, generation=call.generations)


def _check(call, values, changed=None):
    if call.minor < _FREE_NAMES and 'name' in (values if changed is None else changed) and not scalar.is_trait(values['name']):
        raise errors.Invalid(f'Invalid value for name: below API version 1.{_FREE_NAMES} it must be a trait.')
    if values.get('public') and values.get('owner'):
        raise errors.Invalid('A public runbook has no owner.', remedy='Leave owner out, or make it not public.')
