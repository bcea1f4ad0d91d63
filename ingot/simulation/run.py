"""One simulated run, from empty racks to the end of all lives, and what was wrong with it."""

import hashlib
import threading
import time
from typing import NamedTuple

import sqlalchemy as sa

from ingot.db import models
from ingot.db import operation as operations
from ingot.drivers import fake
from ingot.simulation.conductor import Death
from ingot.simulation.operator import Operators
from ingot.simulation.site import Site

#: Seconds between two blows of fate, on average.
_APART = 20
#: Seconds that a run goes on after the last life is over: whatever somebody still wants to spoil.
_AFTER = 60


class Outcome(NamedTuple):
    digest: str               # SHA-256 of the whole change feed: runs with the same one were the same
    seconds: float            # virtual
    events: int
    blows: int                # kills and pauses that happened
    problems: list            # phrases; none in a good run


def simulate(clock, folder, *, nodes, conductors, kills=0, pauses=0, faults=(), limit=3600, options=None):
    """Bring ``nodes`` through their lives while conductors are killed and paused. :param limit: virtual seconds for it.

    :param faults: of the machines (ingot.lab.fleet.trouble). :param options: of the conductors, as config.load takes them.
    """
    threading.excepthook = lambda problem: None if issubclass(problem.exc_type, Death) else clock.broken.append(
        problem.exc_value)
    site = Site(clock, folder, nodes, conductors, faults=faults, options=options)
    operators, fate = Operators(site), Fate(site, kills, pauses)
    operators.start(nodes / 10)
    clock.later(0, fate.strike)
    while len(operators.done) < nodes and clock.now < limit:
        time.sleep(1)
    seconds = clock.now
    time.sleep(_AFTER)
    digest, events = read_feed(site.database)
    return Outcome(digest, seconds, events, fate.count, problems(site, operators, faults))


class Fate:
    """Kills and pauses conductors, in an order and at moments that chance decides."""

    def __init__(self, site, kills, pauses):
        self.site, self.count = site, 0
        self._blows = [self._kill] * kills + [self._pause] * pauses
        site.clock.random.shuffle(self._blows)

    def strike(self):
        for blow in self._blows:
            time.sleep(self.site.clock.random.expovariate(1 / _APART))
            alive = sorted(self.site.conductors)
            if alive:
                self.count += 1
                blow(self.site.clock.random.choice(alive))

    def _kill(self, host):
        self.site.kill(host, self.site.clock.random.uniform(1, 40))

    def _pause(self, host):
        self.site.conductors[host].pause(self.site.clock.random.uniform(5, 60))


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
            *_left(site), *site.trespasses, *_written(site, faults),
            *(f'broken: {type(error).__name__}: {error}' for error in site.clock.broken)]


def _nodes(database):
    with database.read() as connection:
        return connection.execute(sa.select(models.nodes)).mappings().all()


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
