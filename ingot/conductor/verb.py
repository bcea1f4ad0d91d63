"""What clients ask for in states/provision: which flow that is, and what must be true before it is accepted."""

from ingot import errors, states
from ingot.conductor import clean, deploy, inspect, power, promise, rescue, servicing, steps
from ingot.db import operation as operations
from ingot.db import runbook as runbooks
from ingot.db.engine import now

#: Name in the operations row -> its steps.
FLOWS = {'deploy': deploy.DEPLOY, 'rebuild': deploy.DEPLOY, 'delete': deploy.DELETE, 'delete only': deploy.DELETE_ONLY,
         'clean': clean.CLEAN, 'provide': clean.SKIP, 'verify': power.VERIFY, 'adopt': power.ADOPT,
         'inspect': inspect.INSPECT, 'inspect by bmc': inspect.ASK_BMC,
         'rescue': rescue.RESCUE, 'unrescue': rescue.UNRESCUE}
#: Flows whose steps depend on what was asked for: name -> function of the operation.
_OF_OPERATION = {'clean by hand': clean.by_hand, 'service': servicing.flow_of, 'deploy': deploy.with_steps,
                 'rebuild': deploy.with_steps}
#: Event -> the kind of steps that go with it.
_KINDS = {'clean': 'clean', 'service': 'service', 'deploy': 'deploy', 'rebuild': 'deploy'}
_HEALED = {'maintenance': False, 'maintenance_reason': None, 'fault': None}
#: Flow -> what validates the node before the verb is accepted, as its first step does again.
_FIRST = {name: steps[0].do for name, steps in FLOWS.items() if steps[0].name.startswith('validate')}


def event(verb):
    """The event of ``verb``; Invalid when there is no such verb."""
    if verb not in states.VERBS:
        raise errors.Invalid(f'There is no provision verb "{verb}"; there are: {", ".join(sorted(states.VERBS))}.')
    return states.VERBS[verb]


def steps_of(operation):
    """The steps of ``operation``: those of its flow, with those that it chose."""
    own = _OF_OPERATION.get(operation['flow'])
    return own(operation) if own else FLOWS[operation['flow']]


def flow_name(task, event):
    """The flow that carries ``event`` out on this node."""
    if event in ('provide', 'delete'):
        is_cleaned = clean.is_wanted(task.conf, task.node)
        return {('provide', True): 'clean', ('provide', False): 'provide',
                ('delete', True): 'delete', ('delete', False): 'delete only'}[event, is_cleaned]
    if event == 'inspect':
        return 'inspect' if task.interface('inspect').needs_agent else 'inspect by bmc'
    return {'manage': 'verify', 'clean': 'clean by hand'}.get(event, event)


def check(task, event, arguments):
    """Refuse what cannot end well: state, maintenance, protection, missing values. Nothing is touched."""
    node = task.node
    states.move(node['provision_state'], event, is_queued=task.is_queued)
    if event in ('deploy', 'rebuild') and node['maintenance']:
        raise errors.InvalidState(f'Node {task.uuid} is in maintenance: {node["maintenance_reason"] or "no reason given"}.',
                                  remedy='DELETE /v1/nodes/NODE/maintenance when it is fit again.')
    if event in ('delete', 'rebuild') and node['protected']:
        raise errors.NotPermitted(f'Node {task.uuid} is protected: {node["protected_reason"] or "no reason given"}.',
                                  remedy='Set protected to false first.')
    if event == 'deploy' and node['retired']:
        raise errors.InvalidState(f'Node {task.uuid} is retired and gets no new instance.')
    _check_steps(task, event, arguments)
    if event == 'rescue':
        _check_rescue(task)
    first = _FIRST.get(flow_name(task, event))
    if first:
        first(task)


def _check_steps(task, event, arguments):
    """Replaces what names steps in ``arguments`` (lists, a runbook, templates) by ``steps``, all of them possible."""
    kind = _KINDS.get(event)
    if kind is None:
        return
    book = arguments.pop('runbook', None)
    is_without_ramdisk = arguments.pop('disable_ramdisk', None)
    chosen = arguments.pop(f'{kind}_steps', None)
    if book:
        book = runbooks.usable(task.database, book, task.node)
        chosen, is_without_ramdisk = book['steps'], is_without_ramdisk or book['disable_ramdisk']
    if kind == 'deploy':
        deploy.check_traits(task.node)
        chosen = _with_templates(task, chosen)
    elif not chosen:
        raise errors.Invalid(f'"{event}" needs {kind}_steps, or a runbook with steps.')
    steps.check(task, kind, chosen, has_ramdisk=not is_without_ramdisk)
    arguments['steps'] = chosen


def _with_templates(task, chosen):
    """The steps of the deploy templates that the instance's traits name, and those of the request, which win; by priority."""
    found = runbooks.templates(task.database, task.node['instance_info'].get('traits') or ())
    merged = {(step['interface'], step['step']): step for step in [*found, *(chosen or ())]}
    return sorted((step for step in merged.values() if step['priority']), key=lambda step: -step['priority'])


def _check_rescue(task):
    if not hasattr(task.interface('rescue'), 'rescue'):
        raise errors.Invalid(f'Node {task.uuid}: its rescue_interface "{task.node["rescue_interface"]}" cannot rescue.',
                             remedy='Choose another one, if its driver has one.')


def accept(crew, task, event, arguments):
    """Check ``event``, store its operation and start it; the operation's uuid, or None when a move was all there is."""
    check(task, event, arguments)
    if event == 'unhold':
        crew.go_on(task)
        return task.operation['uuid']
    after = states.move(task.node['provision_state'], event, is_queued=task.is_queued).state
    if event == 'delete' and task.is_queued and task.operation['state_before'] == 'available':
        return withdraw(crew, task)
    if event == 'abort' and after not in states.STABLE:
        return abort(crew, task)
    if after in states.STABLE:
        is_over = task.node['fault'] == 'service failure' and event == 'abort'
        task.move(event, {'last_error': None, **(_HEALED if is_over else {})})
        crew.release(task)
        return None
    values = {'inspection_started_at': now(), 'inspection_finished_at': None} if event == 'inspect' else {}
    ended = task.operation['uuid'] if task.operation else None
    todo = work(task, event, arguments)
    if task.accept(event, todo, crew.steps_of(todo)[0], target='manageable' if event == 'clean' else None,
                   ended=ended, values=values, has_room=crew.has_room):
        crew.submit(task)
    else:
        crew.leave_in_line(task)
    return task.operation['uuid']


def withdraw(crew, task):
    """A deployment that has not begun is forgotten, with its instance: the machine is as clean as it was."""
    deploy.withdraw(task)
    crew.leave_in_line(task)
    return task.operation['uuid']


def abort(crew, task):
    """The machine is told to stop from now on; what was put out for it is undone in the background."""
    if task.operation is None:
        raise errors.InvalidState(f'Node {task.uuid}: nothing is under way that could be aborted.')
    if task.is_queued:
        task.save_error(f'{task.operation["flow"]} was aborted on request while it was queued; the machine was not touched.')
        task.finish_failed()
        crew.leave_in_line(task)
        return task.operation['uuid']
    phase = operations.last_phase(task.database, task.operation['uuid'])
    task.save_error(f'{task.operation["flow"]} was aborted on request; the machine did last: {phase or "nothing yet"}.')
    crew.submit(task)
    return task.operation['uuid']


def work(task, event, arguments):
    """The operation to store for ``event``: its flow, arguments and config drive. Of a rescue password the hash is kept."""
    if arguments.get('rescue_password'):
        arguments = {**arguments, 'rescue_password_hash': rescue.digest(arguments['rescue_password']), 'rescue_password': None}
    arguments = {key: value for key, value in arguments.items() if value}
    drive = _configdrive(task, event, arguments.pop('configdrive', None))
    if task.operation:
        arguments['ended'] = task.operation['uuid']
    return operations.new(task.node, flow_name(task, event), seconds=task.conf.conductor.step_timeout,
                          arguments=arguments, configdrive=drive)


def _configdrive(task, event, value):
    """The config drive as the plan has it: of the request, of instance_info, or (rebuild) of the deployment before."""
    if event not in ('deploy', 'rebuild'):
        return None
    value = value or task.node['instance_info'].get('configdrive')
    if value:
        from ingot.drivers.images import configdrive
        return configdrive.build(value, node=task.node, devices=promise.metadata(task))
    return operations.configdrive(task.database, task.node) if event == 'rebuild' else None
