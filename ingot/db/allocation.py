"""Allocations: requests for nodes, and for devices in them, and what became of each.

Who asks gets what fits, all of it or nothing: a decision by what there is (``decision``), and a claim that it still is so
(``claim``), in the transaction that stores the allocations. Who loses a race decides again.
"""

import contextlib
import datetime
import uuid as uuids

import sqlalchemy as sa
from oslo_db import exception

from ingot import errors, states
from ingot.db import change, claim, clock, decision, event, facts, models, one, placement_group, row
from ingot.db.engine import now
from ingot.db.store import Store

TABLE, _NODES, _DEVICES = models.allocations, models.nodes, models.devices
STORE = Store('allocation', TABLE, named=True, hidden=('wanted', 'why', 'gang', 'placement_group', 'priority', 'expires_at'))
#: How often somebody who loses a race decides again.
TRIES = 20
#: For so long after a lost race nobody goes for the first node that fits: others do the same.
_CROWDED_SECONDS = 10

#: States on the way to somewhere in which a node may lose its allocation all the same.
_RELEASABLE = states.STABLE - {'active'} | {
    'deploy failed', 'inspecting', 'inspect failed', 'inspect wait', 'clean failed', 'verifying', 'adopt failed', 'rescue failed',
    'unrescue failed', 'service hold', 'service failed'}
#: Members of a request that have columns of their own; the others are kept as they were sent, in ``wanted``.
_COLUMNS = frozenset({'placement_group', 'priority', 'expires_in'})


def create(database, values, columns, wanted=None, kept=None):
    """Create an allocation, or ``count`` of them, and decide: they are active, each with a node, or one is in error, and why.

    :param wanted: the newer members of the request (Allocation.NEWER), without those that are null.
    :param kept: see decision.decide.
    Returns ``columns`` of the first as they were before the decision, "allocating": so clients know it, and look again.
    """
    wanted = wanted or {}
    crowd = database.remember('crowd', _CROWDED_SECONDS, lambda: 0)
    for attempt in range(crowd, TRIES + crowd):
        decided = decision.decide(database, {**values, **wanted}, attempt=attempt, kept=kept)
        try:
            with attempting(database) as connection:
                made = _insert(connection, values, wanted, decided)
                told = STORE.read(connection, 'id', made[0]['id'], columns)
                _settle(connection, made, decided, wanted)
                return told
        except errors.Outdated as error:
            lost = error
            database.forget('crowd')
            database.remember('crowd', _CROWDED_SECONDS, lambda: 1)
    return _give_up(database, values, wanted, columns, lost)


@contextlib.contextmanager
def attempting(database):
    """As ``database.write``; what the server calls a deadlock is a lost race (Outdated) like any other."""
    try:
        with database.write() as connection:
            yield connection
    except errors.DatabaseFailed as error:
        if _is_broken_off(error):
            raise errors.Outdated('The database broke off a claim for the sake of another one.') from error
        raise


def _is_broken_off(error):
    """Whether a DatabaseFailed is what the server calls a deadlock: nothing has happened, and the same may be tried again."""
    return isinstance(error.__cause__, exception.DBDeadlock)


def _insert(connection, values, wanted, decided):
    """The rows, as dicts, of those that there will be: all that were asked for, or one that tells why not."""
    count = wanted.get('count', 1)
    first = {'uuid': str(uuids.uuid4()), **values, 'priority': wanted.get('priority', 0),
             'wanted': {name: value for name, value in wanted.items() if name not in _COLUMNS} if wanted else None,
             'placement_group': decided.group and decided.group['uuid'],
             'expires_at': clock.time() + wanted['expires_in'] if 'expires_in' in wanted else None}
    if count > 1:
        first['gang'] = first['uuid']
    rows = [first, *({**first, 'uuid': str(uuids.uuid4())} for _ in range(1, count if decided.picks else 1))]
    if count > 1 and values.get('name'):
        rows = [{**one, 'name': f'{values["name"]}-{number}'} for number, one in enumerate(rows, 1)]
    return [_inserted(connection, one) for one in rows]


def _inserted(connection, values):
    key = change.insert(connection, 'allocation', TABLE, values)
    return row.parse(TABLE, one.whole(connection, TABLE, 'id', key))


def _settle(connection, made, decided, wanted):
    """What was decided becomes so; Outdated when it cannot any more."""
    if not decided.picks:
        _refuse(connection, made[0], decided.why, wanted)
        return
    if decided.group and not placement_group.join(connection, decided.group, len(made)):
        raise errors.Outdated(f'Placement group {decided.group["name"]} got another member, or was changed, just now.')
    claim.claim(connection, made, decided.picks)


def _refuse(connection, current, why, wanted):
    words = _count(connection, current) if why is None else why['summary']
    told = {'why': why, 'last_error': f'Failed to process allocation {current["uuid"]}: {words}'}
    change.update(connection, 'allocation', TABLE, current, told | ({} if wanted.get('wait') else {'state': 'error'}))


def _give_up(database, values, wanted, columns, lost):
    """Others were faster, every time."""
    words = f'others were faster {TRIES} times; at last: {lost} Ask again.'
    nothing = decision.Decided(why={'summary': words, 'blocking': [], 'relax': []})
    with database.write() as connection:
        made = _insert(connection, values, wanted, nothing)
        told = STORE.read(connection, 'id', made[0]['id'], columns)
        _refuse(connection, made[0], nothing.why, wanted)
        return told


def take(database, values, picks, columns, wanted=None):
    """Claim exactly ``picks``, all or nothing: the allocations, ``columns`` of each. Outdated says what changed."""
    wanted = _described(wanted or {}, picks)
    with database.read() as connection:
        claim.check(connection, picks)
    checked = decision.decide(database, {**values, 'candidate_nodes': [pick.node for pick in picks], 'count': len(picks),
                                         'placement_group': wanted.get('placement_group')}, explain=True)
    if not checked.picks:
        raise errors.Outdated(f'The candidates do not fit any more: {checked.why["summary"]}')
    decided = decision.Decided(picks=picks, group=checked.group)
    with attempting(database) as connection:
        made = _insert(connection, values, wanted, decided)
        _settle(connection, made, decided, wanted)
        return [STORE.read(connection, 'id', current['id'], columns) for current in made]


def _described(wanted, picks):
    """``wanted`` with what the picks say that was asked for."""
    requests = max((pick.devices for pick in picks), key=len)
    return {**wanted, **({'count': len(picks)} if len(picks) > 1 else {}),
            **({'pci': [{'count': len(uuids)} for uuids in requests]} if requests else {})}


def backfill(database, values, ident, columns):
    """Create an active allocation for a node that has its instance already; ``columns`` of it. Conflict, or Invalid.

    The allocation has the uuid of the instance, if the request has no other.
    """
    with database.write() as connection:
        node = one.whole(connection, _NODES, 'ident', ident, is_locked=True)
        if node is None:
            raise errors.Invalid(f'Node {ident} could not be found.')
        values = {'uuid': node['instance_uuid'] or str(uuids.uuid4()), **values}
        _check_backfill(row.parse(_NODES, node), values)
        key = change.insert(connection, 'allocation', TABLE, {
            **values, 'node_id': node['id'], 'state': 'active', 'resource_class': node['resource_class']})
        claim.take_node(connection, values, node)
        return STORE.read(connection, 'id', key, columns)


def free(connection, node_id):
    """A node is given back: its allocation is gone, and its devices can be had again, in the transaction of that."""
    for key in connection.execute(sa.select(TABLE.c.id).where(TABLE.c.node_id == node_id)).scalars().all():
        claim.release(connection, key)
        one.remove(connection, TABLE, key)


def delete(database, ident, *, generation=None, is_gang=False):
    """Delete an allocation (``is_gang``: all those that were asked for together with it) and free its node.

    Conflict while a node is at work for it, and nothing is deleted then.
    """
    def others(connection, current):
        _give_back(connection, current)
        if is_gang and current['gang']:
            for uuid in connection.execute(sa.select(TABLE.c.uuid).where(
                    TABLE.c.gang == current['gang'], TABLE.c.uuid != current['uuid']).order_by(TABLE.c.id)).scalars().all():
                other = STORE.lock(connection, uuid, None)
                _give_back(connection, other)
                one.remove(connection, TABLE, other['id'])
    for left in reversed(range(TRIES)):
        try:
            STORE.delete(database, ident, generation=generation, also=others)
            break
        except errors.DatabaseFailed as error:      # its devices are looked for by an index that who claims others is writing to
            if not left or not _is_broken_off(error):
                raise


def _give_back(connection, current):
    """The node and the devices of ``current`` (as Store has it) are free, before it is deleted."""
    if not current['node']:
        return
    node = one.whole(connection, _NODES, 'id', current['node_id'], is_locked=True)
    _check_release(current, node)
    claim.release(connection, current['id'])
    connection.execute(sa.update(_NODES).where(_NODES.c.id == current['node_id']).values(
        **claim.telling(node), instance_uuid=None, allocation_uuid=None, generation=_NODES.c.generation + 1, updated_at=now()))
    event.add(connection, 'node.updated', node=current['node_uuid'], data={
        'changed': ['allocation_uuid', 'instance_info', 'instance_uuid']})


def expire(database):
    """What nobody used before its time was over is free again; returns how many. Who waits longer than that is in error.

    A node that is not ``available`` any more is in use: its allocation stays.
    """
    is_over = sa.and_(TABLE.c.expires_at < clock.time(), TABLE.c.state.in_(('active', 'allocating')))
    unused = sa.or_(TABLE.c.node_id.is_(None), sa.exists().where(_NODES.c.id == TABLE.c.node_id, _is_unused()))
    with database.read() as connection:
        found = connection.execute(sa.select(TABLE.c.uuid).where(is_over, unused).limit(100)).scalars().all()
    return sum(_expire(database, uuid) for uuid in found)


def _is_unused():
    return _NODES.c.provision_state == 'available'


def _expire(database, uuid):
    with contextlib.suppress(errors.NotFound), attempting(database) as connection:
        current = STORE.lock(connection, uuid, None)
        if not current['expires_at'] or current['expires_at'] >= clock.time():
            return 0
        if not current['node']:
            change.update(connection, 'allocation', TABLE, current, {'state': 'error'})
            return 1
        if one.whole(connection, _NODES, 'id', current['node_id'], is_locked=True)['provision_state'] != 'available':
            return 0
        _give_back(connection, current)
        one.remove(connection, TABLE, current['id'])
        event.add(connection, 'allocation.expired', node=current['node_uuid'], data={
            'allocation': uuid, 'name': current['name']})
        return 1
    return 0


def retry(database):
    """Those that wait are decided on again, the highest priority first, then the oldest; returns how many got what they want."""
    query = sa.select(TABLE).where(TABLE.c.state == 'allocating', TABLE.c.wanted.is_not(None)).order_by(
        TABLE.c.priority.desc(), TABLE.c.id).limit(100)
    with database.read() as connection:
        found = [row.parse(TABLE, each) for each in connection.execute(query).mappings()]
    return sum(_retry(database, current) for current in found)


def _retry(database, current):
    wanted = {**current['wanted'], 'priority': current['priority']}
    if current['placement_group']:
        wanted['placement_group'] = current['placement_group']
    values = {name: current[name] for name in ('resource_class', 'traits', 'candidate_nodes', 'owner', 'extra')}
    decided = decision.decide(database, {**values, **wanted, 'name': current['name']})
    if not decided.picks:
        return 0
    with contextlib.suppress(errors.Outdated, errors.NotFound), attempting(database) as connection:
        first = STORE.lock(connection, current['uuid'], {current['generation']})
        made = [first, *_rest(connection, first, len(decided.picks))]
        _settle(connection, made, decided, wanted)
        return 1
    return 0


def _rest(connection, first, count):
    """The other members of a gang whose first one has waited."""
    kept = {name: first[name] for name in ('resource_class', 'traits', 'candidate_nodes', 'owner', 'extra', 'wanted', 'gang',
                                           'placement_group', 'priority', 'expires_at')}
    names = [first['name'] and f'{first["name"].removesuffix("-1")}-{number}' for number in range(2, count + 1)]
    return [_inserted(connection, {**kept, 'name': name}) for name in names]


def more(database, found):
    """{uuid: what is shown beside what clients of Ironic know} of those of ``found`` (uuids) that were asked for with more."""
    shown = {}
    with database.read() as connection:
        for current in connection.execute(sa.select(TABLE).where(
                TABLE.c.uuid.in_(found), sa.or_(TABLE.c.wanted.is_not(None), TABLE.c.gang.is_not(None)))).mappings():
            shown[current['uuid']] = _more(connection, row.parse(TABLE, current))
    return shown


def _more(connection, current):
    shown = dict(current['wanted'] or {})
    if 'pci' in shown:
        shown['pci'] = _granted(connection, current['id'], shown['pci'])
    if current['gang']:
        shown['gang'] = current['gang']
        shown['allocations'] = list(connection.execute(
            sa.select(TABLE.c.uuid).where(TABLE.c.gang == current['gang']).order_by(TABLE.c.id)).scalars())
    if current['state'] != 'active' and current['why'] is not None:
        shown['why'] = current['why']
    if current['expires_at'] is not None:
        shown['expires_at'] = datetime.datetime.fromtimestamp(current['expires_at'], datetime.UTC).isoformat(timespec='seconds')
    return shown | {name: current[name] for name in ('placement_group', 'priority') if current[name]}


def _granted(connection, key, requests):
    """``requests`` with the devices that each was granted."""
    columns = (_DEVICES.c[name] for name in ('request', 'uuid', 'address', 'state'))
    query = sa.select(*columns, _NODES.c.uuid.label('node')).join(_NODES, _NODES.c.id == _DEVICES.c.node_id).where(
        _DEVICES.c.allocation_id == key).order_by(_DEVICES.c.address)
    found = [dict(each) for each in connection.execute(query).mappings()]
    return [{**request, 'devices': [{name: each[name] for name in ('uuid', 'address', 'node', 'state')}
                                    for each in found if each['request'] == number]} for number, request in enumerate(requests)]


def _count(connection, wanted):
    """How many nodes were left after each criterion: the one that left none is the reason."""
    conditions, counts = [], []
    for words, condition in facts.criteria(wanted):
        conditions.append(condition)
        left = connection.execute(sa.select(sa.func.count()).select_from(_NODES).where(*conditions)).scalar()
        counts.append(f'{left} {words}')
    what = f'resource class {wanted["resource_class"]}' if wanted['resource_class'] else 'the request'
    return f'no available nodes match {what}. Nodes: {", then ".join(counts)}.'


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
