"""The machines of a simulated site: computers of a fleet on the virtual clock, which talk to the database without a network."""

import time

import orjson

from ingot import errors
from ingot.db import operation
from ingot.lab.fleet import trouble
from ingot.lab.fleet.computer import Computer


class Machines:
    """What computers live in (see ingot.lab.fleet.world.World). ``tell(number, state)``: one has switched itself off."""

    boot_url = None

    def __init__(self, site, count, faults, seed):
        self.site, self.seed, self.lines = site, seed, site.line
        mine = trouble.assign(faults, count, seed)
        self.all = [Computer(self, number, mine.get(number, ())) for number in range(count)]

    @property
    def boot_seconds(self):
        """From power to the network: never the same."""
        return self.site.clock.random.uniform(2, 60)

    @property
    def write_seconds(self):
        return self.site.clock.random.uniform(2, 60)

    def now(self):
        return time.monotonic()

    def later(self, seconds, function):
        return self.site.clock.later(seconds, function)

    def tell(self, number, state):
        self.site.told(number, state)

    def share(self, plan):
        return plan

    def post(self, base, path, body, session, done):
        self.later(self.site.clock.random.uniform(0.001, 0.05), lambda: self._post(path, body, session, done))

    def _post(self, path, body, session, done):
        """The listener's work, some milliseconds away from the machine."""
        _, _, uuid, kind = path.strip('/').split('/')[-4:]
        try:
            answer = 200, getattr(self, f'_take_{kind}')(uuid, body, session)
        except errors.IngotError as error:
            answer = error.status, {}
        time.sleep(self.site.clock.random.uniform(0.001, 0.05))
        done(*answer)

    def _take_hello(self, uuid, body, session):
        return orjson.loads(operation.hello(self.site.database, uuid, body['token'], body['session'], body['boot_id'],
                                            body['macs']))

    def _take_events(self, uuid, body, session):
        return {'seq': operation.record(self.site.database, uuid, session, body['events'])}

    def _take_report(self, uuid, body, session):
        answer = operation.report(self.site.database, uuid, session, body)
        self.later(0, lambda: self.site.nudge(uuid))
        return answer
