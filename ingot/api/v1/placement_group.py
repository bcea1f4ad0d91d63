"""/v1/placement_groups: allocations that are to be near to each other, or apart."""

from ingot import errors
from ingot.api import collection, views
from ingot.api.expose import expose
from ingot.api.types.placement_group import CREATE_ONLY, PlacementGroup, PlacementGroupQuery
from ingot.api.types.query import FieldsQuery
from ingot.db import placement_group

#: What members were placed by: it does not change under them.
_BINDING = frozenset({'policy', 'scope', 'hard'})


def tree(site):
    return PlacementGroups(site)


class PlacementGroups(collection.Collection):
    noun, store, type, query = views.PLACEMENT_GROUP, placement_group.STORE, PlacementGroup, PlacementGroupQuery
    create_only = CREATE_ONLY
    defaults = {'scope': 'node', 'hard': True, 'extra': {}}

    def prepare(self, call, body):
        _check(body)
        return body

    def complete(self, call, current, changed):
        _check({**current, **changed})
        found = placement_group.members(self.site.database, current['uuid']) if _BINDING & changed.keys() else ()
        if found:
            raise errors.Conflict(f'Placement group {current["name"]} has {len(found)} members, which were placed by its '
                                  f'{", ".join(sorted(_BINDING & changed.keys()))}.',
                                  remedy='Delete those allocations first, or make another group.')
        return changed

    @expose(query=FieldsQuery, noun=views.PLACEMENT_GROUP)
    def get(self, call, ident):
        """One group; with all its fields also its members, allocations, the oldest first."""
        answer = collection._get(self, call, ident)
        if 'fields' not in call.query:
            answer.body['members'] = placement_group.members(self.site.database, answer.body['uuid'])
        return answer

    @expose(status=204)
    def delete(self, call, ident):
        placement_group.delete(self.site.database, ident, generation=call.generations)


def _check(group):
    """Invalid for a group that asks for what cannot be."""
    if group['policy'] == 'affinity' and group.get('scope', 'node') == 'node':
        raise errors.Invalid('Allocations have a node each: affinity needs a scope wider than node.',
                             remedy='scope: chassis, rack, switch or zone.')
