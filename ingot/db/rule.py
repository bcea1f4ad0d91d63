"""Inspection rules."""

import sqlalchemy as sa

from ingot.db import models, row
from ingot.db.store import Store

TABLE = models.inspection_rules
#: What a sensitive rule says is for conductors only.
STORE = Store('inspection rule', TABLE, shown={
    name: sa.case((TABLE.c.sensitive, sa.literal('null')), else_=TABLE.c[name]) for name in ('conditions', 'actions')})


def every(database):
    """All rules as dicts, JSON parsed, the most important first."""
    with database.read() as connection:
        found = connection.execute(sa.select(TABLE).order_by(TABLE.c.priority.desc(), TABLE.c.id)).mappings().all()
    return [row.parse(TABLE, one) for one in found]


def clear(database):
    """Delete all rules."""
    with database.write() as connection:
        connection.execute(sa.delete(TABLE))
