"""Part 2: kill -9 of one of the conductors at random moments, while nodes go through whole lives."""

import random
import time
from typing import NamedTuple

from ingot import concurrency
from tests.crash.cluster import IMAGE

#: Verb -> the state in which it ends, in the order of a life; the second one begins with "manage" again.
LIFE = (('manage', 'manageable'), ('provide', 'available'), ('active', 'active'), ('rebuild', 'active'), ('rescue', 'rescue'),
        ('unrescue', 'active'), ('deleted', 'available'))
#: Answers after which the request is sent again: somebody holds the node, nobody could be asked, it was not begun.
_AGAIN = (409, 503)
#: Seconds from one death to the next, and until who died is started again.
_NEXT, _AWAY = (0.2, 1.5), (0.1, 5.0)
_PATIENCE = 120


class Outcome(NamedTuple):
    """What came of it; ``slowest``: seconds of the slowest verb from its acceptance to its target."""

    seed: int
    kills: int
    verbs: int
    again: int
    lives: int
    seconds: float
    slowest: float

    def text(self):
        return (f'{self.kills} random moments (seed {self.seed}): {self.verbs} verbs were accepted in {self.seconds:.0f} s and '
                f'all came to their targets, the slowest after {self.slowest:.1f} s; {self.lives} whole lives; '
                f'{self.again} requests were refused with 409 or 503 and sent again.')


class Stream:
    """Nodes that go through one life after the other, each in a thread of its own, until ``is_ending``."""

    def __init__(self, cluster, nodes):
        self.cluster, self.nodes, self.is_ending = cluster, nodes, False
        self.verbs = self.again = self.lives = 0
        self.slowest, self._lock = 0.0, concurrency.Lock()
        self._pool = concurrency.Pool(len(nodes), 'life')

    def start(self):
        self._all = [self._pool.submit(self._live, node) for node in self.nodes]

    def finish(self):
        """Return when all are at the end of a life; raises what went wrong with the first one."""
        self.is_ending = True
        for one in self._all:
            one.result(_PATIENCE * len(LIFE))
        self._pool.close()

    def check(self):
        """Raise what went wrong so far."""
        for one in self._all:
            if one.done():
                one.result()

    def _live(self, node):
        while not self.is_ending:
            for verb, state in LIFE:
                if verb == 'active':
                    self.cluster.patch([node], *IMAGE)
                self._accept(node, verb)
                self._await(node, verb, state)
            with self._lock:
                self.lives += 1

    def _accept(self, node, verb):
        """Ask until somebody accepts it. After a 503 it may have been: the state says so then, which does not fit any more."""
        deadline, is_unsure = time.monotonic() + _PATIENCE, False
        while (answer := self._ask(node, verb)).status != 202 and not (is_unsure and answer.status == 400):
            assert answer.status in _AGAIN, (node, verb, answer)
            assert time.monotonic() < deadline, (node, verb, answer)
            is_unsure |= answer.status == 503
            with self._lock:
                self.again += 1
            time.sleep(0.2)
        with self._lock:
            self.verbs += 1

    def _ask(self, node, verb):
        return self.cluster.verb(node, verb, **({'rescue_password': 'a password'} if verb == 'rescue' else {}))

    def _await(self, node, verb, state):
        began, row = time.monotonic(), {}

        def is_there():
            nonlocal row
            row = self.cluster.row(node)
            return row['provision_state'] == state and not row['operation'] and not row['lock_owner']
        assert concurrency.wait_for(is_there, _PATIENCE, every=0.5), f'"{verb}" was accepted {_PATIENCE} s ago: {row}'
        assert not row['last_error'], (verb, row)
        with self._lock:
            self.slowest = max(self.slowest, time.monotonic() - began)


def run(cluster, kills=200, seed=None, nodes=None):
    """The Outcome of ``kills`` deaths; AssertionError, which begins with the seed, when something is not as it should be."""
    seed = random.randrange(1_000_000) if seed is None else seed
    try:
        return _run(cluster, nodes or cluster.nodes, kills, seed)
    except AssertionError as error:
        raise AssertionError(f'Seed {seed}: {error}') from error


def _alive(cluster, away):
    return [name for name in cluster.names if name not in away or (away[name].done() and away[name].result() is None)]


def _return(cluster, name, seconds):
    time.sleep(seconds)
    cluster.start(name)


def _run(cluster, nodes, kills, seed):
    cluster.make_available()
    chance, stream, began = random.Random(seed), Stream(cluster, nodes), time.monotonic()
    stream.start()
    away, next_at = {}, began + _NEXT[1]                # name -> Future of its start
    pool = concurrency.Pool(len(cluster.names), 'starts')
    for _ in range(kills):
        time.sleep(max(0.0, next_at - time.monotonic()))
        assert concurrency.wait_for(lambda: len(_alive(cluster, away)) > 1, _PATIENCE, every=0.02), 'two do not start again'
        name = chance.choice(_alive(cluster, away))
        cluster.kill(name)
        away[name] = pool.submit(_return, cluster, name, chance.uniform(*_AWAY))
        next_at = time.monotonic() + chance.uniform(*_NEXT)
        stream.check()
    for start in away.values():
        start.result(_PATIENCE)
    pool.close()
    stream.finish()
    cluster.await_alive(*cluster.names)
    faults = cluster.faults()
    assert not faults, (len(faults), faults[:5])
    return Outcome(seed, kills, stream.verbs, stream.again, stream.lives, time.monotonic() - began, stream.slowest)
