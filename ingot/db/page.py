"""One page of a table: only the columns asked for, in a stable order, after the row that the client saw last."""

import functools

import sqlalchemy as sa

from ingot import errors


def page(database, table, columns, filters=None, special=None, *, sort='id', is_descending=False, marker=None, limit=1000):
    """Rows (tuples) of at most ``limit`` rows that meet all ``filters``, after the one with uuid ``marker``.

    :param columns: SQL expressions. :param filters: {name: wanted}. A column must be equal, unless ``special`` has the name:
        {name: function of what is wanted that gives a SQL condition}.
    :param sort: name of a column; nulls come last, ties are broken by age.
    NotFound when there is no row ``marker``.
    """
    filters, special = filters or {}, special or {}
    equal = {name: value for name, value in filters.items() if name not in special}
    query = _query(table, tuple(columns), tuple(equal), sort, is_descending)
    conditions = [special[name](value) for name, value in filters.items() if name in special]
    with database.read() as connection:
        if marker is not None:
            conditions.append(_after(connection, table, table.c[sort], is_descending, marker))
        query = query.where(*conditions) if conditions else query
        return connection.execute(query, {'limit': limit, **equal}).all()


@functools.lru_cache(1000)
def _query(table, columns, equal, sort, is_descending):
    """Made once: to make it costs about what it costs to carry it out for a hundred rows."""
    conditions = [table.c[name] == sa.bindparam(name) for name in equal]
    return sa.select(*columns).where(*conditions).order_by(*_order(table, table.c[sort], is_descending)).limit(
        sa.bindparam('limit', type_=sa.Integer))


def _order(table, sort, is_descending):
    direction = sa.desc if is_descending else sa.asc
    if sort is table.c.id:
        return [direction(sort)]
    return [*([sort.is_(None)] if sort.nullable else []), direction(sort), direction(table.c.id)]


def _after(connection, table, sort, is_descending, marker):
    found = connection.execute(sa.select(table.c.id, sort.label('value')).where(table.c.uuid == marker)).first()
    if found is None:
        raise errors.NotFound(f'There is no item {marker[:100]} to go on from (marker).')
    later = table.c.id < found.id if is_descending else table.c.id > found.id
    if sort is table.c.id:
        return later
    if found.value is None:
        return sa.and_(sort.is_(None), later)
    value = sa.literal(found.value, sort.type)
    beyond = sort < value if is_descending else sort > value
    return sa.or_(beyond, sa.and_(sort == value, later), sort.is_(None))
