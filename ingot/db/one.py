"""One row, by its id, its uuid or its name: statements are made once for each choice of columns, and used again and again.

To make a statement of sixty columns costs more than the database needs to answer it.
"""

import functools

import orjson
import sqlalchemy as sa

_WANTED = sa.bindparam('wanted')
#: What a row may be wanted by -> the condition. 'ident' is a uuid or a name.
_BY = {
    'id': lambda table: table.c.id == _WANTED,
    'uuid': lambda table: table.c.uuid == _WANTED,
    'name': lambda table: table.c.name == _WANTED,
    'provider': lambda table: table.c.provider == _WANTED,
    'ident': lambda table: sa.or_(table.c.uuid == _WANTED, table.c.name == _WANTED),
}


def read(connection, table, by, value, columns):
    """``columns`` (a tuple of SQL expressions) of the row whose ``by`` is ``value``, or None."""
    return connection.execute(_select(table, by, tuple(columns)), {'wanted': value}).first()


def whole(connection, table, by, value, *, columns=None, is_locked=False):
    """All columns (or the named ``columns``, a tuple) of the row as a mapping, or None.

    ``is_locked``: nobody else changes the row until the transaction ends.
    """
    return connection.execute(_select_whole(table, by, columns, is_locked), {'wanted': value}).mappings().first()


@functools.lru_cache(200)
def _select(table, by, columns):
    return sa.select(*columns).where(_BY[by](table))


@functools.cache
def _select_whole(table, by, columns, is_locked):
    query = sa.select(*([table.c[name] for name in columns] if columns else [table])).where(_BY[by](table))
    return query.with_for_update() if is_locked else query


class _Packed:
    """MariaDB's SELECT of one row of a table, all of it in one value, and what reads its answer."""

    def __init__(self, table, beside):
        self._names = [*(column.name for column in table.columns), *beside]
        self._booleans = [column.name for column in table.columns if isinstance(column.type, sa.Boolean)]
        values = ', '.join([*(f'{table.name}.`{column.name}`' for column in table.columns), *beside.values()])
        self.query = f'SELECT JSON_ARRAY({values}) FROM {table.name} WHERE {table.name}.uuid = %(wanted)s'

    def read(self, found):
        """The row as a dict, or None."""
        row = found and dict(zip(self._names, orjson.loads(found[0]), strict=True))
        for name in self._booleans if row else ():
            row[name] = None if row[name] is None else bool(row[name])
        return row


@functools.cache
def packed(table, beside=()):
    """The row of ``table`` whose uuid is ``wanted``, in one value: the driver takes the descriptions of sixty columns apart, in
    Python, whenever it is told of them. ``beside``: pairs (name, MariaDB's expression) of what else is asked for."""
    return _Packed(table, dict(beside))


@functools.cache
def insertion(table):
    """INSERT into ``table``; the values are its parameters."""
    return sa.insert(table)


@functools.cache
def change(table):
    """UPDATE of the row whose id and generation are the parameters ``its_id`` and ``its_generation``."""
    return sa.update(table).where(table.c.id == sa.bindparam('its_id'),
                                  table.c.generation == sa.bindparam('its_generation'))


def remove(connection, table, value, column='id'):
    """Delete the rows of ``table`` whose ``column`` is ``value``."""
    connection.execute(_removal(table, column), {'wanted': value})


@functools.cache
def _removal(table, column):
    return sa.delete(table).where(table.c[column] == _WANTED)
