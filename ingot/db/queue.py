"""The queue: operations that wait for a place, those that have one, and the policies that say how many there are.

A place is had from ``admitted_at`` on, by an operation that is running, waiting or held, whoever carries it out or has died
over it. Nobody holds a lock while it is decided who gets one: whoever admits raises ``turn`` in the policy of everything, and
what was decided counts only if ``turn`` is still what it was before anything was looked at.

Where no policy limits anything and nobody waits, an operation gets its place in the transaction that stores it (``place``).
It looks once more after that (``is_limited``): of it and a policy that comes at the same moment, one sees the other.
"""

import contextlib
import datetime
import functools
from typing import NamedTuple

import sqlalchemy as sa
from oslo_db import exception

from ingot import errors, queue
from ingot.db import batch, clock, head, models, row
from ingot.db import node as nodes
from ingot.db.engine import now

TABLE = models.queue_policies
_ops, _nodes, _policies = models.operations, models.nodes, TABLE.c
IN_FLIGHT = ('running', 'waiting', 'held')
#: Columns that clients choose.
CHOSEN = ('mode', 'max_in_flight', 'points', 'order', 'pause_on_failure_ratio', 'failure_window')
_DEFAULTS = {name: getattr(queue.Policy(), name) for name in CHOSEN}
#: Heads of a lane that are looked at, at most; when all of them begin, it is looked again.
_HEADS = 50
#: So many more than there are places for everything: one that cannot begin for a reason of its own is not all that is seen.
_SPARE = 4
#: Of more lanes than _LANES one head each is seen, if that tells enough; of more than _MOST_LANES always.
_LANES, _MOST_LANES = 16, 160
#: Rows that one statement asks for by their ids.
_BATCH = 1000
#: So many operations that ended last tell how long one takes.
_SAMPLE = 200
#: Seconds for which it is remembered whether there is a line to join: who joins none looks once more, for a policy.
_LINE_SECONDS = 0.5
_LIMITING = sa.or_(_policies.mode == 'rolling', _policies.max_in_flight.is_not(None), _policies.points.is_not(None),
                   _policies.pause_on_failure_ratio.is_not(None), _policies.paused_reason.is_not(None))
_IS_LIMITED = sa.select(sa.exists(sa.select(_policies.id).where(_LIMITING)))
_QUEUED = sa.exists(sa.select(_ops.c.id).where(_ops.c.status == 'queued'))
_HAS_LINE = sa.select(sa.or_(_QUEUED, sa.exists(sa.select(_policies.id).where(_LIMITING))))
OWNER = sa.func.coalesce(sa.func.nullif(_nodes.c.lessee, ''), _nodes.c.owner, '')
_PLAIN = {'': queue.Policy()}


class Seen(NamedTuple):
    """The queue as it was found: what is in flight and what waits, the oldest first.

    ``failing``: {scope: why it must pause}, not written down yet, though ``policies`` ({scope: Policy}) have it. ``most``: who
    is next is certain for so many, if none of them is refused for a reason of its own (None: for all). ``free``: places that
    the policy of everything has left (None: any number).
    """

    turn: int
    policies: dict
    failing: dict
    flying: list
    waiting: list
    most: int | None
    free: int | None


def place(database, flow, node, *, has_room):
    """Columns of a new operation of ``node``: it begins at once, or it waits. ``has_room``: there is a worker for it."""
    if flow not in queue.POINTS or flow in queue.LATER:
        return {'status': 'running'}
    has_line = database.remember('line', _LINE_SECONDS, lambda: _has_line(database))
    return waiting(node) if not has_room or has_line else {'status': 'running', 'admitted_at': clock.time()}


def _has_line(database):
    with database.read() as connection:
        return connection.execute(_HAS_LINE).scalar()


def waiting(node):
    """Columns of an operation of ``node`` that begins to wait."""
    return {'status': 'queued', 'queued_at': clock.time(), 'admitted_at': None, 'lane': queue.lane(node)}


def asking():
    """``is_limited`` as a batch.Ask."""
    return batch.Ask(_IS_LIMITED)


def is_limited(database):
    """Whether any policy limits anything: then places are given by ``admit`` alone."""
    with database.read() as connection:
        return bool(connection.execute(_IS_LIMITED).scalar())


def is_waiting(database):
    """Whether anything waits."""
    with database.read() as connection:
        return bool(connection.execute(sa.select(_QUEUED)).scalar())


def look(database, most=None, places=None, share=None, *, pick=None):
    """What is Seen. ``most``: of each lane so many of the oldest that wait, or more where a policy of a group has room for more
    (None: all); where that of everything has a number, a few more than it has places left instead, and none when it has none.
    ``places``: of nodes of these (group, driver) only; ``share``: where nothing is limited, of nodes that belong to it (see
    ``nodes.belongs``) only. ``pick``: called (connection, policies) for the ids of those that wait to be seen, rising, instead of
    all this."""
    with database.read() as connection:
        turn, policies, failing = policies_of(connection)
        is_limited = any(policy.is_limiting or policy.failures is not None for policy in policies.values())
        flying = _items(connection, _in_flight()) if is_limited or most is None else []
        free = _free(policies, flying)
        if pick:
            waiting = _of(connection, all_waiting(), pick(connection, policies))
        elif most is None:
            waiting = _items(connection, _at(all_waiting(), places).where(_ops.c.status == 'queued'))
        else:
            most, waiting = _next(connection, policies, free, most, places, _shared(policies, share))
        return Seen(turn, policies, failing, flying, waiting, most, free[''])


def policies_of(connection):
    """(turn, {scope: Policy}, {scope: why it must pause})."""
    turn, policies, failing = 0, dict(_PLAIN), {}
    for found in connection.execute(sa.select(TABLE)).mappings():
        found = row.parse(TABLE, found)
        turn = found['turn'] if found['scope'] == '' else turn
        policy = queue.Policy(**{name: found[name] for name in queue.Policy._fields} | {'served': tuple(found['served'])})
        reason = policy.paused_reason is None and _too_many(connection, policy, found['counted_since'])
        if reason:
            policy, failing[policy.scope] = policy._replace(paused_reason=reason), reason
        policies[policy.scope] = policy
    return turn, policies, failing


def _too_many(connection, policy, since):
    """Why the queue must pause, when too many of those that ended last failed; or None."""
    if policy.failures is None:
        return None
    ended = _ended('done', 'failed').where(_ops.c.admitted_at > since).limit(policy.failure_window)
    if policy.scope:
        ended = ended.where(_nodes.c.conductor_group == policy.scope)
    statuses = connection.execute(ended).scalars().all()
    failed = statuses.count('failed')
    return f'{failed} of the last {len(statuses)} failed.' if failed >= policy.failures else None


def _ended(*statuses):
    """Operations that had a place and ended, the last one first: their status, flow and times."""
    return sa.select(_ops.c.status, _ops.c.flow, _ops.c.admitted_at, _ops.c.finished_at).join(
        _nodes, _nodes.c.id == _ops.c.node_id).where(
        _ops.c.finished_at.is_not(None), _ops.c.admitted_at.is_not(None), _ops.c.status.in_(statuses)).order_by(
        _ops.c.finished_at.desc(), _ops.c.id.desc())


def _most_free(free, workers):
    """How many may begin of those that wait, and some more; 0 when the policy of everything has no place left."""
    if free[''] is not None:
        return free[''] and free[''] + _SPARE
    return max(workers, *(number for number in free.values() if number is not None), 0)


def _free(policies, flying):
    """{scope: places that its policy has left, at least 0, or None where it has no number}."""
    room = queue.Room(policies, flying)
    return {scope: _left(policy, room.count[scope], room.points[scope]) for scope, policy in policies.items()}


def _left(policy, count, points):
    if policy.paused_reason is not None:
        return 0
    left = [limit - used for limit, used in ((policy.most, count), (policy.points, points)) if limit is not None]
    return max(min(left), 0) if left else None


def _columns(since):
    return (_ops.c.id, _ops.c.uuid, _nodes.c.uuid.label('node'), _ops.c.flow, _nodes.c.conductor_group, OWNER.label('owner'),
            _nodes.c.driver, since)


@functools.cache
def _in_flight():
    return sa.select(*_columns(_ops.c.admitted_at)).join(_nodes, _nodes.c.id == _ops.c.node_id).where(
        _ops.c.status.in_(IN_FLIGHT), _ops.c.admitted_at.is_not(None)).order_by(_ops.c.id)


def _shared(policies, share):
    """The condition for what a conductor gives places to: all that is limited, and the rest of its own ``share``; or None."""
    limited = [policy.scope for policy in policies.values() if policy.is_limiting]
    if '' in limited or not any(share.values() if share else ()):
        return None
    return sa.or_(_nodes.c.conductor_group.in_(limited), nodes.belongs(share))


def all_waiting():
    return sa.select(*_columns(_ops.c.queued_at)).join(_nodes, _nodes.c.id == _ops.c.node_id).order_by(_ops.c.id)


def _at(query, places):
    """``query`` of what waits for nodes of these (group, driver) only; None: of all."""
    return query if places is None else query.where(sa.or_(sa.false(), *(
        sa.and_(_nodes.c.conductor_group == group, _nodes.c.driver == driver) for group, driver in sorted(places))))


def _next(connection, policies, free, most, places, shared):
    """(how many are certain to be among them, those that are next): what the next turns are given by, however much waits."""
    most = min(_most_free(free, most), _HEADS)
    if most == 0:
        return 0, []
    query = _at(all_waiting(), places)
    if shared is not None:
        return most, _of(connection, query, sorted(key for key, _ in head.numbered(connection, most, shared)))
    lanes = head.oldest(connection)
    if len(lanes) > _LANES:
        waiting = _of(connection, query, sorted(oldest for _, oldest in lanes))
        known = queue.certain(policies, free, waiting)
        if known >= min(most, _LANES) or len(lanes) > _MOST_LANES:
            return min(most, known), waiting
    return most, _of(connection, query, sorted(head.first(connection, [name for name, _ in lanes], most)))


def _of(connection, query, keys):
    """By their ids alone: whoever is given a place must be queued still, and PostgreSQL would go through all that are."""
    return [item for start in range(0, len(keys), _BATCH)
            for item in _items(connection, query.where(_ops.c.id.in_(keys[start:start + _BATCH])))]


def _items(connection, query):
    return [queue.Item(*found) for found in connection.execute(query)]


def admit(database, seen, items, seconds):
    """Give ``items`` (in this order) a place each; False, and nothing happens, when somebody did so since ``seen``.

    :param seconds: until the first deadline of each. What was aborted meanwhile gets none.
    """
    present = clock.time()
    with database.write() as connection:
        if not _raise_turn(connection, seen.turn):
            return False
        for scope, served in _served(seen, items).items():
            connection.execute(sa.update(TABLE).where(_policies.scope == scope).values(row.dump(TABLE, {'served': served})))
        connection.execute(sa.update(_ops).where(_ops.c.id.in_([item.id for item in items]), _ops.c.status == 'queued').values(
            status='running', admitted_at=present, deadline_at=present + seconds))
    return True


def _raise_turn(connection, turn):
    return connection.execute(sa.update(TABLE).where(_policies.scope == '', _policies.turn == turn).values(
        turn=turn + 1)).rowcount


def _served(seen, items):
    """{scope: owners} where the order is by turns of owners."""
    lines = {}
    for item in items:
        lines.setdefault(item.group if item.group in seen.policies else '', []).append(item.owner)
    present = {item.owner for item in (*seen.flying, *seen.waiting)}
    return {scope: queue.serve(seen.policies[scope].served, owners, present)
            for scope, owners in lines.items() if seen.policies[scope].order == 'fair'}


def pause(database, seen):
    """Write down what is ``seen.failing``; False, and nothing happens, when somebody did anything since."""
    with database.write() as connection:
        if not _raise_turn(connection, seen.turn):
            return False
        for scope, reason in seen.failing.items():
            connection.execute(sa.update(TABLE).where(_policies.scope == scope).values(
                paused_reason=reason, generation=_policies.generation + 1, updated_at=now()))
    return True


def durations(database):
    """{flow: mean seconds from its place to its good end}, of those that ended last."""
    lasted = {}
    with database.read() as connection:
        for ended in connection.execute(_ended('done').limit(_SAMPLE)):
            end = datetime.datetime.fromisoformat(ended.finished_at).timestamp()
            lasted.setdefault(ended.flow, []).append(max(end - ended.admitted_at, 0))
    return {flow: sum(seconds) / len(seconds) for flow, seconds in lasted.items()}


def is_queued(database, uuid):
    """Whether the operation waits for a place."""
    with database.read() as connection:
        return connection.execute(sa.select(_ops.c.status).where(_ops.c.uuid == uuid)).scalar() == 'queued'


# Policies, as clients set them.


def establish(database):
    """Make sure that the policy of everything has its row: nothing can be admitted without it."""
    with database.read() as connection:
        if connection.execute(sa.select(_policies.id).where(_policies.scope == '')).first():
            return
    with contextlib.suppress(exception.DBDuplicateEntry), database.write() as connection:
        connection.execute(sa.insert(TABLE).values(scope='', updated_at=now()))


def every(database):
    """{scope: its row}, JSON parsed; '' is always there."""
    establish(database)
    with database.read() as connection:
        rows = connection.execute(sa.select(TABLE).order_by(_policies.scope)).mappings().all()
    return {one['scope']: row.parse(TABLE, one) for one in rows}


def put(database, scope, values, *, generation=None):
    """Set the policy of ``scope``: ``values`` of CHOSEN, what they leave out has its default. A paused one stays paused.

    ``generation``: see ``change.lock``; Stale. Failures count anew when it changes how they count.
    """
    values = {**_DEFAULTS, **values}
    with _changing(database, scope, generation) as (connection, current):
        if current is None:
            connection.execute(sa.insert(TABLE).values(scope=scope, counted_since=clock.time(), updated_at=now(), **values))
            return
        if any(values[name] != current[name] for name in ('mode', 'pause_on_failure_ratio', 'failure_window')):
            values['counted_since'] = clock.time()
        _store(connection, scope, current, values)


def delete(database, scope, *, generation=None):
    """Forget the policy of ``scope``; that of everything limits nothing from then on. NotFound, Stale."""
    with _changing(database, scope, generation) as (connection, current):
        if current is None:
            raise _missing(scope)
        if scope == '':
            _store(connection, scope, current, {**_DEFAULTS, 'paused_reason': None})
        else:
            connection.execute(sa.delete(TABLE).where(_policies.scope == scope))


def resume(database, scope):
    """Go on after a pause; failures count anew. Repeats as nothing. NotFound."""
    with _changing(database, scope, None) as (connection, current):
        if current is None:
            raise _missing(scope)
        _store(connection, scope, current, {'paused_reason': None, 'counted_since': clock.time()})


def get(database, scope):
    """The row of the policy of ``scope``; NotFound."""
    policies = every(database)
    if scope not in policies:
        raise _missing(scope)
    return policies[scope]


@contextlib.contextmanager
def _changing(database, scope, generation):
    """(connection, the row or None) in a transaction in which nobody admits anything."""
    establish(database)
    with database.write() as connection:
        connection.execute(sa.update(TABLE).where(_policies.scope == '').values(turn=_policies.turn + 1))
        current = connection.execute(sa.select(TABLE).where(_policies.scope == scope)).mappings().first()
        if generation is not None and (current is None or current['generation'] not in generation):
            raise errors.Stale(f'The policy "{scope or "global"}" has another generation than the one in If-Match.',
                               remedy='Read it again, and decide again.')
        yield connection, current
    database.forget('heads', 'line')


def _store(connection, scope, current, values):
    connection.execute(sa.update(TABLE).where(_policies.scope == scope).values(
        generation=current['generation'] + 1, updated_at=now(), **values))


def _missing(scope):
    return errors.NotFound(f'There is no policy for the conductor group "{scope}".')
