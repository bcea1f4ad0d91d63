"""What hosts offer, as rows: the list that counts for a node is held against its devices, and its digest is kept."""

import sqlalchemy as sa

from ingot.db import event, models, row
from ingot.db.engine import now
from ingot.scheduler import offer

TABLE, _NODES, _INVENTORY = models.devices, models.nodes, models.node_inventory
#: What of a node says which list is its own.
_NAMED = (_NODES.c.id, _NODES.c.uuid, _NODES.c.name, _NODES.c.resource_class, _NODES.c.conductor_group)
_AT_ONCE = 5000


def apply(connection, node, offers):
    """Hold the list ``offers`` (offer.List) against the devices of ``node`` (a dict): offered, labels, state.

    The devices are locked meanwhile. Returns {'offered': [address], 'withdrawn': [address]} of what changed, and tells it in
    the feed. The digest goes to the node's inventory, when there is one.
    """
    changed = {'offered': [], 'withdrawn': [], 'changed': []}
    found = connection.execute(sa.select(TABLE).where(TABLE.c.node_id == node['id'], TABLE.c.state != 'removed')
                               .order_by(TABLE.c.id).with_for_update()).mappings().all()
    for device in (row.parse(TABLE, one) for one in found):
        values = offer.applied(offers, device)
        if values:
            connection.execute(sa.update(TABLE).where(TABLE.c.id == device['id']).values(
                **row.dump(TABLE, values), generation=TABLE.c.generation + 1, updated_at=now()))
        if 'offered' in values:
            changed['offered' if values['offered'] else 'withdrawn'].append(device['address'])
        elif values.keys() & {'extra_info', 'state'}:
            changed['changed'].append(device['address'])
    connection.execute(sa.update(_INVENTORY).where(_INVENTORY.c.node_id == node['id']).values(offer_digest=offers.digest))
    changed = {name: addresses for name, addresses in changed.items() if addresses}
    if changed:
        event.add(connection, 'devices.offered', node=node['uuid'], data={**changed, 'digest': offers.digest})
    return changed


def differing(database, information):
    """Nodes (dicts) that were inspected, and whose stored digest is not that of their list in ``information``."""
    query = sa.select(*_NAMED, _NODES.c.slot, _NODES.c.driver, _INVENTORY.c.offer_digest).join(
        _INVENTORY, _INVENTORY.c.node_id == _NODES.c.id).order_by(_NODES.c.id).limit(_AT_ONCE)
    last = 0
    while True:
        with database.read() as connection:
            rows = connection.execute(query.where(_NODES.c.id > last)).mappings().all()
        yield from (node for node in rows if information.of(node).digest != node['offer_digest'])
        if len(rows) < _AT_ONCE:
            return
        last = rows[-1]['id']


def digest(database, node):
    """The digest of the list by which the devices of ``node`` (a uuid) are offered, or None before its inspection."""
    with database.read() as connection:
        return connection.execute(sa.select(_INVENTORY.c.offer_digest).join(
            _NODES, _NODES.c.id == _INVENTORY.c.node_id).where(_NODES.c.uuid == node)).scalar()
