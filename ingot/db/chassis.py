"""Chassis: what holds nodes together for people."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import change, models, row
from ingot.db.page import page

TABLE = models.chassis
SHOWN = {column.name: column for column in TABLE.columns if column.name != 'id'}
SORTABLE = frozenset(column.name for column in TABLE.columns) - row.JSON['chassis']


def missing(uuid):
    """The error for a chassis that is not there."""
    return errors.NotFound(f'Chassis {uuid} could not be found.')


def rows(database, columns, filters, **paging):
    """A page of chassis; see ``page``."""
    return page(database, TABLE, columns, [TABLE.c[name] == value for name, value in filters.items()], **paging)


def show(database, uuid, columns):
    """One row (tuple) of ``columns``, SQL expressions."""
    with database.read() as connection:
        return _show(connection, uuid, columns)


def create(database, values, columns):
    """Insert a chassis and return ``columns`` of it."""
    with database.write() as connection:
        key = change.insert(connection, 'chassis', TABLE, values)
        return connection.execute(sa.select(*columns).where(TABLE.c.id == key)).first()


def edit(database, uuid, columns, decide, *, generation=None):
    """Change a chassis in one transaction: ``decide(current)`` returns what changes. Returns ``columns`` of it."""
    with database.write() as connection:
        current = change.lock(connection, TABLE, TABLE.c.uuid == uuid, missing(uuid), generation=generation)
        values = decide(current)
        if values:
            change.update(connection, 'chassis', TABLE, current, values)
        return _show(connection, uuid, columns)


def delete(database, uuid, *, generation=None):
    """Delete a chassis; Invalid while it has nodes."""
    with database.write() as connection:
        current = change.lock(connection, TABLE, TABLE.c.uuid == uuid, missing(uuid), generation=generation)
        nodes = sa.select(sa.func.count()).where(models.nodes.c.chassis_id == current['id'])
        if connection.execute(nodes).scalar():
            raise errors.Invalid(f'Chassis {uuid} still has nodes.', remedy='Take them out first (remove /chassis_uuid).')
        connection.execute(sa.delete(TABLE).where(TABLE.c.id == current['id']))


def _show(connection, uuid, columns):
    found = connection.execute(sa.select(*columns).where(TABLE.c.uuid == uuid)).first()
    if found is None:
        raise missing(uuid)
    return found
