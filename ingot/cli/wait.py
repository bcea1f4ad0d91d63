"""Waiting for nodes to get somewhere, on the change feed."""

from ingot import errors, states
from ingot.cli import client

FAILED = frozenset(state for state in states.STATES if state.endswith('failed')) | {'error'}


def until(baremetal, feed, display, goals, *, timeout):
    """Wait until each node of ``goals`` ({uuid: provision state}) is there; returns {uuid: reason} of those that failed.

    A node has failed when it comes to rest elsewhere. DeadlineExceeded names the nodes that are still on their way after
    ``timeout`` seconds. The feed tells when to look; the node itself tells what is so.
    """
    waiting, failed = dict(goals), {}
    while waiting:
        for uuid in list(waiting):
            node = client.steadily(baremetal.get_node, uuid, fields=['uuid', 'name', 'provision_state', 'last_error'])
            outcome = judge(node.provision_state, waiting[uuid])
            if outcome == 'failed':
                failed[uuid] = node.last_error or f'is "{node.provision_state}"'
            if outcome:
                del waiting[uuid]
        if not waiting:
            break
        if display.seconds() > timeout:
            raise errors.DeadlineExceeded(f'Not there after {timeout:.0f} s: ' + ', '.join(
                f'{display.line(uuid).name} ({display.line(uuid).state})' for uuid in waiting))
        _follow(feed, display, waiting, timeout)
    _take(feed.read(wait=0), display)
    return failed


def judge(state, goal):
    """'done', 'failed', or None while the node is still on its way from ``state`` to ``goal``."""
    if state == goal:
        return 'done'
    return 'failed' if state in FAILED or (state in states.STABLE and goal in states.STABLE) else None


def _follow(feed, display, waiting, timeout):
    """Read the feed until one of ``waiting`` changes its state, or some seconds (or ``timeout``) are over."""
    for _ in range(10):
        events = feed.read(wait=2)
        _take(events, display)
        if any(event['kind'] in ('provision_state', 'node.deleted') and event['node'] in waiting for event in events) \
                or display.seconds() > timeout:
            return


def _take(events, display):
    for event in events:
        display.take(event)
    display.draw()
