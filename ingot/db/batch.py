"""A transaction that is known beforehand, all or nothing; MariaDB gets it as one compound statement.

What a short transaction costs is mostly the way to the server and back, for each of its statements and for its COMMIT. The other
databases get one write after the other.
"""

import functools
import re
from typing import Any, NamedTuple

from ingot.db import one

#: The error of a compound statement that ends itself: "Unhandled user-defined exception condition" (SQLSTATE 45000).
_SIGNAL = 1644
_REFUSE = "IF ROW_COUNT() = 0 THEN SIGNAL SQLSTATE '45000'; END IF"
#: Writes of one compound statement: its text is kept for the next one that is made alike.
_MOST = 12
_PARAMETER = re.compile(r'%\((\w+)\)s')


class Write(NamedTuple):
    """A statement, made once, with the values of its parameters (a list: of each time that it is executed). ``missing``: the
    error to be raised when it finds no row. An INSERT has values for all columns, and no condition has IN."""

    query: Any
    values: dict | list
    missing: Exception | None = None

    def execute(self, connection):
        """Carry it out in the transaction of ``connection``."""
        result = connection.execute(self.query, self.values)
        if self.missing and not (result.first() if result.returns_rows else result.rowcount):
            raise self.missing


class Ask:
    """A SELECT of one value, without parameters, asked as soon as the writes that it goes with are committed. ``answer`` stays
    None when they went another way than as one statement: then it is to be asked by itself."""

    def __init__(self, query):
        self.query, self.answer = query, None


class _Refused(Exception):
    pass


def is_compound(database):
    """Whether it takes a transaction as one statement."""
    return getattr(database.engine.dialect, 'is_mariadb', False) and database.engine.dialect.paramstyle == 'pyformat'


def send(database, writes, table=None, uuid=None, *, beside=(), ask=None):
    """Carry ``writes`` out, and commit; False when one that has ``missing`` found no row: then nothing of it happened.

    With a ``table``: its row ``uuid`` as it is then (a mapping), instead of True; with what is ``beside`` it (see ``one.packed``)
    when all of this is one statement. ``ask``: an Ask that goes with writes without a ``table``.
    """
    if is_compound(database) and len(writes) <= _MOST and all(isinstance(write.values, dict) for write in writes):
        return _send_compound(database, writes, None if table is None else one.packed(table, beside), uuid, ask)
    try:
        with database.write() as connection:
            for write in writes:
                (write._replace(missing=_Refused()) if write.missing else write).execute(connection)
            return True if table is None else one.whole(connection, table, 'uuid', uuid)
    except _Refused:
        return False


def _send_compound(database, writes, packed, uuid, ask):
    # The door of those who read: its connections have no transactions, the statement brings its own.
    with database.read() as connection:
        shape = tuple((write.query, tuple(write.values), write.missing is not None) for write in writes)
        text, parameters, constants = _compound(connection.dialect, shape, packed and packed.query, ask and ask.query)
        values = constants | {name: write.values[key] if process is None else process(write.values[key])
                              for write, named in zip(writes, parameters, strict=True) for name, key, process in named}
        if packed:
            values['wanted'] = uuid
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text, values)
            if ask:
                ask.answer, = cursor.fetchone()
            return packed.read(cursor.fetchone()) if packed else True
        except connection.dialect.dbapi.Error as error:
            if _roll_back(connection, error):
                return False
            connection._handle_dbapi_exception(error, text, values, cursor, None)      # raises what ``execute`` would
        finally:
            cursor.close()


def _roll_back(connection, error):
    """Nothing of it happened; whether that is because it ended itself."""
    if not connection.dialect.is_disconnect(error, connection.connection, None):
        connection.connection.rollback()
    return error.args[0] == _SIGNAL


@functools.lru_cache(500)
def _compound(dialect, shape, row, asked):
    """(text, for each write its (name in the text, key, processor), constants)."""
    parts, parameters, constants = ['START TRANSACTION'], [], {}
    for number, (query, keys, is_needed) in enumerate(shape):
        compiled = query.compile(dialect=dialect, column_keys=list(keys))
        unknown = [*(column.name for column in compiled.prefetch), *(parameter.key for parameter in compiled.post_compile_params)]
        if unknown:
            raise TypeError(f'A batch fills in no defaults, and knows no IN: {", ".join(unknown)}.')
        parts.append(_PARAMETER.sub(lambda found, number=number: f'%(w{number}_{found[1]})s', compiled.string))
        named = {name: f'w{number}_{name}' for name in compiled.params}
        processors = compiled._bind_processors
        parameters.append([(named[key], key, processors.get(key)) for key in keys if key in named])
        constants |= {named[key]: value for key, value in compiled.params.items() if key not in keys}
        if is_needed:
            parts.append(_REFUSE)
    if row is not None:
        parts.append(row)
    parts.append('COMMIT')
    if asked is not None:
        parts.append(str(asked.compile(dialect=dialect, compile_kwargs={'literal_binds': True})))
    return f'BEGIN NOT ATOMIC {"; ".join(parts)}; END', parameters, constants
