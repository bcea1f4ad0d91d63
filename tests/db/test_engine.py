"""What is true of the database's file, whatever is in it."""

import os
import stat

import pytest

from ingot import errors
from ingot.db import event, schema
from ingot.db.engine import Database

pytestmark = pytest.mark.sqlite


@pytest.fixture
def mask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_database_is_for_its_owner_alone(tmp_path, mask):
    database = Database(f'sqlite:///{tmp_path}/ingot.sqlite')
    schema.upgrade(database)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    database.close()
    assert modes == dict.fromkeys(('ingot.sqlite', 'ingot.sqlite-wal', 'ingot.sqlite-shm'), 0o600)


def test_a_database_that_is_there_keeps_its_mode_and_content(tmp_path, mask):
    path = tmp_path / 'ingot.sqlite'
    first = Database(f'sqlite:///{path}')
    schema.upgrade(first)
    version = schema.version(first)
    first.close()
    path.chmod(0o640)
    second = Database(f'sqlite:///{path}')
    assert schema.version(second) == version
    second.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(('url', 'reason'), [
    ('sqlite:///{}/garbage', 'file is not a database'), ('sqlite:///{}/folder', 'unable to open database file'),
    ('sqlite:///{}/nowhere/at/all', 'unable to open database file'), ('nonsense', 'no URL of a database'),
    ('strange://user:geheim@host/name', 'no URL of a database')])
def test_a_database_that_cannot_be_used_is_told_with_its_cause(tmp_path, url, reason):
    (tmp_path / 'garbage').write_text('This is no database, whatever its name says.')
    (tmp_path / 'folder').mkdir()
    with pytest.raises(errors.Unavailable, match=reason) as raised:
        schema.upgrade(Database(url.format(tmp_path)))
    assert raised.value.remedy
    assert 'geheim' not in raised.value.explain()


def test_a_disk_that_is_full_is_told_and_the_database_recovers(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/ingot.sqlite')
    schema.upgrade(database)

    def write(pages):
        with database.write() as connection:
            connection.exec_driver_sql(f'PRAGMA max_page_count = {pages}')         # as small as it is now, or larger
            event.add(connection, 'log', data={'text': 'x' * 100_000})
    with pytest.raises(errors.Unavailable, match='database or disk is full') as raised:
        write(1)
    assert 'disk has room' in raised.value.remedy
    write(1_000_000)
    assert event.newest(database) == 1
    database.close()
