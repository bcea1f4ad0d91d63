"""Resource classes: what nodes are of, and how many there are to be had."""

import sqlalchemy as sa

from ingot.db import models, placement

_NODES = models.nodes


def counts(database):
    """[{name, nodes, available, allocated, unavailable}] by name; the nodes of no class last, with the name None.

    ``available``: an instance can be put on them now. ``allocated``: they have one.
    """
    name = _NODES.c.resource_class
    query = sa.select(name, sa.func.count(), _number(placement.SCHEDULABLE), _number(_NODES.c.instance_uuid.is_not(None))
                      ).group_by(name).order_by(name.is_(None), name)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [{'name': name, 'nodes': nodes, 'available': int(free), 'allocated': int(taken),
             'unavailable': nodes - int(free) - int(taken)} for name, nodes, free, taken in rows]


def _number(condition):
    return sa.func.sum(sa.case((condition, 1), else_=0))
