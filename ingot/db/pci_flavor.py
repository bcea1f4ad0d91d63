"""PCI flavors, and the devices that they mean.

A match is held against rows in Python, since what it may say (globs, labels) has no common SQL; where it asks for equal ids, the
database is asked for those alone. Devices of the same make are looked at once, however many there are.
"""

import functools

import orjson
import sqlalchemy as sa

from ingot import errors
from ingot.db import models, row
from ingot.db.pci_device import STORE as DEVICES
from ingot.db.store import Store
from ingot.scheduler import capacity as scheduler
from ingot.scheduler import device as devices
from ingot.scheduler import match
from ingot.scheduler.site import Site

TABLE, _DEVICES, _ALLOCATIONS = models.pci_flavors, models.devices, models.allocations
#: By a name of its own: columns that look for the node of a device do so by themselves.
_NODES = models.nodes.alias('its_node')
#: Columns by which the database may look for a device when a match asks for one value, or for any of some.
_INDEXED = ('vendor_id', 'product_id', 'class_id', 'function', 'driver')
_AT_ONCE, _KINDS, _NODES_AT_ONCE = 5000, 5000, 500
#: What tells whether a node may be given to somebody; its devices count only then.
_IS_FREE = sa.and_(_NODES.c.provision_state == 'available', ~_NODES.c.maintenance, ~_NODES.c.retired,
                   _NODES.c.instance_uuid.is_(None), _NODES.c.power_state.is_not(None))
_COUNTED = (_NODES.c.uuid, _NODES.c.name, sa.type_coerce(sa.case((_IS_FREE, 1), else_=0), sa.Integer), _DEVICES.c.state,
            _DEVICES.c.offered, _DEVICES.c.reserved_for, sa.case((_DEVICES.c.allocation_id.is_not(None), 1), else_=0))

#: What the scheduler looks at of a device.
_BOARD_NAMES = ('node_id', 'uuid', *match.ATTRIBUTES, 'parent', 'extra_info', 'labels', 'state', 'offered', 'reserved_for',
                'allocation_id')
_OF_BOARDS = tuple(_DEVICES.c[name] for name in _BOARD_NAMES)


def _keep_name(connection, current, values):
    """Allocations know flavors by their names: one that they ask for keeps its own while they have devices."""
    if 'name' in values:
        refuse_claimed(connection, current, 'renamed')


STORE = Store('PCI flavor', TABLE, named=True, follow=_keep_name)


def meant(connection, wanted, columns, *conditions, after=0):
    """Rows (tuples) of ``columns`` of the devices (and their nodes) that the match ``wanted`` means, the oldest first."""
    asked, means = _asked(wanted), _predicate(wanted)
    query = sa.select(_DEVICES.c.id, *columns, *(_DEVICES.c[name] for name in asked)).join(
        _NODES, _NODES.c.id == _DEVICES.c.node_id).where(_DEVICES.c.state != 'removed', _prefilter(wanted), *conditions).order_by(
        _DEVICES.c.id).limit(_AT_ONCE)
    end = 1 + len(columns)
    while True:
        found = connection.execute(query.where(_DEVICES.c.id > after)).all()
        yield from (one[1:end] for one in found if means(*one[end:]))
        if len(found) < _AT_ONCE:
            return
        after = found[-1][0]


def _asked(wanted):
    """The columns that a match looks at, a sorted list."""
    names = {name for each in wanted for name in each}
    return sorted(names & match.ATTRIBUTES.keys()) + (['extra_info', 'labels'] if names - match.ATTRIBUTES.keys() else [])


def _predicate(wanted):
    """A function that says of the values of ``_asked`` whether the match means such a device; it remembers its answers."""
    asked, holds = _asked(wanted), match.compiled(wanted)

    @functools.lru_cache(_KINDS)
    def means(*values):
        return holds(match.attributes(row.parse(_DEVICES, dict(zip(asked, values, strict=True)))))
    return means


def _prefilter(wanted):
    """A SQL condition that all devices which the match means meet: true where it asks for no equal value."""
    return sa.or_(*(sa.and_(sa.true(), *(_DEVICES.c[name].in_(values) for name in _INDEXED if (values := _values(each, name))))
                    for each in wanted))


def _values(each, name):
    """The values that ``name`` may have by one object of a match, or nothing when that is no list of them."""
    condition = each.get(name)
    values = condition if isinstance(condition, list) else [condition]
    return [match.normal(name, value) for value in values] if all(isinstance(value, str) for value in values) else None


def rows(database, columns, filters, *, limit, marker=None, sort='id', is_descending=False):
    """As ``Store.rows`` of devices, with the filter ``flavor`` (a uuid or name), by age only then."""
    if 'flavor' not in filters:
        return DEVICES.rows(database, columns, filters, limit=limit, marker=marker, sort=sort, is_descending=is_descending)
    if sort != 'id' or is_descending:
        raise errors.Invalid('The devices of a flavor are listed by age only.', remedy='Leave sort_key and sort_dir out.')
    filters = dict(filters)
    wanted = STORE.get(database, filters.pop('flavor'))['match']
    after = 0 if marker is None else DEVICES.show(database, marker, (_DEVICES.c.id,))[0]
    found = []
    with database.read() as connection:
        for one in meant(connection, wanted, columns, *DEVICES.conditions(filters), after=after):
            found.append(one)
            if len(found) == limit:
                break
    return found


def count(database, wanted):
    """What the match means now: {'matching', 'available', 'by_state', 'nodes': [the same of each node, its uuid and name]}.

    ``available`` are devices that count, on nodes that may be given to somebody; those with the most of them come first.
    """
    nodes = {}
    with database.read() as connection:
        for uuid, name, is_free, *standing in meant(connection, wanted, _COUNTED):
            of_node = nodes.get(uuid)
            if of_node is None:
                of_node = nodes[uuid] = {'node': uuid, 'name': name, **_empty()}
            of_node['matching'] += 1
            of_node['available'] += bool(is_free) and _counts(*standing)
            of_node['by_state'][standing[0]] = of_node['by_state'].get(standing[0], 0) + 1
    total = _empty()
    for one in nodes.values():
        total['matching'] += one['matching']
        total['available'] += one['available']
        for state, number in one['by_state'].items():
            total['by_state'][state] = total['by_state'].get(state, 0) + number
    return {**total, 'nodes': sorted(nodes.values(), key=lambda one: (-one['available'], -one['matching'], one['node']))}


@functools.lru_cache(_KINDS)
def _counts(state, offered, reserved_for, is_given):
    return devices.counts({'state': state, 'offered': offered, 'reserved_for': reserved_for, 'allocation_id': is_given or None})


def _empty():
    return {'matching': 0, 'available': 0, 'by_state': {}}


def capacity(database, ident):
    """What free nodes can give by a flavor (a uuid or name): ``scheduler.capacity`` of what there is now."""
    flavor = STORE.get(database, ident)
    with database.read() as connection:
        nodes = {key: {'uuid': uuid, 'name': name, 'is_free': bool(is_free), 'devices': []} for key, uuid, name, is_free in meant(
            connection, flavor['match'], (_NODES.c.id, *_COUNTED[:3]))}
        for one in _devices_of(connection, list(nodes)):
            nodes[one['node_id']]['devices'].append(one)
        flavors = [row.parse(TABLE, one) for one in connection.execute(sa.select(TABLE)).mappings()]
    return scheduler.capacity(Site(nodes.values(), flavors), flavor['uuid'])


def _devices_of(connection, nodes):
    """All devices of ``nodes`` (ids), as dicts: what is held of a card excludes the rest of it."""
    for start in range(0, len(nodes), _NODES_AT_ONCE):
        some = nodes[start:start + _NODES_AT_ONCE]
        query = sa.select(*_OF_BOARDS).where(_DEVICES.c.node_id.in_(some), _DEVICES.c.state != 'removed')
        for one in connection.execute(query):
            found = dict(zip(_BOARD_NAMES, one, strict=True))
            yield found | {'extra_info': _parsed(found['extra_info']), 'labels': _parsed(found['labels'])}


@functools.lru_cache(_KINDS)
def _parsed(text):
    """Labels as a dict that nobody changes: most devices have those of many others."""
    return orjson.loads(text)


def warning(database, wanted):
    """A sentence when the match means no device at all, with what comes nearest; else None."""
    with database.read() as connection:
        if next(meant(connection, wanted, ()), None) is not None:
            return None
        columns = [_DEVICES.c[name] for name in _asked(wanted)]
        kinds = connection.execute(sa.select(*columns).where(_DEVICES.c.state != 'removed').distinct().limit(_KINDS)).mappings()
        found = match.nearest(wanted, [match.attributes(row.parse(_DEVICES, kind)) for kind in kinds])
    if found is None:
        return 'It means no device: none has been found yet.'
    what, nearest = f'{found["attribute"]} {match.describe(found["condition"])}', found['nearest']
    nearest = 'none' if nearest is None else orjson.dumps(nearest).decode()
    return f'It means no device: none has {what}; the nearest has {nearest}.'


def claims(connection, flavor):
    """Uuids of the allocations that ask for ``flavor`` (a dict) and have devices, sorted."""
    told = [_ALLOCATIONS.c.wanted.contains(orjson.dumps(flavor[key]).decode(), autoescape=True) for key in ('name', 'uuid')]
    query = sa.select(_ALLOCATIONS.c.uuid, _ALLOCATIONS.c.wanted).where(sa.or_(*told), sa.exists().where(
        _DEVICES.c.allocation_id == _ALLOCATIONS.c.id)).order_by(_ALLOCATIONS.c.uuid)
    asked = {flavor['name'], flavor['uuid']}
    return [one.uuid for one in connection.execute(query)
            if any(asked & set(each.get('flavors') or ()) for each in orjson.loads(one.wanted).get('pci') or ())]


def refuse_claimed(connection, current, what='deleted'):
    """Conflict, naming the allocations that have devices by the flavor ``current`` (a dict)."""
    if found := claims(connection, current):
        shown = ', '.join(found[:5]) + (f' and {len(found) - 5} more' if len(found) > 5 else '')
        raise errors.Conflict(f'PCI flavor {current["name"]} cannot be {what}: allocations have devices by it: {shown}.',
                              remedy='Delete these allocations first, or make a new flavor beside it.')
