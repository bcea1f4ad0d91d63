"""Allocations: requests for one node each, and the decision which node that is.

A decision is one transaction: the node is claimed by a conditional UPDATE, so that no two allocations get the same one and
none is told of a node that it has not.
"""

import uuid as uuids

import sqlalchemy as sa

from ingot import errors, states
from ingot.db import change, event, models, one, row
from ingot.db.engine import now
from ingot.db.store import Store

TABLE, _NODES = models.allocations, models.nodes
STORE = Store('allocation', TABLE, named=True, hidden=('wanted', 'why', 'gang', 'placement_group', 'priority', 'expires_at'))


#: States on the way to somewhere in which a node may lose its allocation all the same.
_RELEASABLE = states.STABLE - {'active'} | {
    'deploy failed', 'inspecting', 'inspect failed', 'inspect wait', 'clean failed', 'verifying', 'adopt failed', 'rescue failed',
    'unrescue failed', 'service hold', 'service failed'}


def create(database, values, columns):
    """Create an allocation and decide on it: it is active, with a node, or in error, with the reason.

    Returns ``columns`` as they were before the decision, "allocating": so clients know it, and look again.
    """
    with database.write() as connection:
        key = change.insert(connection, 'allocation', TABLE, values)
        made = STORE.read(connection, 'id', key, columns)
        current = row.parse(TABLE, one.whole(connection, TABLE, 'id', key))
        node = _pick(connection, current)
        change.update(connection, 'allocation', TABLE, current, {
            'state': 'error', 'last_error': _why(connection, current)} if node is None else {
            'state': 'active', 'node_id': node['id']})
        return made


def backfill(database, values, ident, columns):
    """Create an active allocation for a node that has its instance already; ``columns`` of it. Conflict, or Invalid.

    The allocation has the uuid of the instance, if the request has no other.
    """
    with database.write() as connection:
        node = one.whole(connection, _NODES, 'ident', ident, is_locked=True)
        if node is None:
            raise errors.Invalid(f'Node {ident} could not be found.')
        node = row.parse(_NODES, node)
        values = {'uuid': node['instance_uuid'] or str(uuids.uuid4()), **values}
        _check_backfill(node, values)
        key = change.insert(connection, 'allocation', TABLE, {
            **values, 'node_id': node['id'], 'state': 'active', 'resource_class': node['resource_class']})
        _associate(connection, values, node, _NODES.c.id == node['id'])
        return STORE.read(connection, 'id', key, columns)


def free(connection, node_id):
    """A node is given back: its allocation is gone, in the transaction of that."""
    one.remove(connection, TABLE, node_id, 'node_id')


def delete(database, ident, *, generation=None):
    """Delete an allocation and free its node; InvalidState while the node is at work for it."""
    def release(connection, current):
        if current['node']:
            node = one.whole(connection, _NODES, 'id', current['node_id'], is_locked=True)
            _check_release(current, node)
            connection.execute(sa.update(_NODES).where(_NODES.c.id == current['node_id']).values(
                **_telling(node), instance_uuid=None, allocation_uuid=None, generation=_NODES.c.generation + 1, updated_at=now()))
            event.add(connection, 'node.updated', node=current['node_uuid'], data={
                'changed': ['allocation_uuid', 'instance_info', 'instance_uuid']})
    STORE.delete(database, ident, generation=generation, also=release)


def _criteria(wanted):
    """[(words, condition)]: what a node must be, in the order in which it is told."""
    found = [('available, powered and not in maintenance', sa.and_(
                 _NODES.c.provision_state == 'available', _NODES.c.power_state.is_not(None), ~_NODES.c.maintenance)),
             ('without an instance', _NODES.c.instance_uuid.is_(None))]
    if wanted['candidate_nodes']:
        found.insert(0, ('among the candidates', _NODES.c.uuid.in_(wanted['candidate_nodes'])))
    if wanted['resource_class']:
        found.append((f'of resource class {wanted["resource_class"]}', _NODES.c.resource_class == wanted['resource_class']))
    if wanted['owner']:
        found.append((f'owned by or lent to {wanted["owner"]}', sa.or_(
            _NODES.c.owner == wanted['owner'], _NODES.c.lessee == wanted['owner'])))
    return found + [(f'with trait {trait}', _NODES.c.traits.contains(f'"{trait}"', autoescape=True))
                    for trait in wanted['traits']]


def _candidates(wanted):
    """The nodes that fit; the one of the allocation's own name first, then the oldest."""
    named = [sa.case((_NODES.c.name == wanted['name'], 0), else_=1)] if wanted['name'] else []
    return sa.select(_NODES.c.id, _NODES.c.uuid, _NODES.c.resource_class).where(
        *(condition for _, condition in _criteria(wanted))).order_by(*named, _NODES.c.id).limit(100)


def _pick(connection, wanted):
    """A node that is the allocation's from now on, or None. Who loses a node to somebody else takes the next."""
    while nodes := connection.execute(_candidates(wanted)).mappings().all():
        conditions = [condition for _, condition in _criteria(wanted)]
        for node in nodes:
            if _associate(connection, wanted, node, _NODES.c.id == node['id'], *conditions):
                return node
    return None


def _associate(connection, wanted, node, *conditions):
    """True when the node still met ``conditions``, and is taken; Duplicate when another has an instance with this uuid."""
    with change.unique('node', {'instance_uuid': wanted['uuid']}):
        done = connection.execute(sa.update(_NODES).where(*conditions).values(_association(wanted)))
    if done.rowcount:
        ours = one.whole(connection, _NODES, 'id', node['id'], columns=('instance_info',), is_locked=True)
        connection.execute(sa.update(_NODES).where(_NODES.c.id == node['id']).values(
            _telling(ours, traits=wanted.get('traits') or [])))
        event.add(connection, 'node.updated', node=node['uuid'], data={
            'changed': ['allocation_uuid', 'instance_info', 'instance_uuid']})
    return bool(done.rowcount)


def _telling(node, **traits):
    """instance_info of ``node`` (a row) to be stored, with the ``traits`` that were asked for, as deploy templates go by them;
    without them when none are given."""
    info = row.parse(_NODES, {'instance_info': node['instance_info']})['instance_info']
    return row.dump(_NODES, {'instance_info': {name: value for name, value in info.items() if name != 'traits'} | traits})


def _association(wanted):
    return {'instance_uuid': wanted['uuid'], 'allocation_uuid': wanted['uuid'], 'updated_at': now(),
            'generation': _NODES.c.generation + 1}


def _why(connection, wanted):
    """How many nodes were left after each criterion: the one that left none is the reason."""
    conditions, counts = [], []
    for words, condition in _criteria(wanted):
        conditions.append(condition)
        left = connection.execute(sa.select(sa.func.count()).select_from(_NODES).where(*conditions)).scalar()
        counts.append(f'{left} {words}')
    what = f'resource class {wanted["resource_class"]}' if wanted['resource_class'] else 'the request'
    return f'Failed to process allocation {wanted["uuid"]}: no available nodes match {what}. Nodes: {", then ".join(counts)}.'


def _check_backfill(node, values):
    name = f'Node {node["uuid"]}'
    if node['allocation_uuid'] or node['instance_uuid'] not in (None, values['uuid']):
        raise errors.Conflict(f'{name} is associated with instance {node["instance_uuid"]} already.')
    if node['provision_state'] != 'active':
        raise errors.Conflict(f'{name} is "{node["provision_state"]}"; only an active one can be given an allocation afterwards.')
    if values.get('resource_class') not in (None, node['resource_class']):
        raise errors.Conflict(f'{name} has resource class {node["resource_class"]}, not {values["resource_class"]}.')
    lacking = sorted(set(values.get('traits') or ()) - set(node['traits']))
    if lacking:
        raise errors.Conflict(f'{name} lacks traits: {", ".join(lacking)}.')
    if values.get('candidate_nodes') and node['uuid'] not in values['candidate_nodes']:
        raise errors.Conflict(f'{name} is not among the candidate_nodes.')


def _check_release(current, node):
    if not node['maintenance'] and node['provision_state'] not in _RELEASABLE:
        raise errors.Conflict(f'Allocation {current["uuid"]} cannot be removed: its node {node["uuid"]} is '
                              f'"{node["provision_state"]}".', remedy='Undeploy the node, or set it to maintenance.')
