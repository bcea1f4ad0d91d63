"""Rows to plain dicts and back: which columns hold JSON, and how a unique column that is taken is told."""

import orjson

from ingot import errors
from ingot.db import models

#: Column names that hold JSON, by table.
JSON = {table.name: frozenset(column.name for column in table.columns if column.type is models._Json)
        for table in models.metadata.tables.values()}

_UNIQUE = frozenset(column.name for table in models.metadata.tables.values() for column in table.columns if column.unique)


def parse(table, mapping):
    """The row as a dict, its JSON columns parsed."""
    json = JSON[table.name]
    return {key: orjson.loads(value) if key in json and value is not None else value
            for key, value in mapping.items()}


def dump(table, values):
    """``values`` (a dict by column) ready to be stored: JSON columns become text."""
    json = JSON[table.name]
    return {key: orjson.dumps(value).decode() if key in json and value is not None else value
            for key, value in values.items()}


def duplicate(noun, error, values):
    """The Duplicate error to raise for oslo.db's DBDuplicateEntry; names the column and the value that is taken."""
    taken = [name for name in values if any(name in str(part) for part in error.columns)]
    taken = taken or [name for name in values if name in _UNIQUE and values[name] == error.value]      # PostgreSQL
    column = max(taken, key=len, default=None)       # 'uuid' is in 'instance_uuid' too
    what = f'{column} "{values[column]}"' if column else 'one of its unique values'
    return errors.Duplicate(f'There is a {noun} with {what} already.')
