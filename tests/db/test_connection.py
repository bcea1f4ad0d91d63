"""Connections of the pool that the server has ended."""

import time

import pytest

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
