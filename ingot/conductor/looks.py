"""Looks at the power of machines that are under way: who waits for one, who is being asked, who has answered."""

import collections
import contextlib
import dataclasses
import queue
import time
from typing import Any

from ingot import concurrency, errors
from ingot.conductor.pace import Pace

#: Threads for drivers that cannot but wait for an answer (they have no ``begin_state``).
WORKERS = 8
#: Seconds after which nobody believes any more that a driver will answer.
LOST = 300
#: Seconds in which more answers may join the first one.
GATHER = 0.005


@dataclasses.dataclass(eq=False, slots=True)
class _Look:
    node: dict
    power: Any              # base.Power
    begun_at: float = 0.0

    @property
    def is_direct(self):
        return hasattr(self.power, 'begin_state')


class Looks:
    """``add`` nodes, ``begin`` what there is room for, ``hear`` who answered: all by one thread, and only ``hear`` waits.

    Machines whose driver has ``begin_state`` are asked without a thread each, at the pace that they answer at; the others
    share WORKERS threads.
    """

    def __init__(self):
        self._pace, self._pool = Pace(), concurrency.Pool(WORKERS, 'power-sync')
        self._answers = concurrency.Queue()
        self._direct, self._threaded = collections.deque(), collections.deque()       # those that wait
        self._uuids = set()                                                           # of all: waiting or under way
        self._under_way, self._prompt = {}, {}       # uuid -> look, the oldest first; _prompt: direct, and not late yet
        self._threads, self._pause = 0, concurrency.Event()

    def __len__(self):
        return len(self._uuids)

    def __contains__(self, uuid):
        return uuid in self._uuids

    @property
    def waiting(self):
        """How many have not been asked yet; those that need a thread do not count, since they may wait for long."""
        return len(self._direct)

    def add(self, node, power):
        look = _Look(node, power)
        self._uuids.add(node['uuid'])
        (self._direct if look.is_direct else self._threaded).append(look)

    def begin(self):
        """Ask as many as there is room for."""
        present = time.monotonic()
        self._make_room(present)
        while self._direct and len(self._prompt) < self._pace.window:
            self._ask(self._direct.popleft(), present)
        while self._threaded and self._threads < WORKERS:
            self._threads += 1
            look = self._enter(self._threaded.popleft(), present)
            self._pool.submit(_read, look, self._tell(look))

    def hear(self, seconds):
        """[(node, state, None) or (node, None, error)] of all that have answered, after ``seconds`` at most."""
        try:
            answers = [self._answers.get(timeout=seconds)]
        except queue.Empty:
            return self._give_up()
        self._pause.wait(GATHER)       # else the thread that asks and this one take turns at each single answer
        with contextlib.suppress(queue.Empty):
            while True:
                answers.append(self._answers.get_nowait())
        present = time.monotonic()
        return [(look.node, state, error) for look, state, error in answers if self._leave(look, error, present)]

    def close(self):
        """Threads that wait for answers end with them."""
        self._pool.close(is_waiting=False)

    def _ask(self, look, present):
        tell = self._tell(self._enter(look, present))
        self._prompt[look.node['uuid']] = look
        try:
            look.power.begin_state(look.node, tell)
        except Exception as error:
            tell(None, error)

    def _tell(self, look):
        return lambda state, error=None: self._answers.put((look, state, error))

    def _enter(self, look, present):
        look.begun_at = present
        self._under_way[look.node['uuid']] = look
        return look

    def _leave(self, look, error, present):
        """False when the look was given up long ago."""
        uuid = look.node['uuid']
        if self._under_way.get(uuid) is not look:
            return False
        del self._under_way[uuid]
        self._uuids.discard(uuid)
        is_prompt = bool(self._prompt.pop(uuid, None))
        if not look.is_direct:
            self._threads -= 1
        elif isinstance(error, errors.BmcUnreachable):
            if not look.node['power_failures']:      # from others nobody expected anything
                self._pace.silent()
        elif is_prompt:
            self._pace.prompt(present - look.begun_at)
        else:
            self._pace.late()
        return True

    def _make_room(self, present):
        """Those that are late do not count among those that are asked."""
        while self._prompt:
            uuid, oldest = next(iter(self._prompt.items()))
            if present - oldest.begun_at < self._pace.patience:
                return
            del self._prompt[uuid]

    def _give_up(self):
        oldest, present = next(iter(self._under_way.values()), None), time.monotonic()
        if oldest is None or present - oldest.begun_at < LOST:
            return []
        error = errors.DeadlineExceeded(f'its driver did not answer within {LOST} s.')
        self._leave(oldest, error, present)
        return [(oldest.node, None, error)]


def _read(look, tell):
    """In a thread: wait for the answer."""
    try:
        tell(look.power.state(look.node))
    except Exception as error:
        tell(None, error)
