"""Lists: what a query asks for, checked against the version, turned into one page of rows and a link to the next."""

from ingot import errors
from ingot.api import links, versions, views
from ingot.db import chassis, node, portgroup

_PAGING = frozenset({'fields', 'detail', 'limit', 'marker', 'sort_key', 'sort_dir'})
#: Filters that name another thing, which must be there: how it is shown, and its id.
_NAMED = {'node': (node.show, (node.TABLE.c.id,)), 'node_uuid': (node.show, (node.TABLE.c.id,)),
          'portgroup': (portgroup.STORE.show, (portgroup.TABLE.c.id,)),
          'chassis_uuid': (chassis.STORE.show, (chassis.TABLE.c.id,))}


def page(site, call, noun, rows, *, path=None, is_detailed=False, filters=None):
    """The document of a list.

    :param rows: ``rows(database, columns, filters, **paging)`` of the noun's db module.
    :param filters: conditions on top of those in the query. :param path: where the next page is, if not at the noun's place.
    """
    view = views.view(noun, _fields(call, noun, is_detailed), call.minor)
    limit = min(call.query.get('limit') or site.conf.api.max_limit, site.conf.api.max_limit)
    wanted, sorting = _filters(call, noun), _sorting(call, noun)
    for name in _NAMED.keys() & wanted.keys():
        show, columns = _NAMED[name]
        show(site.database, wanted[name], columns)
    if 'conductor' in wanted:
        wanted['conductor'] = wanted['conductor'], call.ring.share(wanted['conductor'])
    wanted |= filters or {}
    with site.turn:
        found = rows(site.database, view.columns, wanted, limit=limit, marker=call.query.get('marker'), **sorting)
        document = {noun.plural: view.render(found, call)}
    if len(found) == limit:
        document['next'] = links.next_page(call.base, path or noun.path, call.query, found[-1][-2])
    return document


def one_fields(call, noun):
    """The fields that a GET of one item asks for, or None for all."""
    fields = call.query.get('fields')
    if fields is not None:
        versions.require('Query argument', versions.FILTERS[noun.name], ['fields'], call.minor)
        noun.check(fields, call.minor)
    return fields


def _fields(call, noun, is_detailed):
    """Fields of each item, or None for all that the version knows."""
    fields, detail = call.query.get('fields'), call.query.get('detail')
    if fields is not None and (detail or is_detailed):
        raise errors.Invalid('Ask for fields, or for detail, not for both.')
    if fields is not None:
        return one_fields(call, noun)
    if detail is not None and versions.FILTERS[noun.name].get('detail', versions.LEAST) > call.minor:
        raise errors.Invalid(f'Unknown query argument in API version 1.{call.minor}: detail.')
    known = noun.visible(call.minor)
    return None if detail or is_detailed else [name for name in noun.brief if name in known]


def _filters(call, noun):
    filters = {name: value for name, value in call.query.items() if name not in _PAGING}
    versions.require('Filter', versions.FILTERS[noun.name], filters, call.minor)
    return filters


def _sorting(call, noun):
    key = call.query.get('sort_key', 'id')
    if key not in noun.sortable:
        raise errors.Invalid(f'{noun.plural} cannot be sorted by {key}.')
    versions.require('Sort key', versions.FIELDS[noun.name], [key], call.minor)
    return {'sort': key, 'is_descending': call.query.get('sort_dir') == 'desc'}
