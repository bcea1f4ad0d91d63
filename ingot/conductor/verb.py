"""What clients ask for in states/provision: which flow that is, and what must be true before it is accepted."""

from ingot import errors, states
from ingot.conductor import clean, deploy, inspect, plan, power
from ingot.db import operation as operations
from ingot.db.engine import now

#: Name in the operations row -> its steps.
FLOWS = {'deploy': deploy.DEPLOY, 'rebuild': deploy.DEPLOY, 'delete': deploy.DELETE, 'delete only': deploy.DELETE_ONLY,
         'clean': clean.CLEAN, 'provide': clean.SKIP, 'verify': power.VERIFY, 'adopt': power.ADOPT,
         'inspect': inspect.INSPECT, 'inspect by bmc': inspect.ASK_BMC}
#: Flow -> what validates the node before the verb is accepted, as its first step does again.
_FIRST = {name: steps[0].do for name, steps in FLOWS.items() if steps[0].name.startswith('validate')}
_ARGUMENTS = ('configdrive', 'clean_steps')
_SUPPORTED = ('manage', 'provide', 'deploy', 'rebuild', 'delete', 'abort', 'inspect', 'clean', 'adopt')


def event(verb):
    """The event of ``verb``; Invalid when there is no such verb, or it cannot be carried out yet."""
    if verb not in states.VERBS:
        raise errors.Invalid(f'There is no provision verb "{verb}"; there are: {", ".join(sorted(states.VERBS))}.')
    if states.VERBS[verb] not in _SUPPORTED:
        raise errors.InvalidState(f'The verb "{verb}" is not supported yet; supported: {", ".join(_SUPPORTED)}.')
    return states.VERBS[verb]


def flow_name(task, event):
    """The flow that carries ``event`` out on this node."""
    if event in ('provide', 'delete'):
        is_cleaned = clean.is_wanted(task.conf, task.node)
        return {('provide', True): 'clean', ('provide', False): 'provide',
                ('delete', True): 'delete', ('delete', False): 'delete only'}[event, is_cleaned]
    if event == 'inspect':
        return 'inspect' if task.interface('inspect').needs_agent else 'inspect by bmc'
    return {'manage': 'verify'}.get(event, event)


def check(task, event, arguments):
    """Refuse what cannot end well: state, maintenance, protection, missing values. Nothing is touched."""
    node = task.node
    states.move(node['provision_state'], event)
    if event in ('deploy', 'rebuild') and node['maintenance']:
        raise errors.InvalidState(f'Node {task.uuid} is in maintenance: {node["maintenance_reason"] or "no reason given"}.',
                                  remedy='DELETE /v1/nodes/NODE/maintenance when it is fit again.')
    if event in ('delete', 'rebuild') and node['protected']:
        raise errors.NotPermitted(f'Node {task.uuid} is protected: {node["protected_reason"] or "no reason given"}.',
                                  remedy='Set protected to false first.')
    if event == 'deploy' and node['retired']:
        raise errors.InvalidState(f'Node {task.uuid} is retired and gets no new instance.')
    foreign = sorted(name for name, value in arguments.items() if value and name not in _ARGUMENTS)
    if foreign:
        raise errors.Invalid(f'Not supported yet with "{event}": {", ".join(foreign)}.')
    if event == 'clean' and not arguments.get('clean_steps'):
        raise errors.Invalid('Manual cleaning needs clean_steps: [{"interface": ..., "step": ...}].')
    plan.clean_actions(arguments.get('clean_steps'))
    first = _FIRST.get(flow_name(task, event))
    if first:
        first(task)


def accept(crew, task, event, arguments):
    """Check ``event``, store its operation and start it; the operation's uuid, or None when a move was all there is."""
    check(task, event, arguments)
    if event == 'abort':
        return abort(crew, task)
    after = states.move(task.node['provision_state'], event).state
    if after in states.STABLE:
        task.move(event, {'last_error': None})
        crew.release(task)
        return None
    values = {'inspection_started_at': now(), 'inspection_finished_at': None} if event == 'inspect' else {}
    ended = task.operation['uuid'] if task.operation else None
    task.accept(event, work(task, event, arguments), target='manageable' if event == 'clean' else None,
                ended=ended, values=values)
    crew.submit(task)
    return task.operation['uuid']


def abort(crew, task):
    """The machine is told to stop from now on; what was put out for it is undone in the background."""
    if task.operation is None:
        raise errors.InvalidState(f'Node {task.uuid}: nothing is under way that could be aborted.')
    phase = operations.last_phase(task.database, task.operation['uuid'])
    task.save_error(f'{task.operation["flow"]} was aborted on request; the machine did last: {phase or "nothing yet"}.')
    crew.submit(task)
    return task.operation['uuid']


def work(task, event, arguments):
    """The operation to store for ``event``: its flow, arguments and config drive."""
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
        return configdrive.build(value, node=task.node)
    return operations.configdrive(task.database, task.node) if event == 'rebuild' else None
