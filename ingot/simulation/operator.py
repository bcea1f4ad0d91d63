"""Operators of a simulated site: each brings one node through its whole life, however often that has to be asked for."""

import contextlib
import time

import orjson
import sqlalchemy as sa

from ingot import errors
from ingot.db import models

#: (verb, the state that it is to end in).
LIFE = (('manage', 'manageable'), ('provide', 'available'), ('active', 'active'), ('deleted', 'available'))
#: State -> the verb that leads on from there, whatever was wanted first.
_ON = {'clean failed': 'manage', 'manageable': 'provide'}
#: States in which nothing goes on by itself.
_RESTING = {'enroll', 'manageable', 'available', 'active', 'deploy failed', 'clean failed', 'error'}
_events = models.events.c
_NEWS = sa.select(_events.seq, _events.node, _events.kind, _events.data).where(
    _events.seq > sa.bindparam('seq')).order_by(_events.seq)


class Operators:
    """One for each node of ``site``; ``done`` has the nodes whose life is over, ``asked`` counts what they asked for."""

    def __init__(self, site):
        self.site, self.done, self.asked = site, set(), 0
        self.states, self._seq = dict.fromkeys(site.nodes, 'enroll'), 0

    def start(self, seconds):
        """They begin some time within so many seconds."""
        self.site.clock.later(0, self._keep_looking)
        for node in self.site.nodes:
            self.site.clock.later(self.site.clock.random.uniform(0, seconds), lambda node=node: self.live(node))

    def look(self):
        """Read on in the feed: who asked for all nodes each second would be what a large site is busy with."""
        with self.site.database.read() as connection:
            news = connection.execute(_NEWS, {'seq': self._seq}).all()
        for one in news:
            if one.kind == 'provision_state':
                self.states[one.node] = orjson.loads(one.data)['to']
        self._seq = news[-1].seq if news else self._seq

    def _keep_looking(self):
        while len(self.done) < len(self.site.nodes):
            time.sleep(1)
            self.look()

    def live(self, node):
        for verb, goal in LIFE:
            self._bring(node, verb, goal)
        self.done.add(node)

    def _bring(self, node, verb, goal):
        """Ask until the node has the state, and anew when it has failed. An answer may get lost, its work goes on then."""
        while self.states[node] != goal:
            state = self.states[node]
            if state in _RESTING:
                self.asked += 1
                with contextlib.suppress(errors.IngotError):
                    self.site.client.provision(node, _ON.get(state, verb))
            time.sleep(self.site.clock.random.uniform(1.5, 3))       # longer than a look at the states takes to come
