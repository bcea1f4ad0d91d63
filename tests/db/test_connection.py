"""Connections of the pool: those that the server has ended, and how they are made ready for TLS."""

import contextlib
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


def test_when_one_turns_out_to_be_dropped_none_of_the_others_is_used(server):
    database, who, kill = server
    with database.read() as one, database.read() as two:
        numbers = {connection.exec_driver_sql(who).scalar() for connection in (one, two)}
    assert len(numbers) == 2
    other = Database(database.url)
    with other.write() as connection:
        for number in numbers:
            connection.exec_driver_sql(kill.format(number))
    other.close()
    with contextlib.suppress(errors.DatabaseFailed):        # or it was idle for too long by now
        ask(database, who)
    assert ask(database, who) not in numbers


def test_what_fails_goes_back_to_the_pool(server):
    database, who, _ = server
    with pytest.raises(ZeroDivisionError), database.read():
        raise ZeroDivisionError
    assert database.engine.pool.checkedout() == 0
    ask(database, who)
    assert database.engine.pool.checkedout() == 1, 'it is kept'


def test_no_two_have_the_same_one_and_not_all_are_kept(server):
    database, who, _ = server
    for _ in range(2):
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(database.read()) for _ in range(20)]
            assert len({connection.exec_driver_sql(who).scalar() for connection in connections}) == 20
        assert database.engine.pool.checkedout() == 16
    database.close()
    assert database.engine.pool.checkedout() == 0


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
