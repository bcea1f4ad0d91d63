"""The database of a whole simulated site: everybody uses the same one connection, since nobody goes on within a transaction."""

import contextlib

from ingot.db import schema
from ingot.db.engine import Database

#: Nobody else reads the file, and after a crash nobody needs it: it is written without care, and its journal stays in memory.
_CARELESS = ('journal_mode = MEMORY', 'synchronous = OFF', 'locking_mode = EXCLUSIVE', 'cache_size = -262144', 'temp_store = MEMORY')


class Store(Database):
    """SQLite in a new file ``path``, with the newest schema; one connection is taken out of its pool, for good.

    A transaction within a transaction raises: it would be part of the other one here, and wait for itself elsewhere.
    """

    def __init__(self, path):
        url = f'sqlite:///{path}'
        first = Database(url)
        schema.upgrade(first)
        first.close()
        super().__init__(url)
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

    def lock_owner(self, node):
        """Who has the lock of a node, or None: asked before each touch of a machine, so as cheap as can be."""
        return self._execute('SELECT lock_owner FROM nodes WHERE uuid = ?', (node,)).fetchone()[0]

    def close(self):
        self._connection.close()
        super().close()
