"""One simulated run, from empty racks to the end of all lives, and what was wrong with it."""

import hashlib
import threading
import time
import traceback
from typing import NamedTuple

import sqlalchemy as sa

from ingot.db import models
from ingot.db import operation as operations
from ingot.drivers import fake
from ingot.simulation.conductor import Death
from ingot.simulation.operator import Operators
from ingot.simulation.site import Site

#: Lives that begin in a second, for each conductor, and seconds that one takes, about.
_PACE, _LIFE = 5, 150
#: Seconds that a run goes on after the last life is over: whatever somebody still wants to spoil.
_AFTER = 60


class Outcome(NamedTuple):
    digest: str               # SHA-256 of the whole change feed: runs with the same one were the same
    seconds: float            # virtual
    events: int
    blows: int                # kills, pauses and stops that hit somebody
    problems: list            # phrases; none in a good run


def simulate(clock, folder, *, nodes, conductors, kills=0, pauses=0, stops=0, limit=3600, **site):
    """Bring ``nodes`` through their lives while conductors are killed, paused, and stopped as an operator does it.

    :param limit: virtual seconds for it. :param site: see Site (faults, policy, options).
    """
    threading.excepthook = lambda problem: None if issubclass(problem.exc_type, Death) else clock.broken.append(
        problem.exc_value)
    faults, began_in = site.get('faults') or (), nodes / _PACE / conductors
    site = Site(clock, folder, nodes, conductors, **site)
    operators, fate = Operators(site), Fate(site, kills, pauses, stops)
    operators.start(began_in)
    clock.later(0, lambda: fate.strike(began_in + _LIFE))
    while len(operators.done) < nodes and clock.now < limit:
        time.sleep(1)
    seconds = clock.now
    time.sleep(_AFTER)
    digest, events = read_feed(site.database)
    return Outcome(digest, seconds, events, fate.count, problems(site, operators, faults))


class Fate:
    """Kills, pauses and stops conductors, in an order and at moments that chance decides; ``count``: of those that hit one."""

    def __init__(self, site, kills, pauses, stops):
        self.site, self.count = site, 0
        self._blows = [self._kill] * kills + [self._pause] * pauses + [self._stop] * stops
        site.clock.random.shuffle(self._blows)

    def strike(self, seconds):
        """All of them within so many seconds, about."""
        for blow in self._blows:
            time.sleep(self.site.clock.random.expovariate(len(self._blows) / seconds))
            while not self.site.conductors:
                time.sleep(1)
            self.count += 1
            blow(self.site.clock.random.choice(sorted(self.site.conductors)))

    def _kill(self, host):
        self.site.kill(host, self.site.clock.random.uniform(1, 40))

    def _pause(self, host):
        self.site.conductors[host].pause(self.site.clock.random.uniform(5, 60))

    def _stop(self, host):
        self.site.stop(host, self.site.clock.random.uniform(1, 40))


def read_feed(database):
    """(SHA-256 of all events, how many there are)."""
    found, count = hashlib.sha256(), 0
    with database.read() as connection:
        for event in connection.execute(sa.select(models.events).order_by(models.events.c.seq)):
            found.update(repr(tuple(event)).encode())
            count += 1
    return found.hexdigest(), count


def problems(site, operators, faults):
    """What a good run does not end with, as phrases."""
    rows = {row['uuid']: row for row in _nodes(site.database)}
    late = [node for node in site.nodes if node not in operators.done]
    held = [node for node, row in rows.items() if row['lock_owner']]
    live = operations.live(site.database).items()
    return [*(f'node {node} is still "{rows[node]["provision_state"]}": {rows[node]["last_error"]}' for node in late),
            *(f'node {node} is locked by {rows[node]["lock_owner"]} for "{rows[node]["lock_purpose"]}"' for node in held),
            *(f'operation {uuid} of node {node} is still live' for uuid, node in live),
            *_left(site), *site.problems, *([] if faults else _failed(site)), *_written(site, faults),
            *map(_broken, site.clock.broken)]


def _broken(error):
    place = (traceback.extract_tb(error.__traceback__) or [None])[-1]
    return f'broken: {type(error).__name__}: {error}' + (f' ({place.filename}:{place.lineno})' if place else '')


def _nodes(database):
    with database.read() as connection:
        return connection.execute(sa.select(models.nodes)).mappings().all()


def _failed(site):
    """Whoever dies: where no machine has a fault nothing fails."""
    with site.database.read() as connection:
        ops = models.operations.c
        failed = connection.execute(sa.select(ops.uuid, ops.flow, ops.error).where(ops.status == 'failed'))
        return [f'operation {uuid} ("{flow}") failed: {error}' for uuid, flow, error in failed]


def _left(site):
    """What is left of fake hardware."""
    world = fake.World()
    world.machines, world.records = site.hardware, site.records
    return [f'node {node}: {what}' for node in site.hardware for what in world.leftovers(node)]


def _written(site, faults):
    """Each deployment that ended well has written its image once; none has written it twice, nor begun twice (but for faults)."""
    times = {key[0]: count for machine in site.machines.all for key, count in machine.counts.items()
             if key[1:] == ('write image', 'done')}
    with site.database.read() as connection:
        ops = models.operations.c
        good = connection.execute(sa.select(ops.uuid).where(ops.flow == 'deploy', ops.status == 'done')).scalars().all()
    missing = [] if any(fault.fault == 'lies' for fault in faults) else [uuid for uuid in good if uuid not in times]
    again = [] if faults else [(machine.number, *key[:2]) for machine in site.machines.all
                               for key, count in machine.counts.items() if key[2:] == ('begun',) and count > 1]
    return [*(f'operation {uuid} began "{action}" again on machine {number}' for number, uuid, action in again),
            *(f'operation {uuid} wrote its image {count} times' for uuid, count in times.items() if count > 1),
            *(f'operation {uuid} is done and never wrote its image' for uuid in missing)]
