"""Ports: the network cards of nodes."""

import sqlalchemy as sa

from ingot.db import models

TABLE = models.ports


def macs(database, node_id):
    """MACs of the node's ports that may netboot (pxe_enabled), in the order they were made."""
    query = sa.select(TABLE.c.address).where(TABLE.c.node_id == node_id, TABLE.c.pxe_enabled).order_by(TABLE.c.id)
    with database.read() as connection:
        return list(connection.execute(query).scalars())
