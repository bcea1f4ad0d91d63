"""Runs any flow: a tuple of steps, each saved by name before it runs, undone newest first when one fails.

A step may run again from its start with the same result; what must be redone together is one step; ``undo`` copes with
none, half or all of the work done. Whatever is not an error of a step (a lost lease, a dead process, a database that
does not answer) leaves the row as it is: whoever takes the lease over runs the named step again.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from ingot import errors

log = logging.getLogger(__name__)

#: What a step returns whose work the machine goes on with alone: the lock is let go until the machine reports.
WAIT = object()
#: What a step returns after which an operator has the word: everything rests until "unhold".
HOLD = object()
#: What says nothing of the step that it came from, nor of its undo: the database is away, the lease is lost (or ran out for a
#: moment, which the machine's fence has noticed before the database has).
NOT_OF_THE_STEP = errors.DatabaseFailed, errors.Stale
#: So often a step is started before it is given up: it may be the step itself that kills its conductors.
MAX_ATTEMPTS = 10
#: Characters of a reason that are kept.
MOST_WORDS = 4000


class Step(NamedTuple):
    """A phrase that an operator would say, what it does, and how that is undone; both take the Task."""

    name: str
    do: Callable
    undo: Callable | None = None
    seconds: Callable | None = None      # conf -> how long ``do`` may take; default: conductor.step_timeout
    prepare: Callable | None = None      # notes what is written together with its beginning
    is_quiet: bool = False               # changes nothing on the machine: its beginning is written with the next write
    needs_place: bool = False            # what comes from here on counts as in flight (conductor/queue.py)


def run(task, steps):
    """Carry the task's operation on, from the step named in its row, until it waits (returns WAIT), is done, or failed.

    Raises Stale when the lease was lost: the write before each step, and each undo, is refused then.
    """
    if task.operation['error'] is not None:
        return _resume_undo(task, steps)
    for step in steps[_first(task, steps):]:
        if task.is_stopping:
            return task.hand_over()
        try:
            if not (task.has_begun(step) or _begin(task, step)):
                return None
        except errors.Stale:
            raise
        except errors.Conflict as error:
            return fail(task, steps, error)
        try:
            _check_attempts(task)
            result = step.do(task)
        except NOT_OF_THE_STEP:
            raise
        except Exception as error:
            return fail(task, steps, error)
        if result is WAIT:
            task.park()
            return WAIT
        if result is HOLD:
            return task.hold()
    return task.finish()


def _begin(task, step):
    """Save that ``step`` begins; False when the operation must wait for a place first, and its lock is let go of."""
    if step.prepare:
        step.prepare(task)
    if step.needs_place:
        return task.begin_at_its_place(step)
    task.begin(step)
    return True


def go_on(task, steps):
    """Carry on an operation that an operator held: with the step after the one that it rests in."""
    names = [step.name for step in steps]
    task.unhold(names[names.index(task.operation['step']) + 1])
    return run(task, steps)


def fail(task, steps, error):
    """Give the operation up because of ``error``: undo what was done, end it as failed. The first error stays."""
    if not isinstance(error, errors.IngotError):
        log.error('Node %s: step "%s" failed', task.uuid, task.operation['step'], exc_info=error)
    task.save_error(_explain(task, error))
    return _undo(task, steps)


def _undo(task, steps):
    for step in reversed(steps[:_position(task, steps) + 1]):
        if step.undo is None:
            continue
        task.begin_undo(step)
        try:
            step.undo(task)
        except NOT_OF_THE_STEP:
            raise
        except Exception as error:
            log.warning('Node %s: undo of step "%s" failed: %s', task.uuid, step.name, error, exc_info=True)
    return task.finish_failed()


def _resume_undo(task, steps):
    if task.operation['attempt'] > MAX_ATTEMPTS:
        return task.finish_failed()
    task.save(attempt=task.operation['attempt'] + 1)
    return _undo(task, steps)


def _position(task, steps):
    names = [step.name for step in steps]
    return names.index(task.operation['step']) if task.operation['step'] in names else 0


def _first(task, steps):
    """The number of the step to begin with: the one that the row names. Or the last one before it that is not quiet: what a quiet
    step noted, and those before it, may not have been written when its conductor died."""
    number = _position(task, steps)
    if task.operation['attempt'] and not task.has_begun(steps[number]):
        while number and steps[number].is_quiet:
            number -= 1
        task.is_in(steps[number].name)
    return number


def _check_attempts(task):
    if task.operation['attempt'] > MAX_ATTEMPTS:
        raise errors.HardwareFailure(f'Step "{task.operation["step"]}" was started {MAX_ATTEMPTS} times and its '
                                     f'conductor ended each time.', remedy='Look for the cause in its log.')


def _explain(task, error):
    """What goes into last_error: where it failed, why, what would help. Strange errors may hold secrets: only their kind."""
    reason = error.explain() if isinstance(error, errors.IngotError) else (
        f'internal error {type(error).__name__}; the conductor\'s log has it.')
    # Words of machines and programs: PostgreSQL takes no NUL, MariaDB's TEXT ends at 64 KiB.
    reason = reason.replace('\0', '')[:MOST_WORDS]
    return f'Step "{task.operation["step"]}" of {task.operation["flow"]} failed: {reason}'
