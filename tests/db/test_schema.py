"""Migrations from every revision to the newest, and what the schema itself refuses, on the database of this run."""

import alembic.autogenerate
import alembic.command
import pytest
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from oslo_db import exception

from ingot.db import models, one, schema
from ingot.db.engine import Database
from tests import databases

REVISIONS = [script.revision for script in ScriptDirectory.from_config(schema._config()).walk_revisions()][::-1]


@pytest.fixture
def blank(tmp_path):
    database = Database(databases.new(tmp_path))
    yield database
    database.close()


def add_node(connection, uuid, **values):
    return connection.execute(sa.insert(models.nodes).values(
        uuid=uuid, driver='fake-hardware', created_at='t', **values)).inserted_primary_key[0]


@pytest.mark.parametrize('revision', REVISIONS)
def test_from_every_revision_to_the_newest(blank, revision):
    with blank.write() as connection:
        alembic.command.upgrade(schema._config(connection), revision)
    assert schema.version(blank) == revision
    with blank.write() as connection:           # by the words of that revision's own columns
        connection.execute(sa.text("INSERT INTO chassis (uuid, generation, created_at, extra) VALUES ('c1', 1, 't', '{}')"))
    schema.upgrade(blank)
    schema.upgrade(blank)
    assert schema.version(blank) == schema.newest() == REVISIONS[-1]
    with blank.read() as connection:
        assert connection.execute(sa.select(models.chassis.c.uuid)).scalars().all() == ['c1']
        context = MigrationContext.configure(connection, opts={'compare_type': True})
        assert alembic.autogenerate.compare_metadata(context, models.metadata) == []


def test_every_table_can_be_read_by_its_columns(database):
    with database.read() as connection:
        for table in models.metadata.sorted_tables:
            assert connection.execute(sa.select(table)).all() == []


def test_every_unique_constraint_is_kept(database):
    """A second row with the same value is refused wherever the tables say so."""
    checked = 0
    with database.write() as connection:
        node = add_node(connection, 'u0')
    for table in models.metadata.sorted_tables:
        for column in (column for column in table.columns if column.unique):
            values = [filled(table, node, f'{column.name}{number}') for number in range(2)]
            with pytest.raises(exception.DBDuplicateEntry):
                insert(database, table, [{**row, column.name: values[0][column.name]} for row in values])
            checked += 1
    assert checked > 10


def insert(database, table, rows):
    with database.write() as connection:
        for row in rows:
            connection.execute(sa.insert(table).values(row))


def filled(table, node, text):
    """Values for the columns that must have one."""
    return {column.name: node if column.foreign_keys else text[:30] if column.type.python_type is str else 1
            for column in table.columns
            if not column.primary_key and (column.unique or not column.nullable) and column.default is None}


def test_every_foreign_key_is_kept(database):
    checked = 0
    with database.write() as connection:
        node = add_node(connection, 'u0')
    for table in models.metadata.sorted_tables:
        for column in (column for column in table.columns if column.foreign_keys):
            with pytest.raises(exception.DBReferenceError), database.write() as connection:
                connection.execute(sa.insert(table).values({**filled(table, node, 'x'), column.name: 999_999}))
            checked += 1
    assert checked > 5


def test_all_that_belongs_to_a_node_goes_with_it(database):
    tables = [table for table in models.metadata.sorted_tables if 'node_id' in table.columns]
    with database.write() as connection:
        nodes = [add_node(connection, text) for text in ('u0', 'u1')]
    for table in tables:
        insert(database, table, [{**filled(table, node, f't{node}'), 'node_id': node} for node in nodes])
    with database.write() as connection:
        connection.execute(sa.delete(models.nodes).where(models.nodes.c.id == nodes[0]))
    with database.read() as connection:
        left = {table.name: connection.execute(sa.select(table.c.node_id)).scalars().all() for table in tables}
    assert len(left) > 8
    assert left == dict.fromkeys(left, nodes[1:])


def test_a_change_of_nothing_finds_its_row_all_the_same(database):
    """MariaDB counts changed rows by default, not those that were found: ``rowcount`` decides who is Stale."""
    with database.write() as connection:
        key = add_node(connection, 'u0')
    for _ in range(2):
        with database.write() as connection:
            assert connection.execute(sa.update(models.nodes).where(models.nodes.c.id == key).values(owner='me')).rowcount == 1


def test_text_of_every_kind_comes_back_as_it_was(database):
    text = 'Ä ß 漢字 🦝 \\ \' " % ; \u2028'
    with database.write() as connection:
        key = add_node(connection, 'u0', description=text, last_error='x' * 60_000)
        add_node(connection, 'u1', name='Node')
        add_node(connection, 'u2', name='node')             # names differ by case everywhere
    with database.read() as connection:
        row = one.whole(connection, models.nodes, 'id', key)
    assert (row['description'], len(row['last_error'])) == (text, 60_000)
