"""Parts 4, 5 and 8: a conductor sleeps for longer than its lease, loses its database for a while, has a clock that jumps.

It must notice by itself that its nodes are another's, before it touches one; the machines count who touched them, and the
database says who held the lock then.
"""

import time
from typing import NamedTuple

from ingot import concurrency

#: Seconds that a step lasts: many are in the middle of something when the conductor is stopped, and when it goes on.
DELAY = 2
SLOW = {'fake': {'deploy.machine_report': {'silent': True}, 'deploy.fetch': {'delay': DELAY}, 'power.set': {'delay': DELAY / 4}}}
SLEEP, CUT, JUMP = 12, 15, 3600


class Outcome(NamedTuple):
    what: str
    count: int
    mine: int
    touches: int
    seconds: float

    def text(self):
        return (f'{self.what}: {self.count} deployments, {self.mine} of them its own at that moment; all active after '
                f'{self.seconds:.1f} s, {self.touches} touches of machines, none by who did not hold the lock.')


def sleep(cluster, name='c1', seconds=SLEEP):
    """SIGSTOP for longer than the lease, then SIGCONT."""
    def trouble():
        cluster.pause(name)
        _await_others(cluster, name)
        time.sleep(max(0, seconds - 5))
        cluster.go_on(name)
    return _deploy(cluster, name, f'A conductor stopped (SIGSTOP) for {seconds} s', trouble)


def cut(cluster, proxy, name='c1', seconds=CUT):
    """Nothing passes between the conductor and the database, connections stay; then all passes again."""
    def trouble():
        began = time.monotonic()
        proxy.cut()
        _await_others(cluster, name)
        time.sleep(max(0, seconds - (time.monotonic() - began)))
        proxy.mend()
    return _deploy(cluster, name, f'No network between a conductor and the database for {seconds} s', trouble)


def jump(cluster, name='c1', seconds=JUMP):
    """The clock of the conductor's host jumps ahead, then back as far on the other side, in the middle: all keep their locks."""
    since = {host: len(cluster.log(host)) for host in cluster.names}

    def trouble():
        for wrong in (seconds, -seconds, 0):
            cluster.set_clock(name, wrong)
            time.sleep(1)                      # of work with this clock
    outcome = _deploy(cluster, name, f"A host's clock wrong by {seconds} s, then by -{seconds} s", trouble)
    assert not _takings(cluster, since), _takings(cluster, since)[:3]
    return outcome


def dead_with_a_wrong_clock(cluster, name='c1', seconds=JUMP):
    """A conductor dies whose clock was an hour ahead: its leases last no longer than those of others."""
    cluster.set_clock(name, seconds)

    def trouble():
        cluster.kill(name)
        _await_others(cluster, name)
        cluster.set_clock(name, 0)
        cluster.start(name)
    return _deploy(cluster, name, f'Killed while its clock was {seconds} s ahead', trouble)


def _deploy(cluster, name, what, trouble):
    """Deploy all; ``trouble()`` comes when the conductor ``name`` is in the middle of some."""
    cluster.make_available(SLOW)
    touched, began = len(cluster.machines.touches), time.monotonic()
    for node in cluster.nodes:
        cluster.accepted(cluster.verb(node, 'active'))
    assert concurrency.wait_for(lambda: _held(cluster, name), 30, every=0.02), f'{name} has nothing to do'
    mine = len(_held(cluster, name))
    trouble()
    cluster.await_state(cluster.nodes, 'active')
    seconds = time.monotonic() - began
    cluster.await_alive(*cluster.names)
    faults = cluster.faults()
    assert not faults, (len(faults), faults[:5])
    return Outcome(what, len(cluster.nodes), mine, len(cluster.machines.touches) - touched, seconds)


def _held(cluster, name):
    return [node for node, row in cluster.rows().items() if row['lock_owner'] == name]


def _await_others(cluster, name):
    """Until nothing is held by ``name``: others have taken it, and are at work."""
    assert concurrency.wait_for(lambda: not _held(cluster, name), 60, every=0.05), f'{name} is followed by nobody'


def _takings(cluster, since):
    """Words of the logs, from the sizes ``since`` on, that tell of a lock that was lost or taken over."""
    return [line for host in cluster.names for line in cluster.log(host)[since[host]:].splitlines()
            if any(word in line for word in ('taking up', 'our lease ran out', 'is lost'))]
