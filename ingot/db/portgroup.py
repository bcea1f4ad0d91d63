"""Port groups: network cards of a node that are one link."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import change, models
from ingot.db.store import Store

TABLE = models.portgroups
_NODES, _PORTS = models.nodes, models.ports


def _of_nodes(condition):
    return TABLE.c.node_id.in_(sa.select(_NODES.c.id).where(condition))


def _members(group, query):
    return query.where(_PORTS.c.portgroup_id == group['id'])


def _take_ports_along(connection, current, values):
    """All ports of a group are in its physical network."""
    if 'physical_network' in values:
        wanted = values['physical_network']
        others = _PORTS.c.physical_network.is_distinct_from(wanted)
        for port in connection.execute(_members(current, sa.select(_PORTS)).where(others)).mappings().all():
            change.update(connection, 'port', _PORTS, port, {'physical_network': wanted})


STORE = Store('port group', TABLE, named=True, follow=_take_ports_along, filters={
    'shard': lambda value: _of_nodes(_NODES.c.shard.in_(value)),
    'conductor_groups': lambda value: _of_nodes(_NODES.c.conductor_group.in_(value)),
})


def refuse_with_ports(connection, current):
    """Invalid while a port belongs to the group."""
    if connection.execute(_members(current, sa.select(sa.func.count()))).scalar():
        raise errors.Invalid(f'Port group {current["uuid"]} still has ports.',
                             remedy='Take them out first (remove /portgroup_uuid), or delete them.')


def admit(connection, group, values, port=None):
    """Make what ``values`` change in a port of ``group`` right: Conflict when it boots by itself where none may, or is in
    another physical network than the rest. A group without a network gets that of its first port.

    :param group: row. :param port: the row of the port, if there is one already.
    """
    if values.get('pxe_enabled') and not group['standalone_ports_supported']:
        raise errors.Conflict(f'Port group {group["uuid"]} does not support standalone ports; pxe_enabled is true.',
                              remedy='Set pxe_enabled to false.')
    if not values.keys() & {'portgroup_id', 'physical_network'}:
        return
    network = values.get('physical_network', port and port['physical_network'])
    others = _members(group, sa.select(_PORTS.c.physical_network)).where(_PORTS.c.id != (port['id'] if port else 0))
    other = connection.execute(others.limit(1)).first()
    known = other.physical_network if other else group['physical_network']
    if other is None and known is None and network is not None:
        change.update(connection, 'port group', TABLE, group, {'physical_network': network})
    elif known != network:
        raise errors.Conflict(f'Port group {group["uuid"]} is in physical network {known or "none"}, the port in '
                              f'{network or "none"}.', remedy='Give both the same physical_network.')
