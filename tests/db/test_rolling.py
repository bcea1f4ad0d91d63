"""Rows of the release before: while some processes are upgraded and others not, both write and read the same tables.

What an old process writes (rows with the columns that it knows) is accepted by the new schema and read by the new code; no column
that it reads or writes goes away. So it is from revision 0005 on; 0003 gave a column of conductors another name.
"""

import itertools

import alembic.command
import pytest
import sqlalchemy as sa

from ingot.db import conductor, models, node, operation, queue, schema
from ingot.db.engine import Database
from tests import databases
from tests.db.test_schema import REVISIONS, filled

FIRST = '0005'
STEPS = [pair for pair in itertools.pairwise(REVISIONS) if pair[0] >= FIRST]


@pytest.fixture
def blank(tmp_path):
    database = Database(databases.new(tmp_path))
    yield database
    database.close()


def upgrade(database, revision):
    with database.write() as connection:
        alembic.command.upgrade(schema._config(connection), revision)


def tables(database):
    """{table: {column: what the server says of it}}."""
    inspector = sa.inspect(database.engine)
    return {table: {column['name']: column for column in inspector.get_columns(table)}
            for table in inspector.get_table_names() if table != 'alembic_version'}


def broken(old, new):
    """What processes that know the tables ``old`` cannot do any more in ``new``; sentences."""
    for table, columns in old.items():
        if table not in new:
            yield f'{table} is gone'
            continue
        yield from (f'{table}.{name} is gone' for name in columns.keys() - new[table].keys())
        yield from (f'{table}.{name} must be written' for name, column in new[table].items()
                    if name not in columns and not column['nullable'] and column['default'] is None)
        yield from (f'{table}.{name} may not be null any more' for name, column in columns.items()
                    if name in new[table] and column['nullable'] and not new[table][name]['nullable'])


@pytest.mark.parametrize(('before', 'after'), STEPS)
def test_each_revision_leaves_the_one_before_its_tables(blank, before, after):
    upgrade(blank, before)
    old = tables(blank)
    upgrade(blank, after)
    assert sorted(broken(old, tables(blank))) == []


def test_a_revision_that_does_not_is_seen(blank):
    upgrade(blank, '0002')
    old = tables(blank)
    upgrade(blank, '0003')
    assert sorted(broken(old, tables(blank))) == [
        'conductors.alive_until must be written', 'conductors.heartbeat_at is gone', 'nodes.slot must be written']


@pytest.mark.parametrize('before', [before for before, _ in STEPS])
def test_rows_with_the_columns_of_the_revision_before_are_read(blank, before):
    """One of each table, written by hand with what the old release wrote, after the upgrade."""
    upgrade(blank, before)
    old = tables(blank)
    schema.upgrade(blank)
    with blank.write() as connection:
        ids = {}
        for table in models.metadata.sorted_tables:
            if table.name not in old:
                continue
            values = {name: value for name, value in written(table, ids.get('nodes')).items() if name in old[table.name]}
            inserted = sa.table(table.name, *(sa.column(name) for name in values))
            connection.execute(sa.insert(inserted).values(values))
            key = 'seq' if table.name == 'events' else 'id'
            ids[table.name] = connection.execute(sa.text(f'SELECT max({key}) FROM {table.name}')).scalar()
    assert set(ids) == {table.name for table in models.metadata.sorted_tables if table.name in old}
    assert node.get(blank, 'uuid')['driver'] == 'driver'
    assert operation.get(blank, 'uuid')['node'] == 'uuid'
    assert [one['hostname'] for one in conductor.every(blank)] == ['hostname']
    assert queue.every(blank)['scope']['mode'] == 'parallel'
    with blank.read() as connection:
        for table in models.metadata.sorted_tables:
            if table.name in old:
                assert len(connection.execute(sa.select(table)).all()) >= 1


def written(table, node_id):
    """Values for all that must have one, with the defaults that a release has in its code."""
    values = {column.name: column.default.arg for column in table.columns
              if column.default is not None and column.default.is_scalar}
    values |= {name: node_id if table.c[name].foreign_keys else name[:table.c[name].type.length or 30] if isinstance(value, str)
               else value for name, value in filled(table, 1, 'x').items()}
    if 'slot' in table.columns:
        values['slot'] = 7
    return values
