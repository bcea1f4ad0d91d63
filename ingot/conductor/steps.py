"""Steps that an operator chose: checked when they are asked for, then carried out one by one as steps of a flow.

A chosen step is {'interface', 'step', 'args'}. It becomes a ``flow.Step`` with a name of its own, so that it is saved, taken
up again and given up as every other one. Some names are reserved, on any interface: hold, wait, power_on, power_off, reboot.
"""

import functools

from ingot import errors, states
from ingot.conductor import children, flow, parts, plan

#: Reserved step -> power target.
_POWER = {'power_on': states.POWER_ON, 'power_off': states.POWER_OFF, 'reboot': states.REBOOT}
_RESERVED = (*_POWER, 'hold', 'wait')
#: Seconds that a wait may last, and lasts when it does not say.
_LONGEST_WAIT, _WAIT = 30, 5
_NAME_LENGTH = 64
#: Column of the node that shows the step which runs, by the kind of work.
SHOWN_IN = {'clean': 'clean_step', 'deploy': 'deploy_step', 'service': 'service_step'}


def offered(drivers, node, kind):
    """{(interface, name): step}: what the node's interfaces can do as part of ``kind`` of work."""
    found = []
    hardware = drivers.of(node)
    for interface in hardware.interfaces:
        steps = getattr(hardware.interface(node, interface), 'steps', None)
        found += steps(kind) if steps else []
    return {(one['interface'], one['step']): one for one in found}


def check(task, kind, chosen, *, has_ramdisk=True):
    """Invalid when a step is not there, or gets arguments that it does not take: before anything is touched."""
    known = offered(task.drivers, task.node, kind)
    for step in chosen:
        name = step['interface'], step['step']
        if step.get('execute_on_child_nodes'):
            _check_children(task, kind, step)
        elif name in plan.CLEAN_STEPS and kind == 'clean':
            _check_ramdisk(name, has_ramdisk)
        elif step['step'] in _RESERVED:
            _check_reserved(step)
        else:
            _check_known(task.uuid, kind, step, known, plan.CLEAN_STEPS if kind == 'clean' else ())
    if len(_groups(chosen)) > 1:
        raise errors.Invalid('Steps of the ramdisk must follow each other: the ramdisk is started once.')


def _check_children(task, kind, step):
    """What children are to do is done out of band, and now: their parent's operation cannot rest with one of them."""
    if step['step'] in ('hold', 'wait') or is_named_in_band(step):
        raise errors.Invalid(f'The step {step["interface"]}.{step["step"]} cannot be carried out on child nodes.')
    for child in children.meant(task.database, task.uuid, step):
        if step['step'] not in _POWER:
            _check_known(child['uuid'], kind, step, offered(task.drivers, child, kind))


def _check_known(uuid, kind, step, known, more=()):
    name = step['interface'], step['step']
    if name not in known:
        possible = [*(f'{interface}.{own}' for interface, own in [*known, *more]), *_RESERVED]
        raise errors.Invalid(f'There is no {kind} step {name[0]}.{name[1]} on node {uuid}; possible: {", ".join(possible)}.')
    _check_arguments(step, known[name])


def _check_ramdisk(name, has_ramdisk):
    if not has_ramdisk:
        raise errors.Invalid(f'The step {name[0]}.{name[1]} needs the ramdisk, and disable_ramdisk is set.')


def _check_reserved(step):
    seconds = (step.get('args') or {}).get('seconds', 0)
    if step['step'] == 'wait' and (not isinstance(seconds, int) or not 0 <= seconds <= _LONGEST_WAIT):
        raise errors.Invalid(f'The step wait takes seconds, a whole number from 0 to {_LONGEST_WAIT}.')


def _check_arguments(step, known):
    given, takes = set(step.get('args') or {}), known.get('args') or {}
    missing = {name for name, about in takes.items() if about.get('required')} - given
    if given - takes.keys() or missing:
        raise errors.Invalid(f'The step {step["interface"]}.{step["step"]} takes: {", ".join(takes) or "nothing"}; unknown or '
                             f'missing: {", ".join(sorted((given - takes.keys()) | missing))}.')


def is_in_band(step):
    """True for what the agent does in the ramdisk."""
    return is_named_in_band(step) and not step.get('execute_on_child_nodes')


def is_named_in_band(step):
    """True for a step whose name is that of one that the agent does, on whatever node."""
    return (step['interface'], step['step']) in plan.CLEAN_STEPS


def split(chosen):
    """(before, in band, after): what is done before the ramdisk runs, by the ramdisk, and after it."""
    places = [number for number, step in enumerate(chosen) if is_in_band(step)]
    if not places:
        return list(chosen), [], []
    return chosen[:places[0]], chosen[places[0]:places[-1] + 1], chosen[places[-1] + 1:]


def _groups(chosen):
    """Runs of in-band steps that stand together."""
    return [number for number, step in enumerate(chosen)
            if is_in_band(step) and (number == 0 or not is_in_band(chosen[number - 1]))]


def build(kind, chosen, first=1):
    """The flow's steps for ``chosen``; numbered from ``first``, so that their names differ."""
    return tuple(flow.Step(f'{number} {step["interface"]}.{step["step"]}'[:_NAME_LENGTH],
                           functools.partial(_run, kind=kind, step=step))
                 for number, step in enumerate(chosen, first))


def _run(task, *, kind, step):
    task.save({SHOWN_IN[kind]: step})
    if step['step'] == 'hold':
        return flow.HOLD
    if step['step'] == 'wait':
        task.pause((step.get('args') or {}).get('seconds', _WAIT))
    elif step.get('execute_on_child_nodes'):
        children.run(task, step, _carry_out)
    else:
        _carry_out(task, step)
    return None


def _carry_out(task, step):
    """Do ``step`` on the machine of ``task``."""
    if step['step'] in _POWER:
        task.power(_POWER[step['step']])
    else:
        values = task.interface(step['interface']).run_step(task.node, step['step'], step.get('args') or {})
        if values:
            task.save(values)
        if step['interface'] in parts.KEPT:
            parts.read_one(task, step['interface'])
            task.save()
