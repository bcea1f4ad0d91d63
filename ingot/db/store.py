"""Store: reads and writes of one kind of resource, each one transaction; what is special to a kind are its parameters."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import change, models, one, row
from ingot.db.page import page

_NODES = models.nodes


class Store:
    """Rows of ``table``; ``noun`` is what errors call one of them.

    :param filters: {name: function of the wanted value that gives a SQL condition}, where it is no column that must be equal.
    :param shown: {field: SQL expression} of what is shown beside the columns. :param hidden: columns that are not shown.
    :param follow: ``follow(connection, current, values)`` changes with a row what must change with it.
    :param named: whether a name is as good as a uuid. Rows with a ``node_id`` show it, and take it, as ``node_uuid``.
    """

    def __init__(self, noun, table, *, filters=None, shown=None, hidden=(), named=False, follow=None):
        self.noun, self.table = noun, table
        self._by = 'ident' if named else 'uuid'
        self._filters, self._follow = filters or {}, follow
        hidden = {'id', 'node_id', *hidden}
        self.shown = {column.name: column for column in table.columns if column.name not in hidden}
        self.has_node = 'node_id' in table.columns
        if self.has_node:
            self.shown['node_uuid'] = sa.select(_NODES.c.uuid).where(_NODES.c.id == table.c.node_id).scalar_subquery()
            self._filters = {'node': self._of_node, 'node_uuid': self._of_node, **self._filters}
        self.shown |= shown or {}
        self.sortable = frozenset({'id', *self.shown} & {column.name for column in table.columns}) - row.JSON[table.name]

    def _of_node(self, ident):
        wanted = sa.select(_NODES.c.id).where(sa.or_(_NODES.c.uuid == ident, _NODES.c.name == ident))
        return self.table.c.node_id.in_(wanted)

    def matching(self, ident):
        """The condition for the row with this uuid (or name)."""
        by_uuid = self.table.c.uuid == ident
        return sa.or_(by_uuid, self.table.c.name == ident) if self._by == 'ident' else by_uuid

    def missing(self, ident):
        """The error for a row that is not there."""
        return errors.NotFound(f'{self.noun[0].upper()}{self.noun[1:]} {ident} could not be found.')

    def conditions(self, filters):
        """SQL conditions of ``filters`` ({name: wanted}), as ``rows`` understands them."""
        return [self._filters[name](value) if name in self._filters else self.table.c[name] == value
                for name, value in filters.items()]

    def rows(self, database, columns, filters, **paging):
        """A page of rows that meet all of ``filters``; see ``page``."""
        return page(database, self.table, columns, filters, self._filters, **paging)

    def show(self, database, ident, columns):
        """One row (tuple) of ``columns``, SQL expressions; NotFound names ``ident``."""
        with database.read() as connection:
            return self.read(connection, self._by, ident, columns)

    def read(self, connection, by, ident, columns):
        """As ``show``, inside a transaction."""
        found = one.read(connection, self.table, by, ident, columns)
        if found is None:
            raise self.missing(ident)
        return found

    def get(self, database, ident):
        """The row as a dict, JSON parsed."""
        with database.read() as connection:
            found = one.whole(connection, self.table, self._by, ident)
        if found is None:
            raise self.missing(ident)
        return row.parse(self.table, found)

    def create(self, database, values, columns, also=None):
        """Insert a row and return ``columns`` of it. ``also(connection, id, values)``: more for the same transaction."""
        with database.write() as connection:
            values = self._resolve(connection, values)
            key = change.insert(connection, self.noun, self.table, values)
            if also:
                also(connection, key, values)
            return self.read(connection, 'id', key, columns)

    def edit(self, database, ident, columns, decide, *, generation=None):
        """Change a row in one transaction and return ``columns`` of it.

        ``decide(current)`` gets the current row, JSON parsed (with its ``node``, a dict, where it has one), and returns the
        new values of what changes. It may raise, and nothing is changed. ``generation``: see ``change.lock``.
        """
        with database.write() as connection:
            current = self.lock(connection, ident, generation)
            values = decide(current)
            if values:
                change.update(connection, self.noun, self.table, current, self._resolve(connection, values))
                if self._follow:
                    self._follow(connection, current, values)
            return self.read(connection, 'id', current['id'], columns)

    def delete(self, database, ident, decide=None, *, generation=None, also=None):
        """Delete a row; ``decide(current)`` raises when that may not be. ``also(connection, current)`` comes before it."""
        with database.write() as connection:
            current = self.lock(connection, ident, generation)
            if decide:
                decide(current)
            if also:
                also(connection, current)
            one.remove(connection, self.table, current['id'])

    def lock(self, connection, ident, generation):
        current = change.lock(connection, self.table, self._by, ident, self.missing(ident), generation=generation)
        if self.has_node:
            owner = one.whole(connection, _NODES, 'id', current['node_id'])
            current['node'] = owner and row.parse(_NODES, owner)
            current['node_uuid'] = owner and owner['uuid']
        return current

    def _resolve(self, connection, values):
        """``values`` with ``node_uuid`` (a uuid or name) resolved to the id that is stored; Invalid without such a node."""
        if not (self.has_node and 'node_uuid' in values):
            return values
        values = dict(values)
        wanted = values.pop('node_uuid')
        values['node_id'] = wanted and connection.execute(
            sa.select(_NODES.c.id).where(sa.or_(_NODES.c.uuid == wanted, _NODES.c.name == wanted))).scalar()
        if wanted and values['node_id'] is None:
            raise errors.Invalid(f'Node {wanted} could not be found.')
        return values
