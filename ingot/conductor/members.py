"""Who is there: this conductor's row on the list, and its heartbeat."""

from ingot import config
from ingot.db import conductor


def join(conf, database, drivers):
    """Put this host on the list with all that its drivers offer."""
    conductor.register(database, conf.host, drivers.describe(), group=conf.conductor.group,
                       seconds=conf.conductor.lease_seconds, boot_url=config.boot_url(conf))


def beat(conf, database):
    conductor.touch(database, conf.host, conf.conductor.lease_seconds)


def leave(conf, database):
    conductor.leave(database, conf.host)
