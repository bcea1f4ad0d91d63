"""What a machine has of one kind (BIOS settings, firmware components), as its BMC told last: a few rows a node."""

import sqlalchemy as sa

from ingot.db import models, row
from ingot.db.engine import now
from ingot.db.node import matching, missing


class Parts:
    """Rows of ``table``, one a node and ``key``; the columns ``first`` keep what was stored first."""

    def __init__(self, table, key, *, first=()):
        self.table, self.key, self.first = table, key, frozenset(first)

    def of_node(self, database, ident):
        """(uuid of the node, its rows as dicts by key, JSON parsed); NotFound without the node."""
        nodes = models.nodes
        with database.read() as connection:
            node = connection.execute(sa.select(nodes.c.id, nodes.c.uuid).where(matching(ident))).first()
            if node is None:
                raise missing(ident)
            return node.uuid, self._rows(connection, node.id)

    def save(self, connection, node_id, told):
        """Make the rows of a node those of ``told`` (a list of dicts by column); what did not change keeps its times."""
        known = {one[self.key]: one for one in self._rows(connection, node_id)}
        told = {one[self.key]: one for one in told}
        for key in known.keys() - told.keys():
            connection.execute(sa.delete(self.table).where(self.table.c.id == known[key]['id']))
        new = [row.dump(self.table, {**one, 'node_id': node_id, 'created_at': now()})
               for key, one in told.items() if key not in known]
        if new:
            names = {name for one in new for name in one}
            connection.execute(sa.insert(self.table), [dict.fromkeys(names) | one for one in new])
        for key in known.keys() & told.keys():
            self._change(connection, known[key], told[key])

    def _change(self, connection, known, one):
        changed = {name: value for name, value in one.items() if value != known[name] and name not in self.first}
        if changed:
            values = row.dump(self.table, {**changed, 'updated_at': now()})
            connection.execute(sa.update(self.table).where(self.table.c.id == known['id']).values(values))

    def _rows(self, connection, node_id):
        mine = sa.select(self.table).where(self.table.c.node_id == node_id).order_by(self.table.c[self.key])
        return [row.parse(self.table, one) for one in connection.execute(mine).mappings()]
