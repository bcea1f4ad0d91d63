"""Connections to SQLite, MariaDB and PostgreSQL: ``Database.read`` and ``Database.write`` are the only doors to them.

oslo.db's exception filters are used (DBDuplicateEntry and its kin mean the same on all three); its SQLite engine is not:
it forces plain BEGIN, on which concurrent writers fail at once with "database is locked".
"""

import collections
import contextlib
import datetime
import functools
import os
import sqlite3
import time

import sqlalchemy as sa
from oslo_db import exception
from oslo_db.sqlalchemy import exc_filters

from ingot import errors
from ingot.db import clock

#: What a server is told at the start of a session. READ COMMITTED: MariaDB's default would keep locks on every row that a scan
#: has passed. And it is to end a transaction in which nothing happens for 5 s: the locks of a process that was stopped in the
#: middle of one (it is not dead, its connection stays) would keep all others from its nodes.
_MARIADB = "SET SESSION idle_transaction_timeout = 5, SESSION tx_isolation = 'READ-COMMITTED'"
_SESSION = {'mysql': _MARIADB, 'mariadb': _MARIADB,
            'postgresql': "SET SESSION idle_in_transaction_session_timeout = '5s'; "
                          "SET SESSION default_transaction_isolation = 'read committed'"}
#: A connection that lay idle for so many seconds is asked whether it still is one before it is used.
_IDLE_SECONDS = 1
#: As many connections are kept open while nobody needs them.
_KEPT = 16


def now(seconds=0):
    """The present as it is shown, or ``seconds`` from now: '2026-11-20T22:45:32+00:00'."""
    return shown(clock.time() + seconds)


def shown(moment):
    """A moment (seconds since the epoch) as clients see it."""
    return _shown(int(moment))


@functools.lru_cache(256)
def _shown(second):
    return datetime.datetime.fromtimestamp(second, datetime.UTC).isoformat()


class Database:
    """The doors to one database: what reads, and what is a transaction.

        with database.write() as connection: connection.execute(...)

    commits at the end, rolls back on any exception. ``read`` never takes the write lock.
    Unavailable when there can be no database at ``url``, and DatabaseFailed from ``read`` and ``write`` when it fails later.
    """

    #: Whether the outbox for OpenStack Placement is filled.
    tells_placement = False

    def __init__(self, url):
        with usable(url):
            self._open(url)

    def _open(self, url):
        self.url, self._remembered = sa.make_url(url), {}
        self.is_sqlite = self.url.get_backend_name() == 'sqlite'
        if self.is_sqlite:
            self._create_sqlite()
            self._connect = self.engine.connect
            return
        # What only reads needs no transaction: it costs no BEGIN and no ROLLBACK. All else begins one by itself.
        self.engine = self._create(isolation_level='AUTOCOMMIT', skip_autocommit_rollback=True, pool_reset_on_return=None)
        self._writer = self._create(pool_reset_on_return=None)
        for engine in (self.engine, self._writer):
            sa.event.listen(engine, 'connect', _prepare_session(_SESSION[engine.dialect.name]))
            sa.event.listen(engine, 'checkout', _check_idle(engine.dialect))
            if engine.dialect.driver == 'pymysql':
                sa.event.listen(engine, 'do_connect', _connect_pymysql)
        sa.event.listen(self._writer, 'checkin', _note_use)
        self._readers = Readers(self.engine)
        self._connect = self._readers.connect

    def _create_sqlite(self):
        _create_private(self.url.database)
        _use_wal(self.url.database)
        self.engine = self._writer = self._create(connect_args={'timeout': 30, 'check_same_thread': False},
                                                  poolclass=sa.QueuePool)
        sa.event.listen(self.engine, 'connect', _prepare_sqlite)

    def _create(self, **options):
        engine = sa.create_engine(self.url, pool_size=_KEPT, max_overflow=32, query_cache_size=300, pool_use_lifo=True, **options)
        # Not register_engine: its listeners for savepoints, which nobody sets here, cost something at every statement.
        sa.event.listen(engine, 'handle_error', exc_filters.handler, retval=True)
        return engine

    @contextlib.contextmanager
    def read(self):
        with _answering(), self._connect() as connection:
            clock.follow(connection)
            yield connection

    @contextlib.contextmanager
    def write(self):
        with _answering(), self._writer.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql('BEGIN IMMEDIATE')
            clock.follow(connection)
            yield connection
            connection.commit()

    def tell_placement(self):
        """From now on the outbox is filled: see ``db.placement``."""
        self.tells_placement = True
        self._writer.update_execution_options(tells_placement=True)

    def remember(self, name, seconds, make):
        """What ``make()`` gave at most ``seconds`` ago."""
        made_at, value = self._remembered.get(name, (float('-inf'), None))
        if time.monotonic() - made_at > seconds:
            value = make()
            self.learn(name, value)
        return value

    def learn(self, name, value):
        """As if that had been found just now."""
        self._remembered[name] = time.monotonic(), value

    def forget(self, *names):
        for name in names:
            self._remembered.pop(name, None)

    def close(self):
        if not self.is_sqlite:
            self._readers.close()
        self.engine.dispose()
        self._writer.dispose()


class Readers:
    """Connections of an engine without transactions, kept for the next one who reads: to bring one back to the pool and to take
    it from there again costs as much as a small statement."""

    def __init__(self, engine):
        self._engine, self._kept = engine, collections.deque()

    @contextlib.contextmanager
    def connect(self):
        connection, is_fit = self._take() or self._engine.connect(), False
        try:
            yield connection
            is_fit = not connection.invalidated
        finally:
            if connection.invalidated:       # the server was started anew: it has forgotten the others, too
                self.close()
            else:
                connection.info['used_at'] = time.monotonic()
            if is_fit and len(self._kept) < _KEPT:
                self._kept.append(connection)
            else:
                connection.close()

    def _take(self):
        """The one that was used last, unless that is so long ago that the pool has to ask whether it still is one."""
        try:
            connection = self._kept.pop()
        except IndexError:
            return None
        if time.monotonic() - connection.info['used_at'] <= _IDLE_SECONDS:
            return connection
        connection.close()
        return None

    def close(self):
        """All that are kept go back to the pool."""
        with contextlib.suppress(IndexError):
            while True:
                self._kept.pop().close()


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


def _prepare_session(statements):
    def prepare(connection, _record):
        with contextlib.closing(connection.cursor()) as cursor:
            for statement in statements.split(';'):
                cursor.execute(statement)
        connection.commit()
    return prepare


def _connect_pymysql(_dialect, _record, arguments, parameters):
    return _pymysql()(*arguments, **parameters)


@functools.cache
def _pymysql():
    """PyMySQL's connection. To be ready for a server that speaks TLS it reads all certificates of the system, for each connection
    anew: 20 ms of CPU and more, in a storm in many threads at once. Where nothing is set for TLS all have one context."""
    from pymysql import connections

    class Connection(connections.Connection):
        context = None

        def _create_ssl_ctx(self, sslp):
            if sslp:
                return super()._create_ssl_ctx(sslp)
            Connection.context = Connection.context or super()._create_ssl_ctx(sslp)
            return Connection.context
    return Connection


def _note_use(_connection, record):
    record.info['used_at'] = time.monotonic()


def _check_idle(dialect):
    """Of each connection that is taken from the pool: a server that was started anew has forgotten it."""
    def check(connection, record, _proxy):
        if time.monotonic() - record.info.get('used_at', time.monotonic()) > _IDLE_SECONDS:
            try:
                dialect.do_ping(connection)
            except dialect.dbapi.Error:
                raise sa.exc.InvalidatePoolError from None
    return check


def _prepare_sqlite(connection, _record):
    connection.isolation_level = None          # we say BEGIN ourselves
    connection.execute('PRAGMA foreign_keys=ON')
    connection.execute('PRAGMA synchronous=NORMAL')
    connection.execute('PRAGMA busy_timeout=30000')
