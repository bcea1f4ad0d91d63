"""Connections to SQLite, MariaDB and PostgreSQL: ``Database.read`` and ``Database.write`` are the only doors to them.

oslo.db's exception filters are used (DBDuplicateEntry and its kin mean the same on all three); its SQLite engine is not:
it forces plain BEGIN, on which concurrent writers fail at once with "database is locked".
"""

import contextlib
import datetime
import os
import sqlite3
import time

import sqlalchemy as sa
from oslo_db import exception
from oslo_db.sqlalchemy import exc_filters

from ingot import errors


def now(seconds=0):
    """The present as it is shown, or ``seconds`` from now: '2026-11-20T22:45:32+00:00'."""
    return datetime.datetime.fromtimestamp(time.time() + seconds, datetime.UTC).isoformat(timespec='seconds')


class Database:
    """One engine and its two kinds of transaction.

        with database.write() as connection: connection.execute(...)

    commits at the end, rolls back on any exception. ``read`` never takes the write lock.
    Unavailable when there can be no database at ``url``, and DatabaseFailed from ``read`` and ``write`` when it fails later.
    """

    def __init__(self, url):
        with usable(url):
            self._open(url)

    def _open(self, url):
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == 'sqlite'
        # READ COMMITTED: MariaDB's default would keep locks on every row that a scan has passed.
        options = {'pool_pre_ping': True, 'isolation_level': 'READ COMMITTED'} if not self.is_sqlite else {
            'connect_args': {'timeout': 30, 'check_same_thread': False}, 'poolclass': sa.QueuePool}
        options |= {'pool_size': 16, 'max_overflow': 64, 'query_cache_size': 300}
        if self.is_sqlite:
            _create_private(self.url.database)
            _use_wal(self.url.database)
        self.engine = sa.create_engine(self.url, **options)
        # Not register_engine: its listeners for savepoints, which nobody sets here, cost something at every statement.
        sa.event.listen(self.engine, 'handle_error', exc_filters.handler, retval=True)
        if self.is_sqlite:
            sa.event.listen(self.engine, 'connect', _prepare_sqlite)

    @contextlib.contextmanager
    def read(self):
        with _answering(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self):
        with _answering(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql('BEGIN IMMEDIATE')
            yield connection
            connection.commit()

    def close(self):
        self.engine.dispose()


@contextlib.contextmanager
def usable(url):
    """At start: Unavailable, with the cause, instead of what the database or its driver raises; no password is told."""
    try:
        yield
    except sa.exc.ArgumentError:
        raise errors.Unavailable('[database] connection is no URL of a database that there is a driver for.',
                                 remedy='Write it as postgresql+psycopg://user:password@host/name.') from None
    except (sqlite3.Error, sa.exc.SQLAlchemyError, exception.DBError, ImportError) as error:
        reason = str(error).partition('\n')[0].rstrip('.')
        raise errors.Unavailable(f'The database {sa.make_url(url).render_as_string()} cannot be used: {reason}.',
                                 remedy='Check that it is there, is ours to write, and that its disk has room; '
                                        '[database] connection names another.') from None


@contextlib.contextmanager
def _answering():
    """While it serves: DatabaseFailed, with the cause, when the database is gone or its disk is full."""
    try:
        yield
    except (sa.exc.OperationalError, exception.DBError) as error:
        cause = error.inner_exception if isinstance(error, exception.DBError) else error
        if not isinstance(cause, sa.exc.OperationalError | sqlite3.OperationalError):
            raise
        raise errors.DatabaseFailed(f'The database failed: {str(getattr(cause, "orig", cause)).partition(chr(10))[0]}.',
                                    remedy='Check that it runs, and that its disk has room; then send the request again.'
                                    ) from error


def _create_private(path):
    """A new file is for its owner alone, and so are the journals that SQLite makes beside it: it holds passwords of BMCs."""
    if path and path != ':memory:':
        with contextlib.suppress(OSError):       # SQLite says it better
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _use_wal(path):
    """Once, not on each connect: changing the journal mode needs the lock that others may hold."""
    for _ in range(100):
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
            try:
                if connection.execute('PRAGMA journal_mode').fetchone()[0] != 'wal':
                    connection.execute('PRAGMA journal_mode=WAL')
                return
            except sqlite3.OperationalError:
                time.sleep(0.05)


def _prepare_sqlite(connection, _record):
    connection.isolation_level = None          # we say BEGIN ourselves
    connection.execute('PRAGMA foreign_keys=ON')
    connection.execute('PRAGMA synchronous=NORMAL')
    connection.execute('PRAGMA busy_timeout=30000')
