"""What inspection found, one row a node."""

import contextlib
import uuid as uuidlib

import sqlalchemy as sa
from oslo_db import exception

from ingot import errors
from ingot.db import event, models, row
from ingot.db.engine import now

TABLE = models.node_inventory
_AT_ONCE = 500


def save(connection, node, inventory, plugin_data=None):
    """Store (or replace) the inventory of ``node`` in the transaction of what else inspection changes."""
    values = row.dump(TABLE, {'inventory': inventory, 'plugin_data': plugin_data or {}, 'created_at': now()})
    if not connection.execute(sa.update(TABLE).where(TABLE.c.node_id == node['id']).values(values)).rowcount:
        connection.execute(sa.insert(TABLE).values(node_id=node['id'], **values))


def get(database, node):
    """{"inventory": ..., "plugin_data": ...} of ``node`` (a dict with id and uuid); NotFound before its first inspection."""
    found = _find(database, node, 'inventory', 'plugin_data')
    if found is None:
        raise errors.NotFound(f'Node {node["uuid"]} has no inventory; it was not inspected yet.')
    return found


def former(database, node):
    """The inventory that ``node`` has so far, or None."""
    found = _find(database, node, 'inventory')
    return found and found['inventory']


def _find(database, node, *names):
    query = sa.select(*(TABLE.c[name] for name in names)).where(TABLE.c.node_id == node['id'])
    with database.read() as connection:
        found = connection.execute(query).mappings().one_or_none()
    return found and row.parse(TABLE, found)


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


def owners_of(database, macs):
    """{MAC: uuid of the node that it belongs to}, without those of nobody."""
    query, found = sa.select(models.ports.c.address, models.nodes.c.uuid).join(
        models.nodes, models.ports.c.node_id == models.nodes.c.id), {}
    with database.read() as connection:
        macs = [mac.lower() for mac in macs]
        for start in range(0, len(macs), _AT_ONCE):
            some = macs[start:start + _AT_ONCE]
            found.update(connection.execute(query.where(models.ports.c.address.in_(some))).all())
    return found


def ports(database, node):
    """The ports of ``node`` as dicts, JSON parsed."""
    table = models.ports
    with database.read() as connection:
        found = connection.execute(sa.select(table).where(table.c.node_id == node['id']).order_by(table.c.id)).mappings().all()
    return [row.parse(table, one) for one in found]


def change_port(connection, node, address, values):
    """Change the port of ``node`` with this address, in the transaction of what else inspection changes."""
    table = models.ports
    done = connection.execute(sa.update(table).where(table.c.node_id == node['id'], table.c.address == address).values(
        **row.dump(table, values), generation=table.c.generation + 1, updated_at=now()))
    if done.rowcount:
        event.add(connection, 'node.updated', node=node['uuid'], data={'port': address})
