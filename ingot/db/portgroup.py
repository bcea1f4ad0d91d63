"""Port groups: network cards of a node that are one link."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import models
from ingot.db.store import Store

TABLE = models.portgroups
_NODES = models.nodes


def _of_nodes(condition):
    return TABLE.c.node_id.in_(sa.select(_NODES.c.id).where(condition))


STORE = Store('port group', TABLE, named=True, filters={
    'shard': lambda value: _of_nodes(_NODES.c.shard.in_(value)),
    'conductor_groups': lambda value: _of_nodes(_NODES.c.conductor_group.in_(value)),
})


def refuse_with_ports(connection, current):
    """Invalid while a port belongs to the group."""
    ports = sa.select(sa.func.count()).where(models.ports.c.portgroup_id == current['id'])
    if connection.execute(ports).scalar():
        raise errors.Invalid(f'Port group {current["uuid"]} still has ports.',
                             remedy='Take them out first (remove /portgroup_uuid), or delete them.')
