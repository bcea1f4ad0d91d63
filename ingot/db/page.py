"""One page of a table: only the columns asked for, in a stable order, after the row that the client saw last."""

import sqlalchemy as sa

from ingot import errors


def page(database, table, columns, conditions=(), *, sort='id', is_descending=False, marker=None, limit=1000):
    """Rows (tuples) of at most ``limit`` rows that meet ``conditions``, after the one with uuid ``marker``.

    :param columns: SQL expressions. :param sort: name of a column; nulls come last, ties are broken by age.
    NotFound when there is no row ``marker``.
    """
    with database.read() as connection:
        conditions = list(conditions)
        if marker is not None:
            conditions.append(_after(connection, table, table.c[sort], is_descending, marker))
        query = sa.select(*columns).where(*conditions).order_by(*_order(table, table.c[sort], is_descending)).limit(limit)
        return connection.execute(query).all()


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
