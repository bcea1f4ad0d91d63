"""Steps that are carried out on a node's children in its stead: one child after the other, each under its own lock."""

import contextlib

from ingot import errors
from ingot.conductor.task import Task
from ingot.db import lease
from ingot.db import node as nodes


def meant(database, parent, step):
    """The children of node ``parent`` (a uuid) that ``step`` is for, as rows: all, or those that it names.

    Invalid for a name that is no child's.
    """
    children = [nodes.get(database, uuid) for uuid in nodes.children(database, parent)]
    wanted = set(step.get('limit_child_node_execution') or ())
    strangers = wanted - {ident for child in children for ident in (child['uuid'], child['name'])}
    if strangers:
        raise errors.Invalid(f'Node {parent} has no child {", ".join(sorted(strangers))}.')
    return [child for child in children if not wanted or wanted & {child['uuid'], child['name']}]


def run(task, step, carry_out):
    """Call ``carry_out(child's task, step)`` for each child that ``step`` is for; Locked when somebody else works on one."""
    for child in meant(task.database, task.uuid, step):
        with _borrowed(task, child['uuid']) as own:
            carry_out(own, step)


@contextlib.contextmanager
def _borrowed(task, uuid):
    """A Task of the child, locked for as long as a step may take: nobody renews it."""
    purpose, seconds = f'steps of node {task.uuid}', task.conf.conductor.step_timeout
    own = Task(task.conf, task.database, task.drivers, _take(task, uuid, purpose, seconds), stopping=task._stopping)
    try:
        if own.operation and own.operation['status'] == 'running':
            raise errors.Locked(f'Node {uuid}: its "{own.operation["flow"]}" lost its conductor and is not taken up yet.')
        yield own
    except Exception:
        own.release()
        raise
    own.release()


def _take(task, uuid, purpose, seconds):
    """Lock the child. Who has the parent's lock may take what a dead holder of it has left locked."""
    try:
        return lease.take(task.database, uuid, task.conf.host, purpose, seconds)
    except errors.Locked:
        child = nodes.get(task.database, uuid)
        if child['lock_purpose'] != purpose:
            raise
        return lease.wrest(task.database, uuid, child['lock_epoch'], task.conf.host, purpose, seconds)
