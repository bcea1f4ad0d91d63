"""What a machine has of one kind (BIOS settings, firmware components), as its BMC told last: a few rows a node."""

import sqlalchemy as sa

from ingot.db import batch, models, row
from ingot.db.engine import now
from ingot.db.node import matching, missing

#: As many new rows have a statement each, more are inserted at once.
_FEW = 4


class Parts:
    """Rows of ``table``, one a node and ``key``; the columns ``first`` keep what was stored first."""

    def __init__(self, table, key, *, first=()):
        self.table, self.key, self.first = table, key, frozenset(first)
        mine = table.c.id == sa.bindparam('its_id')
        self._insert, self._remove = sa.insert(table).inline(), sa.delete(table).where(mine)
        self._change = sa.update(table).where(mine)
        self._mine = sa.select(table).where(table.c.node_id == sa.bindparam('its_node')).order_by(table.c[key])
        self._empty = {column.name: None for column in table.columns if column.nullable}

    def of_node(self, database, ident):
        """(uuid of the node, its rows as dicts by key, JSON parsed); NotFound without the node."""
        nodes = models.nodes
        with database.read() as connection:
            node = connection.execute(sa.select(nodes.c.id, nodes.c.uuid).where(matching(ident))).first()
            if node is None:
                raise missing(ident)
            return node.uuid, self._rows(connection, node.id)

    def writing(self, database, node_id, told):
        """batch.Writes that make the rows of a node those of ``told`` (a list of dicts by column); what did not change keeps its
        times. Only the holder of the node's lock changes them."""
        with database.read() as connection:
            known = {one[self.key]: one for one in self._rows(connection, node_id)}
        told = {one[self.key]: one for one in told}
        gone = [batch.Write(self._remove, {'its_id': known[key]['id']}) for key in known.keys() - told.keys()]
        new = [row.dump(self.table, {**self._empty, **one, 'node_id': node_id, 'created_at': now()})
               for key, one in told.items() if key not in known]
        added = [new] if len(new) > _FEW else new
        inserts = [batch.Write(self._insert, values) for values in added]
        changes = [write for key in known.keys() & told.keys() for write in self._changing(known[key], told[key])]
        return [*gone, *inserts, *changes]

    def _changing(self, known, one):
        changed = {name: value for name, value in one.items() if value != known[name] and name not in self.first}
        values = row.dump(self.table, {**changed, 'updated_at': now()})
        return [batch.Write(self._change, values | {'its_id': known['id']})] if changed else []

    def _rows(self, connection, node_id):
        return [row.parse(self.table, one) for one in connection.execute(self._mine, {'its_node': node_id}).mappings()]
