"""The database of a whole simulated site: everybody uses the same one connection, since nobody goes on within a transaction."""

import contextlib

from ingot.db import clock, models
from ingot.db.engine import Database

#: Nobody else reads the file, and after a crash nobody needs it: it is written without care, and its journal stays in memory.
_CARELESS = ('journal_mode = MEMORY', 'synchronous = OFF', 'locking_mode = EXCLUSIVE', 'cache_size = -262144')


class Store(Database):
    """SQLite in a new file ``path``, with our tables; one connection is taken out of its pool, for good.

    A transaction within a transaction raises: it would be part of the other one here, and wait for itself elsewhere.
    """

    def __init__(self, path):
        super().__init__(f'sqlite:///{path}')
        models.metadata.create_all(self.engine)       # what the migrations make (a test compares), and faster
        self.check = None                             # called at the end of each transaction that writes
        self._connection = self.engine.connect()
        self._execute = self._connection.connection.driver_connection.execute
        for pragma in _CARELESS:
            self._execute(f'PRAGMA {pragma}')

    @contextlib.contextmanager
    def read(self):
        with self._connection.begin():
            yield self._connection

    @contextlib.contextmanager
    def write(self):
        with self._connection.begin():
            self._execute('BEGIN')
            yield self._connection
            if self.check is not None:
                self.check()

    # What the checks of a run ask again and again, as cheap as can be; within a transaction they see what it has changed.

    def lock_owner(self, node):
        """Who has the lock of a node, or None."""
        return self._execute('SELECT lock_owner FROM nodes WHERE uuid = ?', (node,)).fetchone()[0]

    def lock_epoch(self, node):
        return self._execute('SELECT lock_epoch FROM nodes WHERE uuid = ?', (node,)).fetchone()[0]

    def locked_by(self, host):
        """Uuids of the nodes whose locks ``host`` has, with leases that last."""
        return [node for node, in self._execute('SELECT uuid FROM nodes WHERE lock_owner = ? AND lock_expires_at > ?',
                                                (host, clock.time()))]

    def is_online(self, host):
        """Whether a conductor says that it is there."""
        return bool(self._execute('SELECT online FROM conductors WHERE hostname = ?', (host,)).fetchone()[0])

    def in_flight(self):
        """How many operations have a place."""
        return self._execute("SELECT count(*) FROM operations WHERE status IN ('running', 'waiting', 'held') "
                             'AND admitted_at IS NOT NULL').fetchone()[0]

    def close(self):
        self._connection.close()
        super().close()
