"""Power sync: reads what machines really do; a BMC that stays away puts its node into maintenance until it is back."""

import logging

from ingot import concurrency, errors
from ingot.db import power

log = logging.getLogger(__name__)
#: So many failures in a row, and the node goes into maintenance.
FAILURES = 3
#: BMCs that are asked at once; flows have workers of their own.
WORKERS = 8


def run(crew):
    """Read the power states that are due, some at once; ends when all have answered or failed."""
    every = crew.conf.conductor.power_sync_seconds
    nodes = power.due(crew.database, every, list(crew.drivers.hardware)) if every else []
    if nodes:
        pool = concurrency.Pool(WORKERS, 'power-sync')
        for node in nodes:
            pool.submit(check, crew, node)
        pool.close()


def check(crew, node):
    """Read one machine's power state without its lock, and write it down unless somebody works on it meanwhile."""
    if crew.is_stopping:
        return
    try:
        state = crew.drivers.of(node).interface(node, 'power').state(node)
    except errors.IngotError as error:
        log.warning('Node %s: power state cannot be read: %s', node['uuid'], error)
        power.record_failure(crew.database, node, error.explain(), limit=FAILURES)
    except Exception as error:
        log.exception('Node %s: power state cannot be read', node['uuid'])
        power.record_failure(crew.database, node, f'internal error {type(error).__name__}.', limit=FAILURES)
    else:
        power.record(crew.database, node, state)
