"""What inspection found, one row a node."""

import contextlib
import uuid as uuidlib

import sqlalchemy as sa
from oslo_db import exception

from ingot import errors
from ingot.db import event, models, row
from ingot.db.engine import now

TABLE = models.node_inventory


def save(connection, node, inventory, plugin_data=None):
    """Store (or replace) the inventory of ``node`` in the transaction of what else inspection changes."""
    values = row.dump(TABLE, {'inventory': inventory, 'plugin_data': plugin_data or {}, 'created_at': now()})
    if not connection.execute(sa.update(TABLE).where(TABLE.c.node_id == node['id']).values(values)).rowcount:
        connection.execute(sa.insert(TABLE).values(node_id=node['id'], **values))


def get(database, node):
    """{"inventory": ..., "plugin_data": ...} of ``node`` (a dict with id and uuid); NotFound before its first inspection."""
    query = sa.select(TABLE.c.inventory, TABLE.c.plugin_data).where(TABLE.c.node_id == node['id'])
    with database.read() as connection:
        found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise errors.NotFound(f'Node {node["uuid"]} has no inventory; it was not inspected yet.')
    return row.parse(TABLE, found)


def ensure_port(connection, node, mac):
    """The card ``mac`` is a port of some node: of ``node``, when nobody has it yet."""
    with contextlib.suppress(exception.DBDuplicateEntry), connection.begin_nested():
        connection.execute(sa.insert(models.ports).values(
            uuid=str(uuidlib.uuid4()), created_at=now(), address=mac.lower(), node_id=node['id']))
        event.add(connection, 'node.updated', node=node['uuid'], data={'port': mac.lower()})


def owner_of(database, mac):
    """Uuid of the node that the card ``mac`` belongs to, or None."""
    query = sa.select(models.nodes.c.uuid).join(models.ports, models.ports.c.node_id == models.nodes.c.id)
    with database.read() as connection:
        return connection.execute(query.where(models.ports.c.address == mac.lower())).scalar()
