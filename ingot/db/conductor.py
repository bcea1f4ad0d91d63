"""Conductors: one row a host, which says what it serves, and until when it counts as alive."""

import functools

import orjson
import sqlalchemy as sa

from ingot import ring as rings
from ingot.db import clock, models, row
from ingot.db.engine import now

TABLE = models.conductors
#: Seconds for which the members are not looked up again.
FRESH_SECONDS = 0.5
_EVERY = sa.select(TABLE).order_by(TABLE.c.hostname)
_GONE = sa.select(TABLE.c.hostname, TABLE.c.alive_until).where(TABLE.c.alive_until < sa.bindparam('present'))
#: What conductors offer changes when they are restarted, and is asked for with every node that is created.
_loads = functools.lru_cache(1000)(orjson.loads)


def register(database, hostname, description, *, seconds, group='', boot_url=None):
    """Put ``hostname`` on the list, alive for ``seconds``, with what it serves; an old row of it is taken over.

    :param description: {driver: {'interfaces': ..., 'properties': ...}} as the registry of drivers gives it.
    :param boot_url: where machines find its boot files.
    """
    values = row.dump(TABLE, {
        'drivers': list(description), 'conductor_group': group, 'online': True, 'alive_until': clock.time() + seconds,
        'boot_url': boot_url,
        'interfaces': {name: one['interfaces'] for name, one in description.items()},
        'properties': {name: one['properties'] for name, one in description.items()}, 'updated_at': now()})
    with database.write() as connection:
        mine = sa.update(TABLE).where(TABLE.c.hostname == hostname).values(values)
        if not connection.execute(mine).rowcount:
            connection.execute(sa.insert(TABLE).values(hostname=hostname, created_at=now(), **values))
    database.forget('ring', 'drivers')


def touch(database, hostname, seconds):
    """It lives, and will for ``seconds``; who has left stays away, though this was on its way before."""
    _change(database, hostname, alive_until=clock.time() + seconds, updated_at=now())


def leave(database, hostname):
    """It was stopped on purpose."""
    _change(database, hostname, online=False, updated_at=now())
    database.forget('ring', 'drivers')


def every(database):
    """All rows as dicts, JSON parsed, by host name; what is inside of them is only to be read."""
    with database.read() as connection:
        found = connection.execute(_EVERY).mappings().all()
    return [{**one, **{name: _loads(one[name]) for name in row.JSON['conductors']}} for one in found]


def alive(database):
    """As ``every``: those that live."""
    return [one for one in every(database) if is_alive(one)]


def is_alive(conductor):
    return conductor['online'] and conductor['alive_until'] > clock.time()


def gone(database):
    """{hostname: seconds for which there was no sign of life} of those that died, or were stopped."""
    present = clock.time()
    with database.read() as connection:
        found = connection.execute(_GONE, {'present': present}).all()
    return {hostname: present - alive_until for hostname, alive_until in found}


def ring(database, without=()):
    """The Ring of those that live, at most half a second old; ``without``: hosts that are known to be dead already."""
    if without:
        return rings.Ring([one for one in alive(database) if one['hostname'] not in without])
    return database.remember('ring', FRESH_SECONDS, lambda: rings.Ring(alive(database)))


def named(group, driver):
    """What a conductor must serve, in words for messages."""
    return f'conductor group "{group}" and driver "{driver}"' if group else f'driver "{driver}"'


def _change(database, hostname, **values):
    with database.write() as connection:
        connection.execute(sa.update(TABLE).where(TABLE.c.hostname == hostname).values(values))
