"""Rows of nodes that can be had, with devices, for tests of allocations: as inspection and operators would leave them."""

import uuid

import sqlalchemy as sa

from ingot.db import models, row
from ingot.db.engine import now

_DEVICES = models.devices
#: A board: two GPUs on two NUMA nodes, a network card (PF) with two VFs on the first.
BOARD = (
    {'address': '0000:3b:00.0', 'vendor_id': '10de', 'product_id': '20b5', 'class_id': '030200', 'numa_node': 0},
    {'address': '0000:af:00.0', 'vendor_id': '10de', 'product_id': '20b5', 'class_id': '030200', 'numa_node': 1},
    {'address': '0000:5e:00.0', 'vendor_id': '8086', 'product_id': '10c9', 'class_id': '020000', 'numa_node': 0, 'function': 'pf',
     'max_vfs': 2},
    {'address': '0000:5e:10.0', 'vendor_id': '8086', 'product_id': '10ca', 'class_id': '020000', 'numa_node': 0, 'function': 'vf',
     'parent': '0000:5e:00.0'},
    {'address': '0000:5e:10.2', 'vendor_id': '8086', 'product_id': '10ca', 'class_id': '020000', 'numa_node': 0, 'function': 'vf',
     'parent': '0000:5e:00.0'},
)
FLAVORS = {'gpu': [{'vendor_id': '10de'}], 'card': [{'vendor_id': '8086', 'function': 'pf'}],
           'slice': [{'vendor_id': '8086', 'function': 'vf'}]}


def fill(database, count, *, board=BOARD, racks=3, flavors=None, **values):
    """Add ``count`` nodes n0, n1 ... with ``board`` each, in ``racks`` racks by turns; their uuids. ``values``: of all nodes."""
    with database.write() as connection:
        for name, match in (FLAVORS if flavors is None else flavors).items():
            insert(connection, models.pci_flavors, name=name, match=match)
        return [_node(connection, number, board, f'rack{number % racks}', values) for number in range(count)]


def _node(connection, number, board, rack, values):
    key = insert(connection, models.nodes, uuid=f'c0000000-0000-4000-8000-{number:012x}', **{
        'name': f'n{number}', 'driver': 'fake-hardware', 'provision_state': 'available', 'power_state': 'power off',
        'resource_class': 'gold', 'extra': {'rack': rack}, **values})
    for device in board:
        insert(connection, _DEVICES, node_id=key, **{'state': 'ready', 'offered': True, **device})
    connection.execute(sa.insert(models.node_inventory).values(row.dump(models.node_inventory, {
        'node_id': key, 'created_at': now(), 'inventory': {'cpu': {'count': 16 * (1 + number % 2)}}})))
    return f'c0000000-0000-4000-8000-{number:012x}'


def insert(connection, table, **values):
    """Insert a row, JSON dumped, with a uuid and a time; its id."""
    return connection.execute(sa.insert(table).values(row.dump(table, {
        'uuid': str(uuid.uuid4()), 'created_at': now(), **values}))).inserted_primary_key[0]


def devices(database):
    """Of every device {address, state, allocation, node, parent, request}, by node and address."""
    nodes, made = models.nodes, models.allocations
    columns = (_DEVICES.c[name] for name in ('address', 'state', 'parent', 'request', 'uuid'))
    query = sa.select(*columns, nodes.c.uuid.label('node'), made.c.uuid.label('allocation')).select_from(
        _DEVICES.join(nodes, nodes.c.id == _DEVICES.c.node_id).outerjoin(made, made.c.id == _DEVICES.c.allocation_id)).order_by(
            nodes.c.id, _DEVICES.c.address)
    with database.read() as connection:
        return [dict(one) for one in connection.execute(query).mappings()]


def flaws(database):
    """What must never be so: sentences, none when all is well."""
    nodes, made = models.nodes, models.allocations
    with database.read() as connection:
        shared = connection.execute(sa.select(nodes.c.uuid, made.c.uuid).select_from(
            nodes.outerjoin(made, made.c.node_id == nodes.c.id)).where(
                sa.func.coalesce(nodes.c.allocation_uuid, '') != sa.func.coalesce(made.c.uuid, ''))).all()
        idle = connection.execute(sa.select(made.c.uuid, made.c.state).where(
            (made.c.state == 'active') != made.c.node_id.is_not(None))).all()
        gangs = connection.execute(sa.select(made.c.gang, made.c.wanted, sa.func.count()).where(
            made.c.gang.is_not(None), made.c.state == 'active').group_by(made.c.gang, made.c.wanted)).all()
    found = [f'node {node} and allocation {allocation} do not agree' for node, allocation in shared]
    found += [f'allocation {uuid} is {state}' for uuid, state in idle]
    found += [f'gang {gang} has {count} members' for gang, wanted, count in gangs if f'"count":{count}' not in wanted]
    told = devices(database)
    held = {(one['node'], one['address']) for one in told if one['state'] in ('claimed', 'in_use', 'draining')}
    found += [f'{one["address"]} of {one["node"]} is {one["state"]}, allocation {one["allocation"]}' for one in told
              if (one['state'] in ('claimed', 'in_use', 'draining')) != (one['allocation'] is not None)
              and one['state'] not in ('failed', 'removed')]
    found += [f'{one["address"]} and {one["parent"]} of {one["node"]} are both held' for one in told
              if (one['node'], one['address']) in held and (one['node'], one['parent']) in held]
    owners = {}
    for one in told:
        if one['allocation']:
            owners.setdefault(one['allocation'], set()).add(one['node'])
    return found + [f'allocation {uuid} has devices of {len(nodes)} nodes' for uuid, nodes in owners.items() if len(nodes) > 1]
