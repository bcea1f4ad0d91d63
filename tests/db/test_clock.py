"""The database's clock is the one that counts."""

import time

import pytest
import sqlalchemy as sa

from ingot.db import clock


@pytest.fixture(autouse=True)
def as_before(database, monkeypatch):
    """A clock that has read nothing yet."""
    monkeypatch.setattr(clock, '_clock', clock._Clock())


def test_it_says_what_the_database_says(database):
    if database.is_sqlite:
        pytest.skip('SQLite has no clock of its own')
    clock._clock.offset += 3600          # this host goes wrong by an hour
    assert abs(clock.time() - time.time()) > 3000
    with database.read() as connection:
        assert connection.execute(sa.text('SELECT 1')).scalar() == 1
    assert abs(clock.time() - time.time()) < 5
    clock._clock.offset += 3600
    with database.write():
        """It was read just now."""
    assert abs(clock.time() - time.time()) > 3000
    clock._clock.read_at -= clock.READ_SECONDS
    with database.write():
        """It is due again."""
    assert abs(clock.time() - time.time()) < 5


def test_a_reading_that_took_long_does_not_count(database, monkeypatch):
    """This process was stopped in the middle of it: the clock may have been read before or after that."""
    if database.is_sqlite:
        pytest.skip('SQLite has no clock of its own')
    with database.read():
        """A first one."""
    offset, steady = clock._clock.offset, time.monotonic
    clock._clock.read_at -= clock.READ_SECONDS
    late = iter(range(0, 10_000, 8))
    with monkeypatch.context() as sleepy, database.engine.connect() as connection:
        sleepy.setattr(clock.clocks, 'monotonic', lambda: steady() + next(late))
        clock.follow(connection)
    assert clock._clock.offset == offset
    with database.read():
        """And it is read again as soon as possible."""
    assert clock._clock.read_at > steady() - 5
    assert abs(clock.time() - time.time()) < 5


def test_a_clock_that_jumps_changes_nothing(database, monkeypatch):
    before = clock.time()
    real = time.time
    monkeypatch.setattr(time, 'time', lambda: real() + 3600)
    with database.read():
        """Servers may be asked, and have not jumped."""
    assert 0 <= clock.time() - before < 60
