"""What simulated machines live in: one event loop in one thread, real HTTP, and a clock that may run faster than ours."""

import asyncio
import collections
import contextlib
import logging

from ingot import concurrency, errors
from ingot.lab.fleet import trouble
from ingot.lab.fleet.computer import SWITCHES, Computer
from ingot.lab.fleet.wire import Wire
from ingot.ramdisk.agent import api

LOG = logging.getLogger(__name__)
#: Seconds (of the machines) without a byte after which a request has failed, as in the agent.
_TIMEOUT = 15
_SHARED = 64          # manifests that are kept once for all machines


class World:
    """``count`` machines, from ``start`` to ``stop``. ``switch(number, state)`` from any thread, as a BMC does.

    :param faults: a plan (trouble.parse). :param seed: says which machines they hit, and when.
    :param boot_url: of the boot server ([boot] url). :param lines: instead of it a function (MAC -> kernel line, or None),
        for machines that have no boot server, called in the loop's thread. :param tell: called (number, 'power off') when a
        machine has switched itself off, in the loop's thread; not when its power button was pressed meanwhile.
    :param pace: seconds of the machines in one of ours. :param boot_seconds: from power to the network.
    :param write_seconds: for an image. :param most: connections at once.
    """

    def __init__(self, count, *, boot_url=None, lines=None, faults=(), seed=0, tell=None, pace=1.0, boot_seconds=1.0,
                 write_seconds=2.0, most=500):
        if (boot_url is None) is (lines is None):
            raise errors.Invalid('Machines of a fleet netboot either from boot_url or by lines.')
        self.boot_url = boot_url and f'{boot_url.rstrip("/")}/boot.ipxe'
        self.lines, self.seed, self.pace = lines, seed, pace
        self._tell, self._lock, self._pressed = tell, concurrency.Lock(), collections.Counter()
        self.boot_seconds, self.write_seconds = boot_seconds, write_seconds
        mine = trouble.assign(faults, count, seed)
        self.machines = [Computer(self, number, mine.get(number, ())) for number in range(count)]
        self._loop = asyncio.new_event_loop()
        self._wire, self._images, self._thread = Wire(self._loop, most), {}, None

    def start(self):
        self._thread = concurrency.spawn(self._run, name='fleet')
        LOG.info('Fleet of %d machines, seed %s: %d of them have faults', len(self.machines), self.seed,
                 sum(bool(machine.faults) for machine in self.machines))

    def stop(self):
        """Switch all off; nothing of them is said or done afterwards."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()

    def switch(self, number, state, device=None):
        """Switch a machine's power, soon; Invalid for a state or a machine that there is not."""
        if not 0 <= number < len(self.machines):
            raise errors.Invalid(f'The fleet has no machine {number}; it has {len(self.machines)}.')
        if state not in SWITCHES:
            raise errors.Invalid(f'A machine cannot be switched to "{state}"; possible: {", ".join(SWITCHES)}.')
        if self._is_inside():
            self._switch(number, state, device)
            return
        with self._lock:
            self._pressed[number] += 1
        self._loop.call_soon_threadsafe(self._press, number, state, device)

    def counts(self):
        """[(number, counts)] of all machines that ever were on, as they are now."""
        return self.ask(lambda: [(machine.number, dict(machine.counts)) for machine in self.machines if machine.counts])

    def ask(self, question):
        """What ``question()`` answers in the thread of the machines, where nothing moves meanwhile."""
        if self._thread is None or self._is_inside():
            return question()
        future = concurrency.Future()
        self._loop.call_soon_threadsafe(lambda: future.set_result(question()))
        return future.result(30)

    # What machines and agents need.

    def now(self):
        """Seconds of the machines."""
        return self._loop.time() * self.pace

    def later(self, seconds, function):
        """Call the function in so many of their seconds; the result has ``cancel``."""
        return self._loop.call_later(seconds / self.pace, function)

    def post(self, base, path, body, session, done):
        """The agent's call; ``done(status, body)``, or ``done(None, reason)``."""
        def take(answer, reason):
            try:
                result = (None, reason) if answer is None else (answer.status(), answer.json())
            except ValueError as error:
                result = None, str(error)
            done(*result)
        place, content = api.request(base, path, body, session)
        self._wire.ask(place, content, take, _TIMEOUT / self.pace)

    def get(self, url, done, *, is_whole):
        """The firmware's download; ``done(text)``, None for none. Of a file that is not wanted whole only the first byte."""
        host, port, path = api.parse(url)
        head = [f'GET {path} HTTP/1.0', f'Host: {host}:{port}', *([] if is_whole else ['Range: bytes=0-0'])]

        def take(answer, reason):
            try:
                done(answer.body().decode('latin-1') if answer is not None and answer.status() in (200, 206) else None)
            except ValueError:
                done(None)
        self._wire.ask((host, port), '\r\n'.join([*head, '', '']).encode(), take, _TIMEOUT / self.pace,
                       longest=None if is_whole else 1 << 16)

    def tell(self, number, state):
        """A machine has switched itself. A button that was pressed before, and that it will feel in a moment, has the last
        word: whoever pressed it may have gone on already to switch the machine on again."""
        with self._lock:
            if self._tell and not self._pressed[number]:
                self._tell(number, state)

    def share(self, plan):
        """The plan, with an image that others have as well kept once: a manifest may be large."""
        for action in plan.get('actions') or ():
            image = action.get('image') if isinstance(action, dict) else None
            if isinstance(image, dict):
                key = image['size'], tuple(map(tuple, image['extents'])), tuple(image['chunks'])
                action['image'] = self._images.setdefault(key, image)
                if len(self._images) > _SHARED:
                    del self._images[next(iter(self._images))]
        return plan

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for machine in self.machines:
            machine.switch('power off')
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    def _is_inside(self):
        """Are we in the thread of the machines?"""
        with contextlib.suppress(RuntimeError):
            return asyncio.get_running_loop() is self._loop
        return False

    def _press(self, number, state, device):
        with self._lock:
            self._pressed[number] -= 1
        self._switch(number, state, device)

    def _switch(self, number, state, device):
        self.machines[number].switch(state, device)
