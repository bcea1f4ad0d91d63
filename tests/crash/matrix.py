"""Part 1: a conductor is killed at every point of every step of every flow, and the others go on.

One node goes through a flow alone and shows its points: before a step, after each touch of the machine, after each write within
the step, after it. Then as many nodes as there are points go through it at once, and each one's conductor halts at the node's own
point. When all have come there, the first conductor gets kill -9; its nodes must reach their target by the other two before
it is started again; then the second one, and the third.
"""

import dataclasses
import time
from typing import NamedTuple

from ingot import concurrency
from tests.crash.cluster import IMAGE, LONG, SILENT

RAID = {'interface': 'raid', 'step': 'delete_configuration', 'args': {}}
BIOS = {'interface': 'bios', 'step': 'factory_reset', 'args': {}}
ERASE = {'interface': 'deploy', 'step': 'erase_devices_metadata', 'args': {}}
REBOOT = {'interface': 'power', 'step': 'reboot', 'args': {}}
CHOSEN = {'deploy_steps': [{**RAID, 'priority': 90}, {**BIOS, 'priority': 50}]}
UNLUCKY = {'fake': {**SILENT['fake'], 'management.set_boot_device': {'fail': 'no luck today'}}}


@dataclasses.dataclass(frozen=True, eq=False)
class Flow:
    """A flow of conductor/verb.py as it is asked for, the state in which it ends, and what is changed at the nodes before."""

    name: str
    verb: str
    state: str
    arguments: dict = dataclasses.field(default_factory=dict)
    before: tuple = ()         # (path, value) pairs to patch
    first: tuple = ()          # (verb, state) pairs to bring the nodes to where the flow begins
    note: str = ''

    @property
    def title(self):
        return f'{self.name}, {self.note}' if self.note else self.name


#: Two lives of a node, side by side: each pair of flows shares its three deaths.
LIVES = (
    (Flow('verify', 'manage', 'manageable'),
     Flow('inspect by bmc', 'inspect', 'manageable', before=(('/inspect_interface', 'fake'),)),
     Flow('inspect', 'inspect', 'manageable', before=(('/inspect_interface', 'agent'),)),
     Flow('clean by hand', 'clean', 'manageable', {'clean_steps': [RAID, ERASE, BIOS]}),
     Flow('clean', 'provide', 'available'),
     Flow('deploy', 'active', 'active', {'configdrive': {'meta_data': {'hostname': 'n'}}}),
     Flow('rebuild', 'rebuild', 'active'),
     Flow('delete', 'deleted', 'available')),
    (Flow('adopt', 'adopt', 'active', first=(('manage', 'manageable'),)),
     Flow('service', 'service', 'active', {'service_steps': [BIOS, REBOOT]}),
     Flow('rescue', 'rescue', 'rescue', {'rescue_password': 'a password'}),
     Flow('unrescue', 'unrescue', 'active'),
     Flow('delete only', 'deleted', 'available', before=(('/automated_clean', False),)),
     Flow('provide', 'provide', 'available', first=(('manage', 'manageable'),)),
     Flow('deploy', 'active', 'active', CHOSEN, before=(IMAGE,), note='with chosen steps'),
     Flow('deploy', 'active', 'deploy failed', before=(('/driver_info', UNLUCKY), IMAGE), first=(('deleted', 'available'),),
          note='failing and undone')),
)


class Line(NamedTuple):
    """A line of the table."""

    flow: str
    steps: int
    points: int
    killed: int
    seconds: list              # until each node had reached its target

    def text(self):
        ordered = sorted(self.seconds)
        return (f'| {self.flow} | {self.steps} | {self.points} | {self.killed} | {len(self.seconds)} | '
                f'{ordered[len(ordered) // 2]:.1f} | {ordered[-1]:.1f} |')


TITLE = ('| flow | steps | points | killed there | reached the target | seconds, median | worst |\n'
         '|---|---|---|---|---|---|---|')


def run(cluster, lives=LIVES, say=print):
    """The Lines of all flows of ``lives``; AssertionError with what went wrong."""
    say(TITLE)
    share, lines = len(cluster.nodes) // len(lives), []
    groups = [cluster.nodes[number * share:][:share] for number in range(len(lives))]
    for flows in zip(*lives, strict=True):
        for line in cross(cluster, list(zip(flows, groups, strict=True))):
            lines.append(line)
            say(line.text(), flush=True)
    return lines


def cross(cluster, work):
    """Kill conductors at every point of the flows in ``work``, pairs of Flow and its nodes; their Lines."""
    points = {flow: lead(cluster, flow, nodes) for flow, nodes in work}
    machines, chosen = cluster.machines, {}
    for flow, (_, *nodes) in work:
        assert len(points[flow]) <= len(nodes), f'{flow.title}: {len(points[flow])} points, {len(nodes)} nodes'
        chosen.update(zip(nodes, points[flow], strict=False))
    machines.armed.update(chosen)
    for flow, (_, *nodes) in work:
        for node in nodes:
            cluster.accepted(cluster.verb(node, flow.verb, **flow.arguments))
    assert concurrency.wait_for(lambda: machines.held.keys() == chosen.keys(), LONG), (
        f'nobody came to {[chosen[node] for node in chosen.keys() - machines.held.keys()]}')
    targets = {node: flow.state for flow, nodes in work for node in nodes}
    seconds = {}
    for name in cluster.names:
        seconds |= kill(cluster, targets, name)
    for flow, nodes in work:
        cluster.await_state(nodes, flow.state)
    faults = cluster.faults(may_fail=any('failed' in flow.state for flow, _ in work))
    assert not faults, (len(faults), faults[:5])
    return [Line(flow.title, len({(point.step, point.part) for point in points[flow]}), len(points[flow]),
                 len(chosen.keys() & set(nodes)), [seconds[node] for node in nodes if node in seconds]) for flow, nodes in work]


def lead(cluster, flow, nodes):
    """The points that ``flow`` has, seen on the first of ``nodes``, which goes through it undisturbed."""
    for path, value in flow.before:
        cluster.patch(nodes, path, value)
    for verb, state in flow.first:
        cluster.bring(nodes, verb, state)
    seen = cluster.machines.seen[nodes[0]]
    seen.clear()
    cluster.bring(nodes[:1], flow.verb, flow.state, **flow.arguments)
    points = [point for point in seen if point.flow == flow.name]
    assert points, f'{flow.title} did not run: {seen}'
    return points


def kill(cluster, targets, name):
    """Kill the conductor ``name`` where it halts; {node: seconds until it had reached its target} of those that halted there."""
    held, seconds = cluster.machines.held, {}
    missing = {node for node, (_, host) in held.items() if host == name}
    began = time.monotonic()
    cluster.kill(name)

    def has_ended():
        for node, row in cluster.rows(missing).items():
            if row['provision_state'] == targets[node] and not row['lock_owner'] and not row['operation']:
                seconds[node] = time.monotonic() - began
        missing.difference_update(seconds)
        return not missing
    assert concurrency.wait_for(has_ended, LONG), (
        f'{name} was killed; stuck are {[(held[node], row) for node, row in cluster.rows(missing).items()]}')
    for node in seconds:
        del held[node]
    cluster.start(name)
    cluster.await_alive(*cluster.names)
    return seconds
