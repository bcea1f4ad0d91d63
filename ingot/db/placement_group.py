"""Placement groups: allocations that are to be near to each other, or apart.

``generation`` rises with every member that comes: whoever decides by the members that there are claims that there are no others.
"""

import sqlalchemy as sa

from ingot import errors
from ingot.db import models
from ingot.db.store import Store

TABLE, _ALLOCATIONS = models.placement_groups, models.allocations
STORE = Store('placement group', TABLE, named=True)


def members(database, uuid):
    """Uuids of the allocations that belong to the group, the oldest first."""
    with database.read() as connection:
        return _members(connection, uuid)


def _members(connection, uuid):
    return list(connection.execute(sa.select(_ALLOCATIONS.c.uuid).where(
        _ALLOCATIONS.c.placement_group == uuid).order_by(_ALLOCATIONS.c.id)).scalars())


def delete(database, ident, *, generation=None):
    """Delete a group; Conflict while it has members."""
    STORE.delete(database, ident, generation=generation, also=_refuse_members)


def _refuse_members(connection, current):
    found = _members(connection, current['uuid'])
    if found:
        raise errors.Conflict(f'Placement group {current["name"]} has {len(found)} members: {", ".join(found[:5])}'
                              f'{" ..." if len(found) > 5 else ""}.', remedy='Delete those allocations first.')


def join(connection, group, count):
    """``count`` members come to ``group`` (a row that was read before); False when others came, or it changed, since then."""
    return bool(connection.execute(sa.update(TABLE).where(
        TABLE.c.id == group['id'], TABLE.c.generation == group['generation']).values(
        generation=TABLE.c.generation + count)).rowcount)
