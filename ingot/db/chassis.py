"""Chassis: what holds nodes together for people."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import models
from ingot.db.store import Store

TABLE = models.chassis
STORE = Store('chassis', TABLE)


def delete(database, uuid, *, generation=None):
    """Delete a chassis; Invalid while it has nodes."""
    def check(connection, current):
        nodes = sa.select(sa.func.count()).where(models.nodes.c.chassis_id == current['id'])
        if connection.execute(nodes).scalar():
            raise errors.Invalid(f'Chassis {uuid} still has nodes.', remedy='Take them out first (remove /chassis_uuid).')
    STORE.delete(database, uuid, generation=generation, also=check)
