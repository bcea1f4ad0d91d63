"""Drivers, as the living conductors offer them."""

from ingot.db import conductor


def offered(database):
    """{driver: {'hosts': [...], 'interfaces': {kind: [name, ...]}, 'properties': {...}}}; the default interface first.

    Where conductors differ, the interfaces of all are there.
    """
    drivers = {}
    for row in filter(conductor.is_alive, conductor.every(database)):
        for name in row['drivers']:
            driver = drivers.setdefault(name, {'hosts': [], 'interfaces': {}, 'properties': {}})
            driver['hosts'].append(row['hostname'])
            driver['properties'].update(row['properties'].get(name, {}))
            for kind, names in row['interfaces'].get(name, {}).items():
                known = driver['interfaces'].setdefault(kind, [])
                known += [other for other in names if other not in known]
    return drivers
