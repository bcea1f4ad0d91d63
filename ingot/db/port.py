"""Ports: the network cards of nodes."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import change, event, models, node, row
from ingot.db.page import page

TABLE = models.ports
_NODES, _GROUPS = models.nodes, models.portgroups
_INTERNAL = {'id', 'node_id', 'portgroup_id'}

#: {what clients see: SQL expression}
SHOWN = {**{column.name: column for column in TABLE.columns if column.name not in _INTERNAL},
         'node_uuid': sa.select(_NODES.c.uuid).where(_NODES.c.id == TABLE.c.node_id).scalar_subquery(),
         'portgroup_uuid': sa.select(_GROUPS.c.uuid).where(_GROUPS.c.id == TABLE.c.portgroup_id).scalar_subquery()}
SORTABLE = frozenset(column.name for column in TABLE.columns) - {'node_id', 'portgroup_id'} - row.JSON['ports']


def _of_nodes(condition):
    return TABLE.c.node_id.in_(sa.select(_NODES.c.id).where(condition))


_FILTERS = {
    'node': lambda value: _of_nodes(node.matching(value)),
    'node_uuid': lambda value: _of_nodes(_NODES.c.uuid == value),
    'shard': lambda value: _of_nodes(_NODES.c.shard.in_(value)),
    'conductor_groups': lambda value: _of_nodes(_NODES.c.conductor_group.in_(value)),
    'description_contains': lambda value: TABLE.c.description.contains(value, autoescape=True),
}


def macs(database, node_id):
    """MACs of the node's ports that may netboot (pxe_enabled), in the order they were made."""
    query = sa.select(TABLE.c.address).where(TABLE.c.node_id == node_id, TABLE.c.pxe_enabled).order_by(TABLE.c.id)
    with database.read() as connection:
        return list(connection.execute(query).scalars())


def matching(ident):
    """The condition for the port with this uuid or name."""
    return sa.or_(TABLE.c.uuid == ident, TABLE.c.name == ident)


def missing(ident):
    """The error for a port that is not there."""
    return errors.NotFound(f'Port {ident} could not be found.')


def rows(database, columns, filters, **paging):
    """A page of ports that meet all of ``filters``; see ``page``."""
    conditions = [_FILTERS[name](value) if name in _FILTERS else TABLE.c[name] == value for name, value in filters.items()]
    return page(database, TABLE, columns, conditions, **paging)


def show(database, ident, columns):
    """One row (tuple) of ``columns``, SQL expressions, for the port with this uuid or name."""
    with database.read() as connection:
        return _show(connection, matching(ident), columns, ident)


def create(database, values, columns):
    """Insert a port of the node ``values['node_ident']`` and return ``columns`` of it."""
    values = dict(values)
    ident = values.pop('node_ident')
    with database.write() as connection:
        owner = _node(connection, node.matching(ident), ident)
        key = change.insert(connection, 'port', TABLE, {**values, 'node_id': owner['id']})
        _tell(connection, owner['uuid'])
        return _show(connection, TABLE.c.id == key, columns, key)


def edit(database, ident, columns, decide, *, generation=None):
    """Change a port in one transaction and return ``columns`` of it.

    ``decide(current, node)`` gets the current rows of the port (with ``node_uuid``) and its node and returns what changes.
    """
    with database.write() as connection:
        current = change.lock(connection, TABLE, 'ident', ident, missing(ident), generation=generation)
        owner = _node(connection, _NODES.c.id == current['node_id'], current['node_id'])
        values = decide({**current, 'node_uuid': owner['uuid']}, owner)
        if 'node_uuid' in values:
            wanted = values.pop('node_uuid')
            values['node_id'] = _node(connection, _NODES.c.uuid == wanted, wanted)['id']
        if values:
            change.update(connection, 'port', TABLE, current, values)
            _tell(connection, owner['uuid'])
        return _show(connection, TABLE.c.id == current['id'], columns, ident)


def delete(database, ident, decide, *, generation=None):
    """Delete a port; ``decide(current, node)`` raises when that may not be."""
    with database.write() as connection:
        current = change.lock(connection, TABLE, 'ident', ident, missing(ident), generation=generation)
        owner = _node(connection, _NODES.c.id == current['node_id'], current['node_id'])
        decide(current, owner)
        connection.execute(sa.delete(TABLE).where(TABLE.c.id == current['id']))
        _tell(connection, owner['uuid'])


def _show(connection, condition, columns, ident):
    found = connection.execute(sa.select(*columns).where(condition)).first()
    if found is None:
        raise missing(ident)
    return found


def _node(connection, condition, ident):
    found = connection.execute(sa.select(_NODES).where(condition)).mappings().first()
    if found is None:
        raise errors.Invalid(f'Node {ident} could not be found.')
    return found


def _tell(connection, uuid):
    event.add(connection, 'node.updated', node=uuid, data={'changed': ['ports']})
