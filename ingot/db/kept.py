"""The facts of all nodes, kept indexed in a process that decides often, and followed through the feed.

Every change of what a node is decided by is an event of that node, in the transaction of the change. So a look at the feed
tells what to read again. Of chassis there are few: when one has changed all is read anew.
"""

import contextlib
import gc

import sqlalchemy as sa

from ingot.db import event, facts, models
from ingot.scheduler.site import Site

#: Nodes that are read again one by one; where more have changed all are read anew.
_MOST = 2000
_AT_ONCE = 500
#: What machines tell again and again while they work, and what changes no node.
_DULL = ('agent.phase', 'agent.progress', 'agent.log', 'agent.report')
_ALL = facts.Needs(devices=True, places=True, attributes=True)
_NODES, _EVENTS, _CHASSIS = models.nodes, models.events, models.chassis


class Kept:
    """One Site, for one at a time. ``lock``: a lock of the threads of this process."""

    def __init__(self, lock):
        self._lock = lock
        self._site, self._seq, self._chassis, self._flavors = None, 0, None, {}

    @contextlib.contextmanager
    def site(self, connection, flavors=(), groups=()):
        """The Site as the database is now, with these flavors and (at least) these groups (dicts); nobody else has it meanwhile.

        What another transaction has just changed may be missing for some seconds where its number in the feed came late: a
        claim finds that out.
        """
        with self._lock:
            try:
                self._follow(connection)
                self._take_flavors(flavors)
                for group in groups:
                    self._site.put_group(group)
            except BaseException:
                self._site = None                    # half of it may be new
                raise
            yield self._site

    def _follow(self, connection):
        seq, chassis = event.settled(connection), self._fingerprint(connection)     # first, and then read
        changed = None
        if self._site is not None and chassis == self._chassis:
            changed = event.nodes_after(connection, self._seq, without=_DULL, most=_MOST)
        if changed is None:
            self._read_all(connection)
        else:
            self._read_again(connection, changed)
        self._seq, self._chassis = seq, chassis

    def _read_all(self, connection):
        self._site, self._flavors, after = Site(), {}, 0
        while found := facts.nodes(connection, [sa.true()], _ALL, limit=_AT_ONCE, after=after):
            for node in found:
                self._site.put(node)
            after = found[-1]['id']
        gc.freeze()              # they stay; Python's collector would walk through all of them again and again

    def _read_again(self, connection, uuids):
        for start in range(0, len(uuids), _AT_ONCE):
            some = uuids[start:start + _AT_ONCE]
            for uuid in some:
                self._site.remove(uuid)
            for node in facts.nodes(connection, [_NODES.c.uuid.in_(some)], _ALL):
                self._site.put(node)

    @staticmethod
    def _fingerprint(connection):
        columns = sa.func.count(), sa.func.max(_CHASSIS.c.id), sa.func.sum(_CHASSIS.c.generation)
        return tuple(connection.execute(sa.select(*columns)).one())

    def _take_flavors(self, flavors):
        wanted = {flavor['uuid']: (flavor['name'], flavor['match']) for flavor in flavors}
        if wanted == self._flavors:
            return
        self._site.clear_flavors()
        for flavor in flavors:
            self._site.put_flavor(flavor)
        self._flavors = wanted
