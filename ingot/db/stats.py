"""Statistics that others tell: typed figures of nodes, or of what all nodes share.

Decisions read them, and never write them.
"""

import orjson
import sqlalchemy as sa
from oslo_db import exception

from ingot import errors
from ingot.db import models, one, row
from ingot.db.engine import now

TABLE = models.stats


def put(database, provider, values, *, generation=None):
    """Replace what ``provider`` tells by ``values``: figures, nodes (uuids; empty: all), max_age. The row; Stale for If-Match."""
    values = row.dump(TABLE, {'nodes': [], 'max_age': None, **values, 'updated_at': now()})
    with database.write() as connection:
        current = one.whole(connection, TABLE, 'provider', provider, is_locked=True)
        _check(provider, current, generation)
        if current is None:
            _insert(connection, provider, values)
        else:
            connection.execute(sa.update(TABLE).where(TABLE.c.id == current['id']).values(
                **values, generation=TABLE.c.generation + 1))
        return row.parse(TABLE, one.whole(connection, TABLE, 'provider', provider))


def _check(provider, current, generation):
    if generation is not None and (current is None or current['generation'] not in generation):
        found = f'generation {current["generation"]}' if current else 'no statistics yet'
        raise errors.Stale(f'Provider {provider} has {found}, not what If-Match names.',
                           remedy='Read it again, and decide again.')


def _insert(connection, provider, values):
    try:
        connection.execute(one.insertion(TABLE), {'provider': provider, 'created_at': values['updated_at'], **values})
    except exception.DBDuplicateEntry:
        raise errors.Stale(f'Somebody else told the first statistics of provider {provider} just now.',
                           remedy='Send them again.') from None


def get(database, provider):
    """What ``provider`` tells, a dict, JSON parsed; NotFound."""
    with database.read() as connection:
        found = one.whole(connection, TABLE, 'provider', provider)
    if found is None:
        raise missing(provider)
    return row.parse(TABLE, found)


def every(database):
    """What all providers tell, by name."""
    with database.read() as connection:
        return [row.parse(TABLE, found) for found in connection.execute(sa.select(TABLE).order_by(TABLE.c.provider)).mappings()]


def delete(database, provider, *, generation=None):
    with database.write() as connection:
        current = one.whole(connection, TABLE, 'provider', provider, is_locked=True)
        if current is None:
            raise missing(provider)
        _check(provider, current, generation)
        one.remove(connection, TABLE, current['id'])


def missing(provider):
    """The error for a provider that tells nothing."""
    return errors.NotFound(f'There are no statistics of provider {provider}.')


def facts(connection, providers):
    """What counts of ``providers`` (names): [(provider, {figure: value}, frozenset of uuids of nodes; empty: all)].

    What is older than its max_age is left out, as if it had never been told.
    """
    found = connection.execute(sa.select(TABLE).where(TABLE.c.provider.in_(providers))).mappings() if providers else ()
    return [(told['provider'], {name: figure['value'] for name, figure in orjson.loads(told['figures']).items()},
             frozenset(orjson.loads(told['nodes']))) for told in found if is_current(told)]


def is_current(told):
    """Whether ``told`` (a row) is young enough to count."""
    return told['max_age'] is None or told['updated_at'] >= now(-told['max_age'])
