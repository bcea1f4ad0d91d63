"""Creating, changing and deleting rows that clients own: one write transaction each, the change's event in it.

``generation`` counts every change that clients can see, those of conductors (power, provision states) included: it is the
ETag of what is shown. Locks, and looks at the power state without news, are no change.
"""

import contextlib
import uuid

from oslo_db import exception

from ingot import errors
from ingot.db import one, row
from ingot.db.engine import now


@contextlib.contextmanager
def unique(noun, values):
    """Turns a unique column that is taken into Duplicate with its name and value."""
    try:
        yield
    except exception.DBDuplicateEntry as error:
        raise row.duplicate(noun, error, values) from None


def insert(connection, noun, table, values):
    """Insert a row, its uuid and time made here; returns the id."""
    values = {'uuid': str(uuid.uuid4()), 'created_at': now(), **values}
    with unique(noun, values):
        return connection.execute(one.insertion(table), row.dump(table, values)).inserted_primary_key[0]


def lock(connection, table, by, ident, missing, *, generation=None, columns=None):
    """The current row whose ``by`` (see ``one``) is ``ident``, JSON parsed, locked until the transaction ends.

    ``columns``: names (a tuple, uuid and generation among them) of what is needed of it; None: all.

    Raises ``missing`` when there is none and Stale when its generation is none of ``generation`` (a set; None: any).
    """
    found = one.whole(connection, table, by, ident, columns=columns, is_locked=True)
    if found is None:
        raise missing
    if generation is not None and found['generation'] not in generation:
        raise errors.Stale(f'{found["uuid"]} has generation {found["generation"]}, not the one in If-Match.',
                           remedy='Read it again, and decide again.')
    return row.parse(table, found)


def update(connection, noun, table, current, values):
    """Store ``values`` in the row ``current``, if nobody was faster, and count its generation up."""
    values = {**values, 'updated_at': now(), 'generation': current['generation'] + 1}
    mine = {'its_id': current['id'], 'its_generation': current['generation']}
    with unique(noun, values):
        done = connection.execute(one.change(table), row.dump(table, values) | mine)
    if not done.rowcount:
        raise errors.Stale(f'{noun} {current["uuid"]} was changed by somebody else just now.')
