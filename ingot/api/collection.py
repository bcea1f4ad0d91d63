"""Collection: the five handlers that most resources have, from what is special to each: its types, its rules."""

from ingot.api import edit, listing, patch, versions, views
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types.query import FieldsQuery
from ingot.db import node


class Collection(Resource):
    """``list create get patch delete`` of ``noun``, kept in ``store``. A subclass names them, and overrides what differs."""

    noun = None                  # views.Noun
    store = None                 # db.store.Store
    type = None                  # WSME type of a body
    query = None                 # WSME type of the list's query
    create_only = frozenset()    # attributes that no patch may touch
    defaults = {}                # {attribute: what removing it leaves, where that is not null}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name, declared in (('list', {'query': cls.query}), ('create', {'body': cls.type, 'status': 201}),
                               ('get', {'query': FieldsQuery}), ('patch', {'body': patch.read, 'patched': cls.type}),
                               ('delete', {'status': 204})):
            if name not in vars(cls):
                setattr(cls, name, expose(noun=cls.noun, **declared)(globals()[f'_{name}']))

    def prepare(self, call, body):
        """The values to insert, from a validated body; raises what is wrong with it."""
        return body

    def complete(self, call, current, changed):
        """The values to store, from validated changes of the row ``current``; raises what forbids them."""
        return changed

    def check_delete(self, current):
        """Raises what forbids to delete the row ``current``."""


def _list(self, call):
    return listing.page(self.site, call, self.noun, self.store.rows)


def _create(self, call, body):
    versions.require('Field', versions.FIELDS[self.noun.name], body, call.minor)
    view = views.view(self.noun, None, call.minor)
    return edit.created(call, self.noun, view,
                        self.store.create(self.site.database, self.prepare(call, body), view.columns))


def _get(self, call, ident):
    view = views.view(self.noun, listing.one_fields(call, self.noun), call.minor)
    return edit.shown(call, view, self.store.show(self.site.database, ident, view.columns))


def _patch(self, call, operations, ident):
    edit.check(operations, self.type, self.noun, self.create_only, call.minor)
    view = views.view(self.noun, None, call.minor)

    def decide(current):
        return self.complete(call, current, edit.changes(operations, self.type, current, self.defaults))
    return edit.shown(call, view, self.store.edit(self.site.database, ident, view.columns, decide,
                                                  generation=call.generations))


def _delete(self, call, ident):
    self.store.delete(self.site.database, ident, self.check_delete, generation=call.generations)


class Detail(Resource):
    """GET of a collection's ``/detail``: the same list with all fields. ``of``: the collection."""

    def __init_subclass__(cls, *, of, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.of = of
        cls.list = expose(query=of.query, noun=of.noun)(_detail)


def _detail(self, call):
    noun = self.of.noun
    return listing.page(self.site, call, noun, self.of.store.rows, path=f'{noun.path}/detail', is_detailed=True)


class OfNode(Resource):
    """GET of the part of a collection that belongs to one node, at ``place`` below it. ``of``: the collection."""

    def __init_subclass__(cls, *, of, place, is_detailed=False, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.of, cls.place, cls.is_detailed = of, place, is_detailed
        cls.list = expose(query=of.query, noun=of.noun)(_list_of_node)


def _list_of_node(self, call, ident):
    node.show(self.site.database, ident, (node.TABLE.c.id,))
    return listing.page(self.site, call, self.of.noun, self.of.store.rows, path=f'nodes/{ident}/{self.place}',
                        filters={'node': ident}, is_detailed=self.is_detailed)
