"""Nodes."""

import collections
import uuid

import sqlalchemy as sa

from ingot import errors
from ingot.db import allocation, change, clock, event, models, one, row
from ingot.db.page import page

TABLE = models.nodes
_CHASSIS = models.chassis
_INTERNAL = {'id', 'chassis_id', 'operation', 'slot', 'power_checked_at', 'power_failures', 'lock_owner', 'lock_epoch',
             'lock_expires_at', 'lock_purpose', 'locked_at', 'agent_token_hash'}
#: Columns of times at which something happened last, and of what the firmware says of the machine.
LAST = ('last_heartbeat_at', 'last_deployed_at', 'last_inspected_at')
SYSTEM = ('system_vendor', 'system_product', 'system_serial')
#: Kinds of interfaces that a node chooses: 'power' for its column power_interface.
INTERFACES = tuple(column.name.removesuffix('_interface') for column in TABLE.columns if column.name.endswith('_interface'))


def _reservation():
    present = sa.bindparam(None, callable_=clock.time, type_=sa.Double)
    return sa.case((TABLE.c.lock_expires_at > present, TABLE.c.lock_owner))


def _conductor():
    """Who works on the node, the holder of its lock; or "/slot/group/driver", from which ``host`` finds who would."""
    return sa.func.coalesce(_reservation(), sa.literal('/') + sa.cast(TABLE.c.slot, sa.String(8)) + sa.literal('/')
                            + TABLE.c.conductor_group + sa.literal('/') + TABLE.c.driver)


def host(ring, conductor):
    """The host of what SHOWN['conductor'] selects, or None."""
    if not conductor.startswith('/'):
        return conductor
    _, slot, group, driver = conductor.split('/', 3)
    return ring.host(int(slot), group, driver)


def belongs(share):
    """The condition for nodes that belong to a host, given its ``Ring.share``."""
    places = collections.defaultdict(list)
    for place, slots in share.items():
        places[slots].append(place)
    return sa.or_(sa.false(), *(
        sa.and_(sa.or_(*(sa.and_(TABLE.c.conductor_group == group, TABLE.c.driver == driver) for group, driver in those)),
                *([] if slots is None else [TABLE.c.slot.in_(slots)]))
        for slots, those in places.items()))


def _works_on(wanted):
    """The condition for nodes whose conductor is the first of ``wanted``: (host, its Ring.share)."""
    host, share = wanted
    is_held = sa.and_(TABLE.c.lock_owner.is_not(None), TABLE.c.lock_expires_at > clock.time())
    return sa.or_(sa.and_(TABLE.c.lock_owner == host, is_held), sa.and_(belongs(share), sa.not_(is_held)))     # for the indexes


#: {what clients see: SQL expression}
SHOWN = {**{column.name: column for column in TABLE.columns if column.name not in _INTERNAL},
         'chassis_uuid': sa.select(_CHASSIS.c.uuid).where(_CHASSIS.c.id == TABLE.c.chassis_id).scalar_subquery(),
         'reservation': _reservation(), 'conductor': _conductor()}
#: Columns that tell whether a node, or what belongs to it, may be changed or deleted.
STANDING = ('id', 'uuid', 'generation', 'name', 'instance_uuid', 'provision_state', 'maintenance', 'protected',
            'protected_reason', 'lock_owner', 'lock_purpose', 'lock_expires_at', 'locked_at')
#: Columns that tell which conductor it belongs to (ring.Ring).
PLACE = ('uuid', 'slot', 'conductor_group', 'driver')
#: Columns that answers may be sorted by.
SORTABLE = frozenset(column.name for column in TABLE.columns if column.name not in _INTERNAL - {'id'}
                     ) - row.JSON['nodes']


def _is_null(column, wanted):
    return column.is_(None) if wanted else column.is_not(None)


def _before(column):
    """Not since: what never happened did not happen since then either."""
    return lambda value: sa.or_(column < value, column.is_(None))


_FILTERS = {
    **{f'{name.removesuffix("_at")}_before': _before(TABLE.c[name]) for name in LAST},
    **{f'{name.removesuffix("_at")}_after': TABLE.c[name].__ge__ for name in LAST},
    'associated': lambda value: _is_null(TABLE.c.instance_uuid, not value),
    'include_children': lambda value: sa.true() if value else TABLE.c.parent_node.is_(None),
    'sharded': lambda value: _is_null(TABLE.c.shard, not value),
    'shard': TABLE.c.shard.in_,
    'chassis_uuid': lambda value: SHOWN['chassis_uuid'] == value,
    'conductor': _works_on,
    'project': lambda value: sa.or_(TABLE.c.owner == value, TABLE.c.lessee == value),
    'description_contains': lambda value: TABLE.c.description.contains(value, autoescape=True),
}


def matching(ident):
    """The condition for the node with this uuid or name."""
    return sa.or_(TABLE.c.uuid == ident, TABLE.c.name == ident)


def missing(ident):
    """The error for a node that is not there."""
    return errors.NotFound(f'Node {ident} could not be found.')


def get(database, ident, columns=None):
    """The node with this uuid or name, JSON parsed; NotFound names it. ``columns``: a tuple of their names; None: all."""
    with database.read() as connection:
        found = one.whole(connection, TABLE, 'ident', ident, columns=columns)
    if found is None:
        raise missing(ident)
    return row.parse(TABLE, found)


def show(database, ident, columns):
    """One row (tuple) of ``columns``, SQL expressions, for the node with this uuid or name."""
    with database.read() as connection:
        return _show(connection, 'ident', ident, columns)


def _show(connection, by, ident, columns):
    found = one.read(connection, TABLE, by, ident, columns)
    if found is None:
        raise missing(ident)
    return found


def rows(database, columns, filters, **paging):
    """A page of nodes; see ``page``."""
    return page(database, TABLE, columns, filters, _FILTERS, **paging)


def create(database, values, columns):
    """Insert a node and return ``columns`` of it; Duplicate, or Invalid when its chassis is not there."""
    with database.write() as connection:
        values = _resolve(connection, {'uuid': str(uuid.uuid4()), **values})
        key = change.insert(connection, 'node', TABLE, values)
        event.add(connection, 'node.created', node=values['uuid'],
                  data={'name': values.get('name'), 'driver': values['driver']})
        return _show(connection, 'id', key, columns)


def edit(database, ident, columns, decide, *, generation=None):
    """Change a node in one transaction and return ``columns`` of it.

    ``decide(current)`` gets the current row, JSON parsed, with ``chassis_uuid`` and the ``reservation``, and returns the
    new values of what changes. It may raise, and nothing is changed. ``generation``: see ``change.lock``.
    """
    with database.write() as connection:
        current = change.lock(connection, TABLE, 'ident', ident, missing(ident), generation=generation)
        key = current['chassis_id']
        current['chassis_uuid'] = one.read(connection, _CHASSIS, 'id', key, (_CHASSIS.c.uuid,))[0] if key else None
        values = decide(current)
        if current['allocation_uuid'] and values.get('instance_uuid', True) is None:
            values = {**values, 'allocation_uuid': None}
            allocation.free(connection, current['id'])
        if values:
            change.update(connection, 'node', TABLE, current, _resolve(connection, values))
            event.add(connection, 'node.updated', node=current['uuid'], data={'changed': sorted(values)})
            if 'maintenance' in values:
                event.add(connection, 'maintenance', node=current['uuid'],
                          data={'from': current['maintenance'], 'to': values['maintenance']})
        return _show(connection, 'id', current['id'], columns)


def delete(database, ident, decide, *, generation=None):
    """Delete a node with all that belongs to it; ``decide(current)``, with STANDING, raises when that may not be."""
    with database.write() as connection:
        current = change.lock(connection, TABLE, 'ident', ident, missing(ident), generation=generation, columns=STANDING)
        decide(current)
        one.remove(connection, TABLE, current['id'])
        event.add(connection, 'node.deleted', node=current['uuid'], data={'name': current['name']})


def inventory(database, ident):
    """(inventory, plugin_data) of the node as JSON text, or None when it was never inspected; NotFound without a node."""
    table = models.node_inventory
    query = sa.select(TABLE.c.id, table.c.inventory, table.c.plugin_data).select_from(
        TABLE.outerjoin(table, table.c.node_id == TABLE.c.id)).where(matching(ident))
    with database.read() as connection:
        found = connection.execute(query).first()
    if found is None:
        raise missing(ident)
    return (found.inventory, found.plugin_data) if found.inventory is not None else None


def children(database, uuid):
    """Uuids of the nodes whose parent is ``uuid``."""
    with database.read() as connection:
        return list(connection.execute(sa.select(TABLE.c.uuid).where(TABLE.c.parent_node == uuid).order_by(TABLE.c.id)).scalars())


def _resolve(connection, values):
    """``values`` with the chassis' and parent's names resolved to what is stored; Invalid when they are not there."""
    values = dict(values)
    if 'chassis_uuid' in values:
        wanted = values.pop('chassis_uuid')
        values['chassis_id'] = wanted and connection.execute(
            sa.select(_CHASSIS.c.id).where(_CHASSIS.c.uuid == wanted)).scalar()
        if wanted and values['chassis_id'] is None:
            raise errors.Invalid(f'Chassis {wanted} could not be found.')
    if values.get('parent_node'):
        parent = connection.execute(sa.select(TABLE.c.uuid).where(matching(values['parent_node']))).scalar()
        if parent is None:
            raise errors.Invalid(f'Parent node {values["parent_node"]} could not be found.')
        values['parent_node'] = parent
    return values
