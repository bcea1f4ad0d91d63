"""Claims: nodes and devices become an allocation's, all of them or none, in one transaction.

Nothing is locked while somebody decides. Every row is taken by a conditional UPDATE on what the decision saw (the generation of a
node, the state of a device), nodes before devices and each in the order of their ids. Who finds one changed raises Outdated, and
so takes nothing. A node is one allocation's at a time, and its devices go with it: two claims of devices meet at their node.
"""

import dataclasses

import sqlalchemy as sa

from ingot import errors
from ingot.db import change, event, models, row
from ingot.db.engine import now
from ingot.scheduler import device

TABLE, _NODES, _DEVICES = models.allocations, models.nodes, models.devices
#: Columns of nodes by which it is decided whether one can be had.
STANDING = ('id', 'uuid', 'name', 'generation', 'provision_state', 'power_state', 'maintenance', 'retired', 'instance_uuid')
#: A node that can be had, as far as it is up to the node; the same as ``obstacle``, for SQL.
FREE = sa.and_(_NODES.c.provision_state == 'available', _NODES.c.power_state.is_not(None), ~_NODES.c.maintenance,
               ~_NODES.c.retired, _NODES.c.instance_uuid.is_(None))


@dataclasses.dataclass(frozen=True)
class Pick:
    """What is to be taken: a node as it was seen, and for each request of devices the uuids that were chosen."""

    node: str
    generation: int
    devices: tuple = ()


def obstacle(node):
    """Why ``node`` (a mapping with STANDING) cannot be had, in words that follow "is"; None when it can."""
    checks = ((node['instance_uuid'] is not None, 'in use'),
              (node['provision_state'] != 'available', f'"{node["provision_state"]}"'),
              (node['maintenance'], 'in maintenance'), (node['retired'], 'retired'),
              (node['power_state'] is None, 'of unknown power state'))
    return next((words for is_so, words in checks if is_so), None)


def claim(connection, made, picks):
    """Take for each allocation of ``made`` (rows as dicts, still "allocating") its pick; they are active then. Outdated."""
    nodes = check(connection, picks)
    pairs = sorted(zip(made, picks, strict=True), key=lambda pair: nodes[pair[1].node]['id'])
    for wanted, pick in pairs:
        take_node(connection, wanted, nodes[pick.node], _NODES.c.generation == pick.generation, FREE)
    for wanted, pick in pairs:
        _take_devices(connection, wanted, nodes[pick.node], pick.devices)
    for wanted, pick in pairs:
        change.update(connection, 'allocation', TABLE, wanted, {
            'state': 'active', 'node_id': nodes[pick.node]['id'], 'why': None, 'last_error': None,
            'resource_class': wanted['resource_class'] or nodes[pick.node]['resource_class']})


def check(connection, picks):
    """{uuid: node} of the nodes of ``picks``; Outdated when one of them is not as it was, or cannot be had."""
    nodes = _nodes(connection, picks)
    for pick in picks:
        _check(pick, nodes.get(pick.node))
    return nodes


def _nodes(connection, picks):
    columns = [_NODES.c[name] for name in (*STANDING, 'resource_class', 'instance_info')]
    return {found['uuid']: found for found in connection.execute(
        sa.select(*columns).where(_NODES.c.uuid.in_({pick.node for pick in picks}))).mappings()}


def _check(pick, node):
    if node is None:
        raise errors.Outdated(f'Node {pick.node} is not there any more.')
    words = obstacle(node)
    if words or node['generation'] != pick.generation:
        raise errors.Outdated(f'Node {pick.node} {f"is {words}" if words else "has changed"}: it has generation '
                              f'{node["generation"]}; it was decided on with {pick.generation}.')


def take_node(connection, wanted, node, *conditions):
    """``node`` (a mapping with instance_info) has the instance of allocation ``wanted`` from now on.

    Outdated unless it still meets ``conditions``, Duplicate when another node has an instance with this uuid.
    """
    with change.unique('node', {'instance_uuid': wanted['uuid']}):
        done = connection.execute(sa.update(_NODES).where(_NODES.c.id == node['id'], *conditions).values(
            **telling(node, traits=wanted.get('traits') or []), instance_uuid=wanted['uuid'], allocation_uuid=wanted['uuid'],
            updated_at=now(), generation=_NODES.c.generation + 1))
    if not done.rowcount:
        raise errors.Outdated(f'Node {node["uuid"]} was changed, or taken, by somebody else just now.')
    event.add(connection, 'node.updated', node=node['uuid'], data={
        'changed': ['allocation_uuid', 'instance_info', 'instance_uuid']})


def telling(node, **traits):
    """instance_info of ``node`` (a row) to be stored, with the ``traits`` that were asked for, as deploy templates go by them;
    without them when none are given."""
    info = row.parse(_NODES, {'instance_info': node['instance_info']})['instance_info']
    return row.dump(_NODES, {'instance_info': {name: value for name, value in info.items() if name != 'traits'} | traits})


def _take_devices(connection, wanted, node, requests):
    """All devices of ``requests`` (a list of uuids each), which are different, can be given, and exclude each other nowhere."""
    found = _devices(connection, node, requests)
    for number, uuids in enumerate(requests):
        keys = [_giveable(node, uuid, found.get(uuid))['id'] for uuid in uuids]
        done = connection.execute(sa.update(_DEVICES).where(
            _DEVICES.c.id.in_(sorted(keys)), _DEVICES.c.state == 'ready', _DEVICES.c.allocation_id.is_(None)).values(
                state=device.MOVES['ready', 'claim'], allocation_id=wanted['id'], request=number, updated_at=now(),
                generation=_DEVICES.c.generation + 1)) if keys else None
        if done and done.rowcount != len(keys):
            raise errors.Outdated(f'A device of node {node["uuid"]} was changed by somebody else just now.')


def _devices(connection, node, requests):
    """{uuid: row} of all devices of ``node``, if those of ``requests`` go together; Invalid when they never do, else Outdated."""
    uuids = [uuid for some in requests for uuid in some]
    if not uuids:
        return {}
    if len(uuids) != len(set(uuids)):
        raise errors.Invalid(f'The same device of node {node["uuid"]} is to be given twice.')
    found = {one['uuid']: one for one in connection.execute(
        sa.select(_DEVICES).where(_DEVICES.c.node_id == node['id'])).mappings()}
    taken = [found[uuid] for uuid in uuids if uuid in found]
    for one in taken:
        if are_related(one, taken):
            raise errors.Invalid(f'Device {one["address"]} of node {node["uuid"]} is to be given together with its own virtual or'
                                 ' physical function: whoever has one has the other.')
    others = [one for one in found.values() if one['uuid'] not in uuids and one['state'] != 'removed']
    for one in others:
        _check_other(node, one, taken)
    return found


def _check_other(node, one, taken):
    """Device ``one``, which is not to be given, is nothing that goes with those that are ``taken``."""
    if one['allocation_id'] is not None and are_related(one, taken):
        raise errors.Outdated(f'Device {one["address"]} of node {node["uuid"]}, part of what was chosen, has an allocation.')
    if one['unit'] and one['unit'] in {each['unit'] for each in taken} and not are_related(one, taken):
        raise errors.Invalid(f'Device {one["address"]} of node {node["uuid"]} belongs to unit {one["unit"]}, whose devices are '
                             'given together.', remedy='Claim all of the unit, or none of it.')


def are_related(one, others):
    """Whether device ``one`` is the physical function of a virtual one among ``others``, or the reverse."""
    return any(one['address'] == other['parent'] or one['parent'] == other['address'] for other in others)


def _giveable(node, uuid, one):
    if one is None:
        raise errors.Outdated(f'Device {uuid} is not at node {node["uuid"]}.')
    if not device.counts(one):
        words = [f'it is "{one["state"]}"' + (f' ({one["state_reason"]})' if one['state_reason'] else '')]
        words += ['it is not offered'] * (not one['offered']) + ['it has an allocation'] * (one['allocation_id'] is not None)
        raise errors.Outdated(f'Device {one["address"]} of node {node["uuid"]} cannot be given any more: {", ".join(words)}.')
    return one


#: Where a device goes from each state when it is given back.
_RELEASED = {state: after for (state, happening), after in device.MOVES.items() if happening == 'release'}


def release(connection, allocation_id):
    """What the allocation (an id) has of devices is given back, in the transaction in which it ends."""
    state = sa.case(_RELEASED, value=_DEVICES.c.state, else_=_DEVICES.c.state)
    connection.execute(sa.update(_DEVICES).where(_DEVICES.c.allocation_id == allocation_id).values(
        state=state, allocation_id=None, request=None, updated_at=now(), generation=_DEVICES.c.generation + 1))
