"""One page of a table: only the columns asked for, in a stable order, after the row that the client saw last.

Rows without a value come last. They are asked for apart: an index gives the others in their order, whatever is stored.
"""

import functools

import sqlalchemy as sa

from ingot import errors

_LIMIT = sa.bindparam('limit', type_=sa.Integer)


def page(database, table, columns, filters=None, special=None, *, sort='id', is_descending=False, marker=None, limit=1000):
    """Rows (tuples) of at most ``limit`` rows that meet all ``filters``, after the one with uuid ``marker``.

    :param columns: SQL expressions. :param filters: {name: wanted}. A column must be equal, unless ``special`` has the name:
        {name: function of what is wanted that gives a SQL condition}.
    :param sort: name of a column; nulls come last, ties are broken by age.
    NotFound when there is no row ``marker``.
    """
    filters, special = filters or {}, special or {}
    equal = {name: value for name, value in filters.items() if name not in special}
    conditions = [special[name](value) for name, value in filters.items() if name in special]
    rows = []
    with database.read() as connection:
        last = None if marker is None else _last(connection, table, sort, marker)
        for has_value in _parts(table.c[sort], last):
            query = _query(table, tuple(columns), tuple(equal), sort, has_value, is_descending)
            after = [] if last is None else _after(table, sort, has_value, is_descending, last)
            if conditions or after:
                query = query.where(*conditions, *after)
            rows += connection.execute(query, {'limit': limit - len(rows), **equal}).all()
            if len(rows) == limit:
                break
            last = None
    return rows


def _parts(sort, last):
    """Whether rows with a value are asked for (True), then those without (False); None: all have one."""
    if not sort.nullable:
        return (None,)
    return (True, False) if last is None or last.value is not None else (False,)


@functools.lru_cache(200)
def _query(table, columns, equal, sort, has_value, is_descending):
    """Made once: to make it costs about what it costs to carry it out for a hundred rows."""
    conditions = [table.c[name] == sa.bindparam(name) for name in equal]
    if has_value is not None:
        conditions.append(table.c[sort].is_not(None) if has_value else table.c[sort].is_(None))
    keys = ['id'] if sort == 'id' or has_value is False else [sort, 'id']
    order = [table.c[key].desc() if is_descending else table.c[key].asc() for key in keys]
    return sa.select(*columns).where(*conditions).order_by(*order).limit(_LIMIT)


def _last(connection, table, sort, marker):
    """id and value of the row that was seen last."""
    found = connection.execute(sa.select(table.c.id, table.c[sort].label('value')).where(table.c.uuid == marker)).first()
    if found is None:
        raise errors.NotFound(f'There is no item {marker[:100]} to go on from (marker).')
    return found


def _after(table, sort, has_value, is_descending, last):
    """Conditions for what comes after ``last`` in the same part."""
    later = table.c.id < last.id if is_descending else table.c.id > last.id
    if sort == 'id' or has_value is False:
        return [later]
    value = sa.literal(last.value, table.c[sort].type)
    if is_descending:
        return [table.c[sort] <= value, sa.or_(table.c[sort] < value, later)]
    return [table.c[sort] >= value, sa.or_(table.c[sort] > value, later)]
