"""First answers to requests with an Idempotency-Key: claimed before the work, kept with the answer after it.

A claim is one row, made by one winner: the unique name decides. One that its process did not live to answer is free again
after ABANDONED seconds.
"""


import orjson
import sqlalchemy as sa
from oslo_db import exception

from ingot import errors
from ingot.db import clock, models, one

TABLE = models.idempotency_keys
#: Seconds for which an answer is kept.
KEPT = 86400
#: Seconds after which nobody works on a request any more: a call to a conductor takes no longer.
ABANDONED = 300


def claim(database, name, fingerprint):
    """None when the key is ours to answer from now on, else the first answer as (status, headers, body).

    KeyReused when it came with another request, StillWorking while the first one has no answer.
    """
    with database.write() as connection:
        _forget_old(connection, name)
        found = one.whole(connection, TABLE, 'name', name)
        if found is None and _insert(connection, name, fingerprint):
            return None
    return _first(database, name, fingerprint)


def _forget_old(connection, name):
    present, column = clock.time(), TABLE.c
    is_over = sa.or_(column.made_at < present - KEPT, sa.and_(column.status.is_(None), column.made_at < present - ABANDONED))
    connection.execute(sa.delete(TABLE).where(column.name == name, is_over))


def _insert(connection, name, fingerprint):
    try:
        with connection.begin_nested():
            connection.execute(one.insertion(TABLE), {'name': name, 'fingerprint': fingerprint, 'made_at': clock.time(),
                                                      'headers': '[]'})
    except exception.DBDuplicateEntry:       # somebody was faster by a moment
        return False
    return True


def _first(database, name, fingerprint):
    with database.read() as connection:
        found = one.whole(connection, TABLE, 'name', name)
    if found is not None and found['fingerprint'] != fingerprint:
        raise errors.KeyReused('This Idempotency-Key came before, with another request.')
    if found is None or found['status'] is None:
        raise errors.StillWorking('The first request with this Idempotency-Key has no answer yet.')
    return found['status'], orjson.loads(found['headers']), (found['body'] or '').encode()


def keep(database, name, status, headers, body):
    """The answer to whoever comes with the key again."""
    with database.write() as connection:
        connection.execute(sa.update(TABLE).where(TABLE.c.name == name, TABLE.c.status.is_(None)).values(
            status=status, headers=orjson.dumps(headers).decode(), body=body.decode()))


def release(database, name):
    """The key is as if it had never come: what was answered may be another time."""
    with database.write() as connection:
        connection.execute(sa.delete(TABLE).where(TABLE.c.name == name, TABLE.c.status.is_(None)))


def prune(database):
    """Forget what is older than KEPT seconds; returns how many."""
    with database.write() as connection:
        return connection.execute(sa.delete(TABLE).where(TABLE.c.made_at < clock.time() - KEPT)).rowcount
