"""Cleaning on one screen: the ramdisk erases what the last user left."""

from ingot.conductor import parts, plan, steps
from ingot.conductor.flow import Step
from ingot.conductor.power import check_access
from ingot.conductor.ramdisk import (
    await_machine,
    mint_token,
    power_off,
    publish_ramdisk,
    start_ramdisk,
    stop_machine,
    validate,
    withdraw_boot,
)


def is_wanted(conf, node):
    """Whether automated cleaning is on for the node."""
    return conf.conductor.automated_clean if node['automated_clean'] is None else bool(node['automated_clean'])


def write_plan(task):
    """Store what the machine is to do: the steps that were asked for, or those of automated cleaning."""
    chosen = task.operation['arguments'].get('steps')
    actions = plan.clean_actions(None if chosen is None else steps.split(chosen)[1])
    task.note(plan=plan.build(task.node, task.operation, task.patience, actions))


CLEAN = (
    Step('validate cleaning', validate,         needs_place=True),       # after the end of an instance it may wait here
    Step('write plan',        write_plan,       is_quiet=True),
    Step('publish ramdisk',   publish_ramdisk,  undo=withdraw_boot, prepare=mint_token),
    Step('start ramdisk',     start_ramdisk,    undo=power_off),
    Step('await machine',     await_machine),                            # WAIT
    Step('read parts',        parts.read,       is_quiet=True),
    Step('stop machine',      stop_machine),
)


def skip(task):
    """Cleaning is off for this node."""


SKIP = (
    Step('skip cleaning',     skip, is_quiet=True),
)


def end_cleaning(task):
    """Nothing is left to do."""


def by_hand(operation):
    """The steps of manual cleaning: what was chosen, the ramdisk around what is its own."""
    before, in_band, after = steps.split(operation['arguments'].get('steps') or ())
    return (Step('check access data', check_access), *steps.build('clean', before), *(CLEAN if in_band else ()),
            *steps.build('clean', after, len(before) + 1), Step('end cleaning', end_cleaning))
