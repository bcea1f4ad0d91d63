"""Part 1: a conductor is killed at every point of every step of every flow, and the others go on.

One node goes through a flow alone and shows its points: before a step, after each touch of the machine, after each write within the
step, after it. Then as many nodes as there are points go through it at once, and each one's conductor halts at the node's own
point. When all have come there, the first conductor gets kill -9; its nodes must reach their target by the other two before
it is started again; then the second one, and the third.
"""

import time
from typing import NamedTuple

from ingot import concurrency
from tests.crash.cluster import LONG, _SILENT

RAID = {'interface': 'raid', 'step': 'delete_configuration', 'args': {}}
BIOS = {'interface': 'bios', 'step': 'factory_reset', 'args': {}}
ERASE = {'interface': 'deploy', 'step': 'erase_devices_metadata', 'args': {}}
REBOOT = {'interface': 'power', 'step': 'reboot', 'args': {}}
UNLUCKY = {'fake': {**_SILENT['fake'], 'management.set_boot_device': {'fail': 'no luck today'}}}


class Flow(NamedTuple):
    """A flow of conductor/verb.py as it is asked for, the state in which it ends, and what is changed at the nodes before."""

    name: str
    verb: str
    state: str
    arguments: dict = {}
    before: tuple = ()         # (path, value) pairs to patch
    first: tuple = ()          # (verb, state) pairs to bring the nodes to where the flow begins
    note: str = ''

    @property
    def title(self):
        return f'{self.name}, {self.note}' if self.note else self.name


#: In the order of a node's life.
FLOWS = (
    Flow('verify', 'manage', 'manageable'),
    Flow('inspect by bmc', 'inspect', 'manageable', before=(('/inspect_interface', 'fake'),)),
    Flow('inspect', 'inspect', 'manageable', before=(('/inspect_interface', 'agent'),)),
    Flow('clean by hand', 'clean', 'manageable', {'clean_steps': [RAID, ERASE, BIOS]}),
    Flow('clean', 'provide', 'available'),
    Flow('deploy', 'active', 'active', {'configdrive': {'meta_data': {'hostname': 'n'}}}),
    Flow('service', 'service', 'active', {'service_steps': [BIOS, REBOOT]}),
    Flow('rescue', 'rescue', 'rescue', {'rescue_password': 'a password'}),
    Flow('unrescue', 'unrescue', 'active'),
    Flow('rebuild', 'rebuild', 'active'),
    Flow('delete', 'deleted', 'available'),
    Flow('provide', 'provide', 'available', before=(('/automated_clean', False),), first=(('manage', 'manageable'),)),
    Flow('deploy', 'active', 'deploy failed', {'deploy_steps': [{**RAID, 'priority': 90}, {**BIOS, 'priority': 50}]},
         before=(('/driver_info', UNLUCKY), ('/instance_info', {'image_source': 'file:///image'})), note='failing and undone'),
    Flow('deploy', 'active', 'active', {'deploy_steps': [{**RAID, 'priority': 90}, {**BIOS, 'priority': 50}]},
         before=(('/driver_info', _SILENT),), note='with chosen steps'),
    Flow('delete only', 'deleted', 'available'),
    Flow('adopt', 'adopt', 'active', first=(('manage', 'manageable'),)),
)


class Line(NamedTuple):
    """A line of the table."""

    flow: str
    steps: int
    points: int
    killed: int
    recovered: int
    seconds: list

    def text(self):
        ordered = sorted(self.seconds)
        return (f'| {self.flow} | {self.steps} | {self.points} | {self.killed} | {self.recovered} | '
                f'{ordered[len(ordered) // 2]:.1f} | {ordered[-1]:.1f} |')


TITLE = ('| flow | steps | points | killed there | reached the target | seconds, median | worst |\n'
         '|---|---|---|---|---|---|---|')


def run(cluster, flows=FLOWS, say=print):
    """The Lines of ``flows``; AssertionError with what went wrong."""
    say(TITLE)
    lines = []
    for flow in flows:
        lines.append(cross(cluster, flow))
        say(lines[-1].text(), flush=True)
    return lines


def cross(cluster, flow):
    """Kill conductors at every point of ``flow``; its Line."""
    for path, value in flow.before:
        cluster.patch(cluster.nodes, path, value)
    for verb, state in flow.first:
        cluster.bring(cluster.nodes, verb, state)
    pioneer, *others = cluster.nodes
    points = discover(cluster, flow, pioneer)
    assert len(points) <= len(others), f'{flow.title} has {len(points)} points; there are {len(others)} nodes for them'
    chosen = dict(zip(others, points, strict=False))
    cluster.machines.armed.update(chosen)
    for node in others:
        cluster.accepted(cluster.verb(node, flow.verb, **flow.arguments))
    held = cluster.machines.held
    assert concurrency.wait_for(lambda: held.keys() == chosen.keys(), LONG), (
        f'{flow.title}: nobody came to {[chosen[node] for node in chosen.keys() - held.keys()]}')
    seconds = [one for name in cluster.names for one in kill(cluster, flow, name)]
    cluster.await_state(cluster.nodes, flow.state)
    faults = cluster.faults(may_fail='failed' in flow.state)
    assert not faults, (flow.title, len(faults), faults[:5])
    return Line(flow.title, len({(point.step, point.part) for point in points}), len(points), len(chosen), len(seconds), seconds)


def discover(cluster, flow, pioneer):
    """The points that ``flow`` has, seen on a node that goes through it undisturbed."""
    cluster.machines.seen[pioneer].clear()
    cluster.bring([pioneer], flow.verb, flow.state, **flow.arguments)
    points = [point for point in cluster.machines.seen[pioneer] if point.flow == flow.name]
    assert points, f'{flow.title} did not run: {cluster.machines.seen[pioneer]}'
    return points


def kill(cluster, flow, name):
    """Kill the conductor ``name`` where it halts; seconds until each node that halted there has reached its target."""
    mine = [node for node, (_, host) in cluster.machines.held.items() if host == name]
    began = time.monotonic()
    cluster.kill(name)
    missing, seconds = set(mine), []

    def has_ended():
        done = {node for node, row in cluster.rows(missing).items()
                if row['provision_state'] == flow.state and not row['lock_owner'] and not row['operation']}
        seconds.extend([time.monotonic() - began] * len(done))
        missing.difference_update(done)
        return not missing
    assert concurrency.wait_for(has_ended, LONG), (
        f'{flow.title}, {name} killed: stuck are {[(cluster.machines.held[node], row) for node, row in cluster.rows(missing).items()]}')
    for node in mine:
        del cluster.machines.held[node]
    cluster.start(name)
    cluster.await_alive(*cluster.names)
    return seconds
