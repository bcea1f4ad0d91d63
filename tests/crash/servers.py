"""Part 3: RabbitMQ, and the database server, are stopped and started in the middle of deployments.

While a server is away requests are refused soon and say why; nothing that was accepted is lost, and all become active.
"""

import time
from typing import NamedTuple

from ingot import concurrency

#: Seconds for which a server stays away: longer than a lease, and than a call takes to be refused.
AWAY = 8
#: Seconds within which a request is answered, whatever is away: a call is given up after [rpc] timeout, which is 10 here.
SOON = 15


class Outcome(NamedTuple):
    """``answers``: {status: how many} of the requests while the server was away; ``seconds`` until all were active."""

    name: str
    count: int
    answers: dict
    slowest: float
    seconds: float

    def text(self):
        answers = ', '.join(f'{count} times {status}' for status, count in sorted(self.answers.items()))
        return (f'{self.name} away for {AWAY} s in the middle of {self.count} deployments: requests meanwhile were answered '
                f'{answers}, the slowest after {self.slowest:.1f} s; all were active {self.seconds:.1f} s after it was back.')


def run(cluster, server, name):
    """Deploy all nodes but one in three, which are asked for while ``server`` (the cluster's broker or server) is away."""
    late = cluster.nodes[::3]
    early = [node for node in cluster.nodes if node not in late]
    cluster.make_available()
    for node in early:
        cluster.accepted(cluster.verb(node, 'active'))
    _await_middle(cluster, early)
    server.stop()
    answers, slowest = _ask_meanwhile(cluster, late)
    server.start()
    began = time.monotonic()
    for node in late:
        _insist(cluster, node)
    cluster.await_state(cluster.nodes, 'active', 180)
    faults = cluster.faults()
    assert not faults, (len(faults), faults[:5])
    return Outcome(name, len(cluster.nodes), answers, slowest, time.monotonic() - began)


def _await_middle(cluster, nodes):
    """Until some are active, and most are not."""
    def count():
        return sum(row['provision_state'] == 'active' for row in cluster.rows(nodes).values())
    assert concurrency.wait_for(lambda: count() > 0, 60, every=0.02)
    assert count() < len(nodes), 'all were active before anything was stopped'


def _ask_meanwhile(cluster, nodes):
    """({status: how many}, seconds of the slowest) of deployments that are asked for while the server is away."""
    pool, answers, slowest, until = concurrency.Pool(8, 'asks'), {}, 0.0, time.monotonic() + AWAY
    futures = [pool.submit(cluster.verb, node, 'active') for node in nodes]
    for future in futures:
        answer = future.result(SOON * len(nodes))
        assert answer.status in (202, 409, 503), answer
        assert answer.seconds < SOON, answer
        if answer.status == 503:
            assert answer.body['error_message'], answer
            assert answer.body['remedy'], answer
        answers[answer.status] = answers.get(answer.status, 0) + 1
        slowest = max(slowest, answer.seconds)
    pool.close()
    time.sleep(max(0.0, until - time.monotonic()))
    return answers, slowest


def _insist(cluster, node):
    """Ask until it is accepted, unless it was already."""
    def is_accepted():
        answer = cluster.verb(node, 'active')
        return answer.status in (202, 400) and cluster.row(node)['provision_state'] != 'available'
    assert concurrency.wait_for(is_accepted, 60, every=0.5), node
