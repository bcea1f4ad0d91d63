"""The heads of lanes: a lane is what waits with the same group, owner and driver, and an index has its ids in order."""

import functools

import sqlalchemy as sa

from ingot.db import models

_ops = models.operations
#: Lanes whose heads one statement asks for.
_AT_ONCE = 16


def oldest(connection):
    """[(lane, id of the oldest in it)]."""
    return connection.execute(_oldest(connection.dialect.name)).all()


@functools.cache
def _oldest(dialect):
    """Goes from lane to lane by the index and does not read all that wait; MariaDB does so by itself, when it is to group by the
    status as well."""
    each, after, inner = _ops, _ops.alias(), _ops.alias()
    if dialect in ('mysql', 'mariadb'):
        return sa.select(each.c.lane, sa.func.min(each.c.id)).where(each.c.status == 'queued').group_by(
            each.c.status, each.c.lane)
    lanes = sa.select(sa.func.min(each.c.lane).label('lane')).where(each.c.status == 'queued').cte('lanes', recursive=True)
    lanes = lanes.union_all(sa.select(sa.select(sa.func.min(after.c.lane)).where(
        after.c.status == 'queued', after.c.lane > lanes.c.lane).scalar_subquery()).where(lanes.c.lane.is_not(None)))
    return sa.select(lanes.c.lane, sa.select(sa.func.min(inner.c.id)).where(
        inner.c.status == 'queued', inner.c.lane == lanes.c.lane).scalar_subquery()).where(lanes.c.lane.is_not(None))


def first(connection, names, count):
    """Ids of the ``count`` oldest of each of these lanes."""
    keys = []
    for start in range(0, len(names), _AT_ONCE):
        some = {f'lane_{number}': name for number, name in enumerate(names[start:start + _AT_ONCE])}
        keys += connection.execute(_first(len(some)), {**some, 'most': count}).scalars()
    return keys


@functools.cache
def _first(lanes):
    """Of so many lanes: each by the index."""
    most = sa.bindparam('most', type_=sa.Integer)
    each = (sa.select(_ops.c.id).where(_ops.c.status == 'queued', _ops.c.lane == sa.bindparam(f'lane_{number}')).order_by(
        _ops.c.id).limit(most).subquery() for number in range(lanes))
    return sa.union_all(*(sa.select(lane.c.id) for lane in each))


def numbered(connection, count, shared=None):
    """[(id, lane)] of the ``count`` oldest of every lane, or of those whose node is ``shared``; goes through all that wait."""
    number = sa.func.row_number().over(partition_by=_ops.c.lane, order_by=_ops.c.id).label('number')
    heads = sa.select(_ops.c.id, _ops.c.lane, number).where(_ops.c.status == 'queued')
    if shared is not None:
        heads = heads.join(models.nodes, models.nodes.c.id == _ops.c.node_id).where(shared)
    heads = heads.subquery()
    return connection.execute(sa.select(heads.c.id, heads.c.lane).where(heads.c.number <= count)).all()
