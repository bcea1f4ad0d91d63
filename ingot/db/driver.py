"""Drivers, as the living conductors offer them."""

from ingot import errors
from ingot.db import conductor


def offered(database):
    """{driver: {'hosts': [...], 'interfaces': {kind: [name, ...]}, 'properties': {...}}}; the default interface first.

    Where conductors differ, the interfaces of all are there. At most half a second old; only to be read.
    """
    return database.remember('drivers', conductor.FRESH_SECONDS, lambda: _offered(database))


def _offered(database):
    drivers = {}
    for row in conductor.alive(database):
        for name in row['drivers']:
            driver = drivers.setdefault(name, {'hosts': [], 'interfaces': {}, 'properties': {}})
            driver['hosts'].append(row['hostname'])
            driver['properties'].update(row['properties'].get(name, {}))
            for kind, names in row['interfaces'].get(name, {}).items():
                known = driver['interfaces'].setdefault(kind, [])
                known += [other for other in names if other not in known]
    return drivers


def get(database, name):
    """What is offered of one driver, with its ``name``; NotFound when no living conductor has it."""
    drivers = offered(database)
    if name not in drivers:
        raise errors.NotFound(f'Driver {name} could not be found; there are: {", ".join(sorted(drivers)) or "none"}.')
    return {'name': name, **drivers[name]}
