"""Connections of the pool: those that the server has ended, and how they are made ready for TLS."""

import ssl
import time

import pytest

from ingot import errors
from ingot.db.engine import Database
from tests import databases

#: How one asks for the number of one's own connection, and how another ends it.
_WORDS = {'mariadb': ('SELECT CONNECTION_ID()', 'KILL {}'),
          'postgresql': ('SELECT pg_backend_pid()', 'SELECT pg_terminate_backend({})')}


@pytest.fixture(params=list(_WORDS))
def server(request, tmp_path):
    database = Database(databases.new(tmp_path, request.param))
    yield database, *_WORDS[request.param]
    database.close()


def ask(database, words):
    with database.read() as connection:
        return connection.exec_driver_sql(words).scalar()


def test_what_was_dropped_while_it_was_idle_is_opened_anew(server):
    database, who, kill = server
    number = ask(database, who)
    assert ask(database, who) == number, 'it is kept'
    other = Database(database.url)
    with other.write() as connection:
        connection.exec_driver_sql(kill.format(number))
    other.close()
    time.sleep(1.2)                # longer than what is idle
    assert ask(database, who) != number


def test_connections_to_mariadb_share_a_tls_context(tmp_path):
    """PyMySQL's own are one each: to read the certificates of the system costs more than all else that a connection needs."""
    database = Database(databases.new(tmp_path, 'mariadb'))
    with database.read() as one, database.write() as other:
        first, second = (each.connection.dbapi_connection for each in (one, other))
        assert first is not second
        assert first.ctx is second.ctx is not None
        assert first.ctx.verify_mode == ssl.CERT_NONE, 'as the library has it where nothing is set'
    database.close()


def test_what_is_set_for_tls_counts(tmp_path):
    """A server without TLS is refused then."""
    url = databases.new(tmp_path, 'mariadb')
    database = Database(url + ('&' if '?' in url else '?') + 'ssl_verify_cert=true')
    with pytest.raises(errors.DatabaseFailed, match='SSL'), database.read():
        pass
    database.close()
