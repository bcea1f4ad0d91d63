"""PCI devices as clients see and change them; what inspection finds of them is in db/device.py."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import event, models
from ingot.db.node import missing
from ingot.db.store import Store

TABLE, _NODES, _ALLOCATIONS = models.devices, models.nodes, models.allocations


def _tell(connection, current, values):
    """The feed tells of each change: what is offered and ready is what others count on."""
    data = {'device': current['uuid'], 'address': current['address'], 'changed': sorted(values)}
    if 'state' in values:
        data |= {'from': current['state'], 'to': values['state']}
    event.add(connection, 'device.updated', node=current['node_uuid'], data=data)


STORE = Store('PCI device', TABLE, hidden=('allocation_id',), follow=_tell, shown={
    'allocation_uuid': sa.select(_ALLOCATIONS.c.uuid).where(_ALLOCATIONS.c.id == TABLE.c.allocation_id).scalar_subquery()})


def uuid_at(database, node, ident):
    """The uuid of the device of ``node`` (a uuid or name) with this uuid, or at this address; NotFound."""
    with database.read() as connection:
        found = connection.execute(sa.select(_NODES.c.id, _NODES.c.uuid).where(
            sa.or_(_NODES.c.uuid == node, _NODES.c.name == node))).first()
        if found is None:
            raise missing(node)
        uuid = connection.execute(sa.select(TABLE.c.uuid).where(
            TABLE.c.node_id == found.id, sa.or_(TABLE.c.uuid == ident, TABLE.c.address == ident.lower()))).scalar()
    if uuid is None:
        raise errors.NotFound(f'Node {found.uuid} has no PCI device {ident[:40]}.',
                              remedy='Addresses are written 0000:3b:00.0; devices are found when the node is inspected.')
    return uuid
