"""PCI devices of nodes, as inspection would have written them."""

import uuid

import sqlalchemy as sa

from ingot.db import models, row
from ingot.db.engine import now

GPU = {'vendor_id': '10de', 'product_id': '20f1', 'class_id': '030200', 'link_width': 16, 'max_link_speed': 16.0}
NIC = {'vendor_id': '8086', 'product_id': '1592', 'class_id': '020000', 'driver': 'ice', 'function': 'pf', 'max_vfs': 8}


def add(database, node, *devices):
    """Give ``node`` (a uuid) these devices (dicts by column; ready and offered unless they say otherwise); their uuids."""
    node_id, uuids = _id(database, node), []
    for number, values in enumerate(devices):
        values = {'uuid': str(uuid.uuid4()), 'created_at': now(), 'node_id': node_id, 'address': f'0000:{number:02x}:00.0',
                  'state': 'ready', 'offered': True, **values}
        with database.write() as connection:
            connection.execute(sa.insert(models.devices).values(row.dump(models.devices, values)))
        uuids.append(values['uuid'])
    return uuids


def inspected(database, node):
    """Give ``node`` an inventory, so that it keeps the digest of its list."""
    with database.write() as connection:
        connection.execute(sa.insert(models.node_inventory).values(node_id=_id(database, node), created_at=now()))


def change(database, device, **values):
    """Change a device behind everybody's back."""
    with database.write() as connection:
        connection.execute(sa.update(models.devices).where(models.devices.c.uuid == device).values(
            row.dump(models.devices, values)))


def get(database, device):
    """A device (a uuid) as a dict, JSON parsed."""
    with database.read() as connection:
        return row.parse(models.devices, connection.execute(
            sa.select(models.devices).where(models.devices.c.uuid == device)).mappings().one())


def claim(database, device, wanted):
    """An active allocation that asked for ``wanted`` and has ``device``; its uuid."""
    ident = str(uuid.uuid4())
    with database.write() as connection:
        key = connection.execute(sa.insert(models.allocations).values(row.dump(models.allocations, {
            'uuid': ident, 'created_at': now(), 'state': 'active', 'wanted': wanted}))).inserted_primary_key[0]
        connection.execute(sa.update(models.devices).where(models.devices.c.uuid == device).values(
            allocation_id=key, request=0, state='claimed'))
    return ident


def _id(database, node):
    with database.read() as connection:
        return connection.execute(sa.select(models.nodes.c.id).where(models.nodes.c.uuid == node)).scalar_one()
