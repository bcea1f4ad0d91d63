"""/v1/queue: what waits for its turn, why, and until when; and the policies that say how much may be in flight."""

import datetime
import re

from ingot import errors, queue, states
from ingot.api import links, nodes, turns
from ingot.api.answers import shape, some
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types.queue import QueuePolicy, QueueQuery
from ingot.db import lane
from ingot.db import queue as line

#: What a node that waits shows of its place in the queue.
TURN = ('scope', 'position', 'queued_at', 'estimated_start', 'reason')
#: States of nodes that may wait.
_STATES = frozenset(state for state, _ in states.QUEUED_MOVES) | {'deleting'}
#: What the policy of everything is called in URLs and answers.
_GLOBAL = 'global'
_GROUP = re.compile(r'[a-z0-9_.-]{1,255}', re.ASCII)
_NUMBER = {'type': ['number', 'null']}
_WAITING = shape(operation=str, node=str, flow=str, owner=str, scope=str, position=int, queued_at=str, estimated_start=str,
                 reason=str)
_POLICY = shape(scope=str, mode=str, max_in_flight=int, points=int, order=str, pause_on_failure_ratio=_NUMBER,
                failure_window=int, paused=bool, paused_reason=str, in_flight=int, points_in_use=int, waiting=int, updated_at=str)


def tree(site):
    return Queue(site, fixed={'policies': Policies(site, children={'resume': Resume(site)})})


class Queue(Resource):

    @expose(query=QueueQuery, answer=shape(('queue', 'waiting', 'in_flight'), queue=some(_WAITING), waiting=int, in_flight=int,
                                           next=str))
    def list(self, call):
        """What waits, in the order in which it starts (of each scope); ``waiting`` and ``in_flight`` count all."""
        query, limit = call.query, min(call.query.get('limit') or self.site.conf.api.max_limit, self.site.conf.api.max_limit)
        found = self._found(query, limit)
        wanted = _after(_wanted(query, found.turns), query.get('marker'))
        document = {'queue': [_entry(turn, found.starts) for turn in wanted[:limit]], 'waiting': found.waiting,
                    'in_flight': found.in_flight}
        if len(wanted) > limit:
            document['next'] = links.next_page(call.base, 'queue', query, wanted[limit - 1].item.uuid)
        return document

    def _found(self, query, limit):
        if 'node' in query:
            return turns.of_node(self.site, nodes.uuid(self.site, query['node']))
        if query.keys() & {'scope', 'marker'}:
            return turns.every(self.site)
        return turns.first(self.site, limit + 1)


def _wanted(query, found):
    scope = _scope(query.get('scope', _GLOBAL))
    return [turn for turn in found if scope in ('', turn.item.group)]


def _after(found, marker):
    if marker is None:
        return found
    for number, turn in enumerate(found):
        if turn.item.uuid == marker:
            return found[number + 1:]
    raise errors.NotFound(f'There is no operation {marker} in the queue to go on from (marker): its turn has come.')


def _entry(turn, starts):
    item = turn.item
    return {'operation': item.uuid, 'node': item.node, 'flow': item.flow, 'owner': item.owner or None,
            'scope': turn.scope or _GLOBAL, 'position': turn.position, 'queued_at': _time(item.since),
            'estimated_start': _time(starts.get(item.uuid)), 'reason': turn.reason}


def may_wait(node):
    """Whether a node that is shown like this may wait: whoever works on one has its lock."""
    return node['provision_state'] in _STATES and node['reservation'] is None


def shown(site, node):
    """The member ``queue`` of a node (a uuid) that waits; nothing when it does not."""
    found = turns.of_node(site, node)
    if not found.turns:
        return {}
    entry = _entry(found.turns[0], found.starts)
    return {'queue': {name: entry[name] for name in TURN}}


def _time(seconds):
    return seconds and datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec='seconds')


class Policies(Resource):
    """Of a conductor group, or "global": of everything. Both count for an operation."""

    @expose(answer=shape(policies=some(_POLICY)))
    def list(self, call):
        """All policies; that of everything is always there."""
        found = _in_use(self.site)
        return {'policies': [_policy(one, *found) for one in line.every(self.site.database).values()]}

    @expose(answer=_POLICY)
    def get(self, call, scope):
        return self._shown(_scope(scope))

    @expose(body=QueuePolicy, answer=_POLICY)
    def replace(self, call, body, scope):
        """Set a policy; what is left out has its default. It counts for what is queued already; a paused queue stays so."""
        line.put(self.site.database, _scope(scope), body, generation=call.generations)
        return self._shown(_scope(scope))

    @expose(status=204)
    def delete(self, call, scope):
        """Limit nothing there any more; what is queued begins."""
        line.delete(self.site.database, _scope(scope), generation=call.generations)

    def _shown(self, scope):
        current = line.get(self.site.database, scope)
        return Answer(_policy(current, *_in_use(self.site)), ETag=f'"{current["generation"]}"')


class Resume(Resource):

    @expose(status=204)
    def create(self, call, scope):
        """Go on after a pause; from now on failures count anew."""
        line.resume(self.site.database, _scope(scope))


def _in_use(site):
    pick = lane.First(0)
    return line.look(site.database, pick=pick), pick


def _policy(current, seen, pick):
    """``current`` (a row) as it is shown."""
    scope, room = current['scope'], queue.Room({}, seen.flying)
    reason = current['paused_reason'] or seen.failing.get(scope)
    return {'scope': scope or _GLOBAL, **{name: current[name] for name in line.CHOSEN}, 'paused': reason is not None,
            'paused_reason': reason, 'in_flight': room.count[scope], 'points_in_use': room.points[scope],
            'waiting': pick.waiting(scope), 'updated_at': current['updated_at']}


def _scope(word):
    """The scope that a word of a URL means; Invalid for what can be none."""
    if not _GROUP.fullmatch(word.lower()):
        raise errors.Invalid(f'"{word[:100]}" is neither "{_GLOBAL}" nor a conductor group.')
    return '' if word == _GLOBAL else word.lower()
