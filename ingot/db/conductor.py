"""Conductors: one row a host, which says what it serves and that it lives."""

import functools
import time

import orjson
import sqlalchemy as sa

from ingot.db import models, row
from ingot.db.engine import now

TABLE = models.conductors
#: Seconds since its last heartbeat until a conductor counts as dead.
ALIVE_SECONDS = 60
_EVERY = sa.select(TABLE).order_by(TABLE.c.hostname)
#: What conductors offer changes when they are restarted, and is asked for with every node that is created.
_loads = functools.lru_cache(1000)(orjson.loads)


def register(database, hostname, description, *, group=''):
    """Put ``hostname`` on the list, online, with what it serves; an old row of it is taken over.

    :param description: {driver: {'interfaces': ..., 'properties': ...}} as the registry of drivers gives it.
    """
    values = row.dump(TABLE, {
        'drivers': list(description), 'conductor_group': group, 'online': True, 'heartbeat_at': time.time(),
        'interfaces': {name: one['interfaces'] for name, one in description.items()},
        'properties': {name: one['properties'] for name, one in description.items()}, 'updated_at': now()})
    with database.write() as connection:
        mine = sa.update(TABLE).where(TABLE.c.hostname == hostname).values(values)
        if not connection.execute(mine).rowcount:
            connection.execute(sa.insert(TABLE).values(hostname=hostname, created_at=now(), **values))


def touch(database, hostname):
    """It lives."""
    _change(database, hostname, heartbeat_at=time.time(), updated_at=now(), online=True)


def leave(database, hostname):
    """It was stopped on purpose."""
    _change(database, hostname, online=False, updated_at=now())


def every(database):
    """All rows as dicts, JSON parsed, by host name; what is inside of them is only to be read."""
    with database.read() as connection:
        found = connection.execute(_EVERY).mappings().all()
    return [{**one, **{name: _loads(one[name]) for name in row.JSON['conductors']}} for one in found]


def online(database, seconds=ALIVE_SECONDS):
    """As ``every``: those that gave a sign of life within ``seconds``, the newest sign first."""
    alive = [one for one in every(database) if is_alive(one, seconds)]
    return sorted(alive, key=lambda one: one['heartbeat_at'], reverse=True)


def drivers(database):
    """Drivers of all conductors that live."""
    return {driver for one in online(database) for driver in one['drivers']}


def is_alive(conductor, seconds=ALIVE_SECONDS):
    return conductor['online'] and conductor['heartbeat_at'] > time.time() - seconds


def _change(database, hostname, **values):
    with database.write() as connection:
        connection.execute(sa.update(TABLE).where(TABLE.c.hostname == hostname).values(values))
