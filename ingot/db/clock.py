"""The clock that counts is the database's: those of hosts may disagree, and jump.

``time`` goes on steadily between two readings of the database's clock (every READ_SECONDS, with the next transaction). A reading
that took long is worth nothing: nobody knows when in that time the clock was read (a process may have been stopped). On SQLite,
where all processes have one host, it begins with the host's clock and goes on steadily from there.
"""

import time as clocks

READ_SECONDS = 10
#: A reading that took longer does not count, unless there is none yet.
LONGEST_SECONDS = 0.2
#: Seconds since the epoch, whatever the time zone of the server.
_MARIADB = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1000000"
_QUERIES = {'postgresql': 'SELECT extract(epoch FROM clock_timestamp())', 'mysql': _MARIADB, 'mariadb': _MARIADB}


class _Clock:
    """What is to be added to the steady clock of this host, and when it was found out."""

    def __init__(self):
        self.offset, self.read_at, self.is_read = clocks.time() - clocks.monotonic(), float('-inf'), False


_clock = _Clock()


def time():
    """Seconds since the epoch."""
    return clocks.monotonic() + _clock.offset


def follow(connection):
    """Read the server's clock, when that is due; costs one statement."""
    query = _QUERIES.get(connection.dialect.name)
    before = clocks.monotonic()
    if query and before - _clock.read_at >= READ_SECONDS:
        said = float(connection.exec_driver_sql(query).scalar())
        after = clocks.monotonic()
        if after - before <= LONGEST_SECONDS:
            _clock.offset, _clock.read_at = said - (before + after) / 2, after
        elif not _clock.is_read:
            _clock.offset = said - (before + after) / 2          # better than nothing, and soon corrected
        _clock.is_read = True
