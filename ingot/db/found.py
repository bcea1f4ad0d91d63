"""What the last inspection found of one kind in a machine (disks, network cards): a few rows a node, replaced together."""

import sqlalchemy as sa

from ingot.db import models, row
from ingot.db.difference import difference
from ingot.db.node import matching, missing


class Found:
    """Rows of ``table``, whose ``columns`` inspections tell. ``key``: function of a row (a dict) that says which thing it is.

    :param silent: columns that, when they are empty, say nothing: that is no change.
    """

    def __init__(self, table, key, columns, *, silent=()):
        self.table, self.key, self.columns, self.silent = table, key, columns, silent

    def of_node(self, database, ident):
        """The rows of the node with this uuid or name as dicts of ``columns``, JSON parsed; NotFound without the node."""
        nodes = models.nodes
        with database.read() as connection:
            node = connection.execute(sa.select(nodes.c.id).where(matching(ident))).first()
            if node is None:
                raise missing(ident)
            return self.rows(connection, node.id)

    def rows(self, connection, node_id):
        query = sa.select(*(self.table.c[name] for name in self.columns)).where(self.table.c.node_id == node_id)
        return sorted((row.parse(self.table, dict(zip(self.columns, found, strict=True)))
                       for found in connection.execute(query)), key=_name)

    def replace(self, connection, node, found):
        """Make the rows of ``node`` those that were ``found`` (dicts of ``columns``); what changed (see ``difference``)."""
        before = self.rows(connection, node['id'])
        found = sorted(({name: one.get(name) for name in self.columns} for one in found), key=_name)
        if before != found:
            connection.execute(sa.delete(self.table).where(self.table.c.node_id == node['id']))
            if found:
                connection.execute(sa.insert(self.table), [row.dump(self.table, one) | {'node_id': node['id']} for one in found])
        known = {self.key(one): one for one in before}
        return difference(before, [self._said(known.get(self.key(one)), one) for one in found], self.key, self.columns)

    def _said(self, old, new):
        """``new`` with what it does not say as in ``old``."""
        return new | {name: old[name] for name in self.silent if old and (not new[name] or not old[name])}


def _name(one):
    return one['name']
