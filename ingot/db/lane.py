"""Long queues without a look at all that wait: counts of lanes (see ``head``), the first of each, and the place of one."""

import functools

import sqlalchemy as sa

from ingot import queue
from ingot.db import head, models
from ingot.db import queue as line

_ops, _nodes = models.operations, models.nodes
#: Lanes whose heads are asked for by name; those of more of them are numbered by the database, all at once.
_FEW = 300
_BATCH = 1000
_COUNTS = sa.select(_ops.c.lane, sa.func.count(), sa.func.min(_ops.c.id)).where(_ops.c.status == 'queued').group_by(_ops.c.lane)

_OLDER = sa.select(sa.func.count()).where(_ops.c.status == 'queued', _ops.c.lane.in_(sa.bindparam('names', expanding=True)),
                                          _ops.c.id < sa.bindparam('its_id'))


class First:
    """For ``line.look``: picks what the first ``count`` turns are among; ``lanes`` are then all that there are."""

    def __init__(self, count):
        self.count, self.lanes = count, []

    def __call__(self, connection, policies):
        self.lanes, picked = counts(connection), []
        for scope, those in by_scope(policies, self.lanes).items():
            if policies.get(scope, queue.Policy()).order == 'fifo':
                picked += _oldest(connection, those, self.count)
            else:
                picked += _heads(connection, those, queue.rounds(those, self.count))
        return sorted(picked)

    def waiting(self, scope=''):
        """How many wait in ``scope``."""
        return sum(lane.count for lane in self.lanes if scope in ('', lane.group))


def counts(connection):
    """The Lanes in which anything waits; group and owner are those of the oldest in it."""
    found = connection.execute(_COUNTS).all()
    ids, words = [oldest for _, _, oldest in found], {}
    query = sa.select(_ops.c.id, _nodes.c.conductor_group, line.OWNER).join(_nodes, _nodes.c.id == _ops.c.node_id)
    for start in range(0, len(ids), _BATCH):
        words |= {key: rest for key, *rest in connection.execute(query.where(_ops.c.id.in_(ids[start:start + _BATCH])))}
    return [queue.Lane(name, *words[oldest], count, oldest) for name, count, oldest in found if oldest in words]


def by_scope(policies, lanes):
    """{scope in whose line they wait: its Lanes}."""
    found = {}
    for lane in lanes:
        found.setdefault(queue.scope_of(policies, lane.group), []).append(lane)
    return found


def _oldest(connection, lanes, count):
    names = [lane.name for lane in lanes]
    return connection.execute(sa.select(_ops.c.id).where(_ops.c.status == 'queued', _ops.c.lane.in_(names)).order_by(
        _ops.c.id).limit(count)).scalars().all()


def _heads(connection, lanes, count):
    if count <= 1:
        return [lane.oldest for lane in lanes if count]
    names = [lane.name for lane in lanes]
    if len(lanes) <= _FEW:
        return head.first(connection, names, count)
    wanted = set(names)
    return [key for key, name in head.numbered(connection, count) if name in wanted]


def place(database, node_uuid, policies, lanes):
    """(queue.Item of what waits for this node, {scope: how many start before it}), or None.

    ``policies`` and ``lanes``: as they were a moment ago. In the line that it waits in the number is exact, but for what came and
    went in other lanes since that moment; in that of everything, when it waits in the one of its group, those count that were
    asked for earlier.
    """
    with database.read() as connection:
        found = connection.execute(_waits(), {'its_uuid': node_uuid}).first()
        if found is None:
            return None
        *item, name, older = found
        item = queue.Item(*item)
        # Its own lane may be new, and then all in it came after the oldest of any other; its group and owner are those of now.
        known = next((lane for lane in lanes if lane.name == name), None) or queue.Lane(
            name, item.group, item.owner, 1, min(max((lane.oldest for lane in lanes), default=0) + 1, item.id))
        lanes = [*(lane for lane in lanes if lane.name != name), known._replace(group=item.group, owner=item.owner)]
        scope = queue.scope_of(policies, item.group)
        policy, those = policies.get(scope, queue.Policy()), by_scope(policies, lanes)[scope]
        counted = those if policy.order == 'fifo' else [lane for lane in those if lane.owner == item.owner]
        older += _older(connection, [lane for lane in counted if lane.name != name], item)
        before = {scope: older if policy.order == 'fifo' else queue.before(policy, those, item.owner, older)}
        return item, before if scope == '' else {'': _older(connection, lanes, item), **before}


@functools.cache
def _waits():
    """What waits for a node, its lane, and how many are before it there."""
    other = _ops.alias()
    older = sa.select(sa.func.count()).where(other.c.status == 'queued', other.c.lane == _ops.c.lane,
                                             other.c.id < _ops.c.id).scalar_subquery()
    return line.all_waiting().add_columns(_ops.c.lane, older).where(_ops.c.status == 'queued',
                                                                    _nodes.c.uuid == sa.bindparam('its_uuid'))


def _older(connection, lanes, item):
    names = [lane.name for lane in lanes if lane.oldest < item.id]
    return sum(connection.execute(_OLDER, {'names': names[start:start + _BATCH], 'its_id': item.id}).scalar()
               for start in range(0, len(names), _BATCH))
