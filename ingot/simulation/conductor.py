"""A conductor that can be killed at any moment: its database and its hardware refuse whoever is dead."""

import contextlib
import time

from ingot import config, fence
from ingot.conductor import crew
from ingot.conductor.service import Service
from ingot.db.engine import Database
from ingot.drivers import fake, registry

#: What changes a machine, or what it is given: for the holder of its lock alone.
_TOUCHES = {('power', 'set'), ('management', 'set_boot_device'), ('boot', 'publish'), ('deploy', 'export')}


#: Driver calls that may take their time, seconds on average: longer than a lease, now and then.
_SLOW = {('deploy', 'fetch'): 3.0}
#: Seconds before and after a transaction, on average; of so many of them (a share) it is a stall, and others overtake.
_MOMENT, _STALL, _STALLS = 0.002, 0.2, 0.02


class Death(BaseException):
    """The end of a conductor: no error that anybody could handle."""


class Conductor:
    """One life of a conductor. It is dead from ``kill`` on: whatever it does next does not happen."""

    def __init__(self, site, host):
        self.site, self.host, self.is_dead, self._asleep_until = site, host, False, -1e9
        conf = config.load(state_dir=site.folder, host=host, conductor__enabled_drivers=['fake-hardware'],
                           conductor__power_sync_seconds=0, **site.options)
        self.database = Line(site.database, self)
        drivers = registry.load(conf)
        world = drivers.context.service(fake.World)
        world.machines, world.records = site.hardware, site.records
        world.before, world.after = self._before, self._after
        self.service = Service(conf, self.database, drivers)

    def kill(self):
        self.is_dead = True

    def stop(self):
        """End it as SIGTERM does; what it still holds then, though nothing ran too long, is a problem."""
        began, database = self.site.clock.now, self.site.database
        self.service.stop()
        if self.site.clock.now - began < crew.PATIENCE:
            self.site.problems += [f'node {node}: {self.host} was stopped and kept its lock'
                                   for node in database.locked_by(self.host)]
        if database.is_online(self.host):
            self.site.problems.append(f'{self.host} was stopped and is still on the list of conductors')
        self.kill()

    def pause(self, seconds):
        """Stop it (SIGSTOP) for so long: it does not know of that when it goes on."""
        self._asleep_until = self.site.clock.now + seconds

    def breathe(self, seconds):
        """Let some time pass, in which everybody else may go on, and this conductor may die."""
        self._check()
        time.sleep(self.site.clock.random.expovariate(1 / seconds))
        while self._asleep_until > self.site.clock.now:
            time.sleep(self._asleep_until - self.site.clock.now)
        self._check()

    @property
    def is_awake(self):
        return not self.is_dead and self._asleep_until <= self.site.clock.now

    def _check(self):
        if self.is_dead:
            raise Death(self.host)

    def _before(self, kind, method, node):
        if (kind, method) in _SLOW:
            self._work_long(node, _SLOW[kind, method])
        else:
            self.breathe(0.02)
        if (kind, method) in _TOUCHES:
            fence.check()               # as the driver does in a moment: what it refuses is no touch
            self.site.check_owner(node['uuid'], self.host, f'{kind}.{method}')

    def _work_long(self, node, seconds):
        """Longer than a lease, perhaps: who is awake all the time keeps it nevertheless."""
        began, lease_seconds = self.site.clock.now, self.service.conf.conductor.lease_seconds
        self.breathe(seconds)
        if self._asleep_until + lease_seconds < began and self.site.database.lock_epoch(node['uuid']) != node['lock_epoch']:
            self.site.problems.append(f'node {node["uuid"]}: {self.host} was awake for '
                                      f'{self.site.clock.now - began:.1f} s and lost its lease')

    def _after(self, kind, method, node):
        if (kind, method) == ('power', 'set'):
            self.site.press(node['uuid'])
        self.breathe(0.02)


class Line(Database):
    """The site's database as one conductor reaches it: each transaction takes a moment before it and one after it."""

    def __init__(self, store, conductor):
        self.url, self.is_sqlite, self.engine = store.url, True, store.engine
        self._remembered, self._store, self._conductor = {}, store, conductor

    @contextlib.contextmanager
    def read(self):
        self._wait()
        with self._store.read() as connection:
            yield connection
        self._wait()

    @contextlib.contextmanager
    def write(self):
        self._wait()
        with self._store.write() as connection:
            yield connection
        self._wait()

    def _wait(self):
        is_stalled = self._conductor.site.clock.random.random() < _STALLS
        self._conductor.breathe(_STALL if is_stalled else _MOMENT)
