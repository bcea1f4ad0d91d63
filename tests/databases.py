"""Empty databases for tests: files of SQLite, or real servers of our own; ``pytest --database mariadb`` says which.

A server is started when the first test asks for it, and ends with the process. On a server all tests share one database,
which is emptied for each; ``new`` makes another one.
"""

import atexit
import contextlib
import functools
import itertools
import pathlib
import shutil
import tempfile

import sqlalchemy as sa

from ingot.db import models, schema
from ingot.db.engine import Database
from tests import mariadb, postgresql

SERVERS = {'mariadb': mariadb.server, 'postgresql': postgresql.server}
KINDS = ('sqlite', *SERVERS)
#: What the tests of this process run on; set by ``pytest --database``.
kind = 'sqlite'
_numbers = itertools.count()


def _kind():
    return kind


def empty(folder, name='ingot'):
    """A Database with the schema and nothing in it; ``folder`` is where SQLite's file goes."""
    if kind != 'sqlite':
        _wipe()
        return Database(_shared())
    path = folder / f'{name}.sqlite'
    shutil.copy(_template(), path)
    return Database(f'sqlite:///{path}')


def new(folder, kind=None):
    """The URL of a database with nothing in it at all; ``kind``: if not that of this process."""
    name, kind = f'new{next(_numbers)}', kind or _kind()
    if kind == 'sqlite':
        return f'sqlite:///{folder}/{name}.sqlite'
    url = _server(kind)
    engine = sa.create_engine(f'{url}/{"postgres" if kind == "postgresql" else "mysql"}', isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE {name}')
    engine.dispose()
    return f'{url}/{name}'


@functools.cache
def _folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix='ingot-databases-'))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _server(which):
    stack = contextlib.ExitStack()
    folder = _folder() / which
    folder.mkdir()
    url = stack.enter_context(SERVERS[which](folder))
    atexit.register(stack.close)
    return url


@functools.cache
def _template():
    """A file to copy."""
    database = Database(f'sqlite:///{_folder()}/template.sqlite')
    schema.upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    return database.url.database


@functools.cache
def _shared():
    url = new(_folder())
    database = Database(url)
    schema.upgrade(database)
    database.close()
    return url


@functools.cache
def _cleaner():
    return sa.create_engine(_shared(), isolation_level='AUTOCOMMIT')


def _wipe():
    """All rows go, and numbers begin with 1 again."""
    tables = [table.name for table in reversed(models.metadata.sorted_tables)]
    with _cleaner().connect() as connection:
        if kind == 'postgresql':
            connection.exec_driver_sql(f'TRUNCATE {", ".join(tables)} RESTART IDENTITY CASCADE')
            return
        for table in tables:
            if connection.exec_driver_sql(f'SELECT 1 FROM {table} LIMIT 1').first():
                connection.exec_driver_sql(f'DELETE FROM {table}')
                connection.exec_driver_sql(f'ALTER TABLE {table} AUTO_INCREMENT = 1')
