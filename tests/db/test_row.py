"""What a unique column that is taken is called, in the words of three databases."""

import pytest
from oslo_db import exception

from ingot.db import row

VALUES = {'uuid': 'u', 'instance_uuid': 'i', 'name': 'n1', 'driver': 'n1'}


@pytest.mark.parametrize(('columns', 'value'), [
    (['name'], None),                   # SQLite
    (['uq_nodes_name'], 'n1'),          # MariaDB
    (['nodes'], 'n1'),                  # PostgreSQL, as oslo.db understands it
])
def test_the_column_that_is_taken_is_named(columns, value):
    error = row.duplicate('node', exception.DBDuplicateEntry(columns=columns, value=value), VALUES)
    assert str(error) == 'There is a node with name "n1" already.'


def test_the_longest_name_that_fits_is_the_column():
    error = row.duplicate('node', exception.DBDuplicateEntry(columns=['instance_uuid'], value=None), VALUES)
    assert 'instance_uuid "i"' in str(error)


def test_a_column_that_is_not_told():
    assert 'one of its unique values' in str(row.duplicate('node', exception.DBDuplicateEntry(columns=['nodes']), VALUES))
