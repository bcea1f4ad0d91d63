"""Nodes."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import models, row

TABLE = models.nodes


def matching(ident):
    """The condition for the node with this uuid or name."""
    return sa.or_(TABLE.c.uuid == ident, TABLE.c.name == ident)


def missing(ident):
    """The error for a node that is not there."""
    return errors.NotFound(f'Node {ident} could not be found.')


def get(database, ident):
    """The node with this uuid or name: all columns, JSON parsed; NotFound names it."""
    with database.read() as connection:
        found = connection.execute(sa.select(TABLE).where(matching(ident))).mappings().first()
    if found is None:
        raise missing(ident)
    return row.parse(TABLE, found)
