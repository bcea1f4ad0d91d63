"""The lock of a node: a lease with owner, epoch and expiry; whoever lost it can write nothing more.

A lease is held while ``lock_expires_at`` lies ahead. Each taking raises ``lock_epoch`` by one, and every write of the
holder names its epoch: after a newer one it is refused (Stale). A dead owner's lease runs out and may be taken. Times
are those of the database's clock.
"""

import sqlalchemy as sa

from ingot import errors, queue
from ingot.db import batch, clock, event, models, one, placement, port, row
from ingot.db.engine import now

_nodes = models.nodes
#: Leases that are renewed in one transaction.
_AT_ONCE = 200
#: By uuid as everybody else: who finds one row now by its id and now by its uuid locks two indices in both orders.
_MINE = (_nodes.c.uuid == sa.bindparam('its_uuid'), _nodes.c.lock_epoch == sa.bindparam('its_epoch'),
         _nodes.c.lock_owner.is_not(None))
#: Statements of the holder: what changes the row that it knows, what reads it anew, what only makes sure.
_OURS = sa.update(_nodes).where(*_MINE)
_CHANGE = _OURS.where(_nodes.c.generation == sa.bindparam('its_generation'))
_TAKEN = {name: sa.bindparam(name) for name in ('lock_owner', 'lock_expires_at', 'lock_purpose', 'locked_at')}
_TAKE_FREE = sa.update(_nodes).where(
    _nodes.c.uuid == sa.bindparam('its_uuid'), _nodes.c.lock_expires_at <= sa.bindparam('present')).values(
    lock_epoch=_nodes.c.lock_epoch + 1, **_TAKEN)
_TAKE_HELD = _OURS.values(lock_epoch=_nodes.c.lock_epoch + 1, **_TAKEN)
_WHOLE = sa.select(_nodes).where(*_MINE).with_for_update()
_HELD = sa.select(_nodes.c.id).where(*_MINE, _nodes.c.generation == sa.bindparam('its_generation')).with_for_update()
#: As _HELD, where a statement that has no result is wanted: nothing is written when nothing changes (InnoDB).
_TOUCH = _CHANGE.values(lock_epoch=sa.bindparam('its_epoch'))
#: What waits, waits among those that are like its node.
_MOVE = sa.update(models.operations).where(
    models.operations.c.uuid == sa.bindparam('its_uuid'), models.operations.c.status == 'queued').values(
    lane=sa.bindparam('lane'))
_FREE = {'lock_owner': None, 'lock_expires_at': 0, 'lock_purpose': None, 'locked_at': None}

_RAN_OUT = sa.select(_nodes.c.uuid, _nodes.c.slot, _nodes.c.conductor_group, _nodes.c.driver).where(
    _nodes.c.lock_expires_at <= sa.bindparam('present'))
#: Asked for twice a second by every conductor: each half by an index of what is under way, however many nodes there are.
_ABANDONED = sa.union(
    _RAN_OUT.where(_nodes.c.lock_owner.is_not(None)),
    _RAN_OUT.join(models.operations, models.under_way()).where(models.operations.c.status == 'running'))


def take(database, node_uuid, owner, purpose, seconds):
    """Lock the node for ``seconds`` and return it as a dict, its ``lock_epoch`` being ours; with ``macs`` (as ``port.macs``)
    where they come on the same way.

    Raises NotFound, and Locked with holder, purpose and age while somebody else's lease lasts.
    """
    return _take(database, node_uuid, _TAKE_FREE, {}, owner, purpose, seconds)


def wrest(database, node_uuid, epoch, owner, purpose, seconds):
    """As ``take``, from the holder of ``epoch`` though its lease lasts: for work that hangs. Stale when it has moved on."""
    try:
        return _take(database, node_uuid, _TAKE_HELD, {'its_epoch': epoch}, owner, purpose, seconds)
    except errors.Locked:
        raise _stale(node_uuid, epoch) from None


def _take(database, node_uuid, statement, more, owner, purpose, seconds):
    present = clock.time()
    values = {'its_uuid': node_uuid, 'present': present, 'lock_owner': owner, 'lock_expires_at': present + seconds,
              'lock_purpose': purpose, 'locked_at': present, **more}
    write = batch.Write(statement, values, errors.Locked(f'Node {node_uuid} is locked.'))
    taken = batch.send(database, [write], _nodes, node_uuid, beside=(port.MACS_BESIDE,))
    if not taken:
        _refuse(database, node_uuid, present)
    node = row.parse(_nodes, taken)
    if 'macs' in node:
        node['macs'] = node['macs'].split(',') if node['macs'] else []
    return node


def _refuse(database, node_uuid, present):
    with database.read() as connection:
        node = one.whole(connection, _nodes, 'uuid', node_uuid)
    if node is None:
        raise errors.NotFound(f'Node {node_uuid} could not be found.')
    raise errors.Locked(f'Node {node_uuid} is locked by {node["lock_owner"]} for "{node["lock_purpose"]}" '
                        f'since {present - (node["locked_at"] or present):.0f} s.')


def renew(database, held, seconds):
    """Extend the leases in ``held`` ({node uuid: epoch}) to ``seconds`` from now; returns the uuids that are lost."""
    lost, items = set(), list(held.items())
    for start in range(0, len(items), _AT_ONCE):
        lost |= _renew(database, dict(items[start:start + _AT_ONCE]), seconds)
    return lost


def _renew(database, held, seconds):
    """Two statements for all of them; a lease that ran out is ours still, as long as nobody took it."""
    with database.write() as connection:
        # Found by uuid alone: by the index of owners MariaDB would lock that first, and the row then, as nobody else does.
        rows = connection.execute(sa.select(_nodes.c.id, _nodes.c.uuid, _nodes.c.lock_epoch, _nodes.c.lock_owner).where(
            _nodes.c.uuid.in_(held)).with_for_update()).all()
        ours = {found.uuid: found.id for found in rows if found.lock_owner is not None and held[found.uuid] == found.lock_epoch}
        if ours:
            connection.execute(sa.update(_nodes).where(_nodes.c.id.in_(ours.values())).values(
                lock_expires_at=clock.time() + seconds))
    return set(held) - set(ours)


def release(database, node_uuid, epoch):
    """Let go of the lock; nothing happens when it is another's by now."""
    with database.write() as connection:
        let_go(connection, node_uuid, epoch)


def let_go(connection, node_uuid, epoch):
    """As ``release``, in the transaction of the change that it belongs to."""
    connection.execute(_OURS, {'its_uuid': node_uuid, 'its_epoch': epoch, **_FREE})


def hand_over(database, node_uuid, epoch):
    """Let the lease run out at once, its work unfinished: whoever looks next takes it over."""
    with database.write() as connection:
        connection.execute(_OURS, {'its_uuid': node_uuid, 'its_epoch': epoch, 'lock_expires_at': 0})


def expire_owner(database, owner):
    """Let all leases of ``owner`` run out: those of a former life of this host."""
    with database.write() as connection:
        connection.execute(sa.update(_nodes).where(_nodes.c.lock_owner == owner).values(lock_expires_at=0))


def abandoned(database):
    """(uuid, slot, conductor_group, driver) of nodes whose lease ran out in the middle of work: locks never released, running
    operations, operations that were given a place and are not begun."""
    with database.read() as connection:
        return connection.execute(_ABANDONED, {'present': clock.time()}).all()


def update(database, node, epoch, values=None, events=(), *, writes=(), also=None, is_last=False, ask=None):
    """Write ``values`` to the node while ``epoch`` holds its lock, with ``events``, all or nothing; returns its row as it is now.

    :param node: its row as it was read last. :param values: {column: value}, or a function of the present row that gives one.
    :param writes: more of this transaction (batch.Write). :param also: called with the connection, for what is not known before,
        before the events, pairs (kind, data), are written. :param is_last: release the lock with this write. :param ask: a
        batch.Ask. Raises Stale when the lock is lost.
    """
    mine = {'its_uuid': node['uuid'], 'its_epoch': epoch}
    more = [*writes, *event.writing(node['uuid'], events)]
    if database.tells_placement:         # what inspection finds has no event of its own
        changed = values(node) if callable(values) else values or {}
        more += placement.writing(node['uuid'], [*events, ('node.updated', {'changed': changed})])
    if also is None:
        write, changed = _writing(database, node, mine, values, is_last)
        if batch.send(database, [write, *more], ask=ask):
            return changed
    with database.write() as connection:
        changed = _change(connection, node, mine, values, is_last)
        if also:
            also(connection)
        for write in more:
            write.execute(connection)
        if queue.lane(changed) != queue.lane(node):          # a client changed it meanwhile: of ``writes`` none knows that
            connection.execute(_MOVE, {'its_uuid': changed['operation'], 'lane': queue.lane(changed)})
    return changed


def _change(connection, node, mine, values, is_last):
    """As long as nobody else changes the row, it need not be read again: clients may, though they have no lock."""
    changed = _store(connection, node, mine, values, is_last)
    if changed is None:
        found = connection.execute(_WHOLE, mine).mappings().one_or_none()
        if found is None:
            raise _stale(node['uuid'], mine['its_epoch'])
        changed = _store(connection, row.parse(_nodes, found), mine, values, is_last)
    return changed


def _store(connection, node, mine, values, is_last):
    """The node with its new ``values``, or None when its row is not what we know of it, or the lock is lost."""
    write, changed = _writing(None, node, mine, values, is_last)
    try:
        write.execute(connection)
    except errors.Stale:
        return None
    return changed


def _writing(database, node, mine, values, is_last):
    """(Write, node): what stores ``values``, and the node as it is then."""
    stale = _stale(node['uuid'], mine['its_epoch'])
    known = mine | {'its_generation': node['generation']}
    values = row.dump(_nodes, values(node) if callable(values) else values or {})
    if not values and not is_last:
        return batch.Write(_TOUCH if database and batch.is_compound(database) else _HELD, known, stale), node
    if values:
        values |= {'generation': node['generation'] + 1, 'updated_at': now()}
    if is_last:
        values |= _FREE
    return batch.Write(_CHANGE, values | known, stale), node | row.parse(_nodes, values)


def _stale(node_uuid, epoch):
    return errors.Stale(f'Node {node_uuid}: the lock of epoch {epoch} is lost; another conductor works on it now.')
