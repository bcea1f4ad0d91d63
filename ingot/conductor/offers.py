"""What a host offers of its PCI devices, decided after each inspection."""

import sqlalchemy as sa

from ingot.conductor import inventory
from ingot.db import device as devices
from ingot.db import models
from ingot.db.disk import DISKS
from ingot.db.engine import now
from ingot.db.nic import NICS
from ingot.scheduler.reserved import reserved


def apply(conf, connection, node):
    """Mark the devices that the host keeps for itself, in the transaction of the inspection that found them."""
    mark_reserved(connection, node)


def mark_reserved(connection, node):
    """``reserved_for`` of each device of ``node`` (a dict with its id) is what the host needs it for, or null."""
    found, ports = devices.of_node(connection, node), models.ports
    macs = set(connection.execute(sa.select(ports.c.address).where(
        ports.c.node_id == node['id'], ports.c.pxe_enabled.is_(True))).scalars())
    disks = [inventory.place(disk) for disk in DISKS.rows(connection, node['id']) if disk['role'] == 'root']
    kept = reserved(found, NICS.rows(connection, node['id']), disks, macs)
    for one in found:
        if one['reserved_for'] != kept.get(one['address']) and one['state'] != 'removed':
            connection.execute(sa.update(devices.TABLE).where(devices.TABLE.c.id == one['id']).values(
                reserved_for=kept.get(one['address']), generation=devices.TABLE.c.generation + 1, updated_at=now()))
