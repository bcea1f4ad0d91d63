"""Ports: the network cards of nodes."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import change, event, models, node, one, portgroup, row
from ingot.db.page import page

TABLE = models.ports
_NODES, _GROUPS = models.nodes, models.portgroups
_INTERNAL = {'id', 'node_id', 'portgroup_id'}

#: {what clients see: SQL expression}
SHOWN = {**{column.name: column for column in TABLE.columns if column.name not in _INTERNAL},
         'node_uuid': sa.select(_NODES.c.uuid).where(_NODES.c.id == TABLE.c.node_id).scalar_subquery(),
         'portgroup_uuid': sa.select(_GROUPS.c.uuid).where(_GROUPS.c.id == TABLE.c.portgroup_id).scalar_subquery()}
SORTABLE = frozenset(column.name for column in TABLE.columns) - {'node_id', 'portgroup_id'} - row.JSON['ports']

_MACS = sa.select(TABLE.c.address).where(TABLE.c.node_id == sa.bindparam('its_node'), TABLE.c.pxe_enabled).order_by(TABLE.c.id)


#: The same beside the row of the node, in MariaDB's words: one text.
MACS_BESIDE = ('macs', '(SELECT GROUP_CONCAT(ports.address ORDER BY ports.id) FROM ports '
                       'WHERE ports.node_id = nodes.id AND ports.pxe_enabled)')


def _of_nodes(condition):
    return TABLE.c.node_id.in_(sa.select(_NODES.c.id).where(condition))


def _of_group(ident):
    return sa.or_(_GROUPS.c.uuid == ident, _GROUPS.c.name == ident)


_FILTERS = {
    'node': lambda value: _of_nodes(node.matching(value)),
    'node_uuid': lambda value: _of_nodes(_NODES.c.uuid == value),
    'portgroup': lambda value: TABLE.c.portgroup_id.in_(sa.select(_GROUPS.c.id).where(_of_group(value))),
    'shard': lambda value: _of_nodes(_NODES.c.shard.in_(value)),
    'conductor_groups': lambda value: _of_nodes(_NODES.c.conductor_group.in_(value)),
    'description_contains': lambda value: TABLE.c.description.contains(value, autoescape=True),
}


def macs(database, node_id):
    """MACs of the node's ports that may netboot (pxe_enabled), in the order they were made."""
    with database.read() as connection:
        return list(connection.execute(_MACS, {'its_node': node_id}).scalars())


def matching(ident):
    """The condition for the port with this uuid or name."""
    return sa.or_(TABLE.c.uuid == ident, TABLE.c.name == ident)


def missing(ident):
    """The error for a port that is not there."""
    return errors.NotFound(f'Port {ident} could not be found.')


def rows(database, columns, filters, **paging):
    """A page of ports that meet all of ``filters``; see ``page``."""
    return page(database, TABLE, columns, filters, _FILTERS, **paging)


def show(database, ident, columns):
    """One row (tuple) of ``columns``, SQL expressions, for the port with this uuid or name."""
    with database.read() as connection:
        return _show(connection, 'ident', ident, columns)


def create(database, values, columns):
    """Insert a port of the node ``values['node_ident']`` and return ``columns`` of it."""
    values = dict(values)
    ident = values.pop('node_ident')
    with database.write() as connection:
        owner = _node(connection, 'ident', ident)
        values = _join(connection, values, owner['id'])
        key = change.insert(connection, 'port', TABLE, {**values, 'node_id': owner['id']})
        _tell(connection, owner['uuid'])
        return _show(connection, 'id', key, columns)


def edit(database, ident, columns, decide, *, generation=None):
    """Change a port in one transaction and return ``columns`` of it.

    ``decide(current, node)`` gets the current row of the port (with ``node_uuid``) and the STANDING of its node, and
    returns what changes.
    """
    with database.write() as connection:
        current = change.lock(connection, TABLE, 'ident', ident, missing(ident), generation=generation)
        owner = _node(connection, 'id', current['node_id'])
        group = current['portgroup_id'] and one.read(connection, _GROUPS, 'id', current['portgroup_id'], (_GROUPS.c.uuid,))[0]
        values = decide({**current, 'node_uuid': owner['uuid'], 'portgroup_uuid': group}, owner)
        if 'node_uuid' in values:
            wanted = values.pop('node_uuid')
            values['node_id'] = _node(connection, 'uuid', wanted)['id']
        values = _join(connection, values, values.get('node_id', current['node_id']), current)
        if values:
            change.update(connection, 'port', TABLE, current, values)
            _tell(connection, owner['uuid'])
        return _show(connection, 'id', current['id'], columns)


def delete(database, ident, decide, *, generation=None):
    """Delete a port; ``decide(current, node)`` raises when that may not be."""
    with database.write() as connection:
        current = change.lock(connection, TABLE, 'ident', ident, missing(ident), generation=generation)
        owner = _node(connection, 'id', current['node_id'])
        decide(current, owner)
        one.remove(connection, TABLE, current['id'])
        _tell(connection, owner['uuid'])


def _show(connection, by, ident, columns):
    found = one.read(connection, TABLE, by, ident, columns)
    if found is None:
        raise missing(ident)
    return found


def _join(connection, values, node_id, current=None):
    """``values`` with ``portgroup_uuid`` resolved to the group's id; Invalid unless it is a group of the same node, Conflict
    when the group does not take the port (see ``portgroup.admit``). ``current``: the port, if there is one already."""
    values = dict(values)
    if 'portgroup_uuid' in values:
        wanted, by = values.pop('portgroup_uuid'), 'ident'
    else:
        wanted, by = current and current['portgroup_id'], 'id'
    group = wanted and one.whole(connection, _GROUPS, by, wanted)
    if wanted and (group is None or group['node_id'] != node_id):
        raise errors.Invalid(f'Port group {group["uuid"] if group else wanted} could not be found on the node of this port.',
                             remedy='Take the port out of the group (remove /portgroup_uuid), or choose another.')
    if by == 'ident':
        values['portgroup_id'] = group and group['id']
    if group:
        portgroup.admit(connection, group, values, current)
    return values


def _node(connection, by, ident):
    found = one.whole(connection, _NODES, by, ident, columns=node.STANDING)
    if found is None:
        raise errors.Invalid(f'Node {ident} could not be found.')
    return found


def _tell(connection, uuid):
    event.add(connection, 'node.updated', node=uuid, data={'changed': ['ports']})
