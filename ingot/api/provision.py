"""The checks of states/provision, in the order that clients know: version, maintenance, state, arguments."""

import base64
import binascii

from ingot import errors, states
from ingot.api import nodes, versions

#: Other names for the same verb.
_SAME = {'deploy': 'active', 'undeploy': 'deleted'}
#: {argument: the verbs that take it}
_TAKEN_BY = {
    'configdrive': ('active', 'rebuild'), 'deploy_steps': ('active', 'rebuild'), 'clean_steps': ('clean',),
    'service_steps': ('service',), 'rescue_password': ('rescue',), 'disable_ramdisk': ('clean', 'service'),
    'runbook': ('clean', 'service'),
}
#: What a step must have, and what it may have beside that.
_CHOSEN = ({'interface', 'step'}, {'args', 'order', 'execute_on_child_nodes', 'limit_child_node_execution'})
_STEPS = {'clean_steps': _CHOSEN, 'service_steps': _CHOSEN, 'deploy_steps': ({'interface', 'step', 'args', 'priority'}, set())}
_KINDS = {'interface': str, 'step': str, 'args': dict, 'execute_on_child_nodes': bool, 'limit_child_node_execution': list}
_CONFIGDRIVE = {'meta_data': 56, 'network_data': 56, 'user_data': 56, 'vendor_data': 59}


def check_version(body, minor):
    """NotAcceptable for verbs and arguments newer than ``minor``, Invalid for verbs that do not exist."""
    if body['target'] not in states.VERBS:
        raise errors.Invalid(f'There is no target "{body["target"]}"; there are: {", ".join(sorted(states.VERBS))}.')
    versions.require('Target', versions.VERBS, [body['target']], minor)
    versions.require('Argument', versions.ARGUMENTS, body, minor)


def check_state(current, target, minor, *, is_queued=False):
    """The verb that ``target`` means; Invalid, InvalidState or Locked when the node cannot do it now.

    ``is_queued``: what is under way has not begun.
    """
    name, state = f'Node {current["uuid"]}', current['provision_state']
    versions.require('Target', {target: versions.VERBS_FROM.get((state, target), 1)}, [target], minor)
    if current['maintenance'] and target in ('active', 'rebuild'):
        raise errors.Invalid(f'{name} is in maintenance: {current["maintenance_reason"] or "no reason given"}.')
    if (state, states.VERBS[target]) not in (states.MOVES | states.QUEUED_MOVES if is_queued else states.MOVES):
        nodes.refuse_locked(current)
        raise errors.InvalidState(f'{name} is "{state}": "{target}" is not possible; possible now: '
                                  f'{", ".join(states.verbs(state)) or "nothing"}.')
    if target == 'provide' and current['retired']:
        raise errors.Invalid(f'{name} is retired and cannot become available.')
    return _SAME.get(target, target)


def arguments(body, verb, minor):
    """The checked arguments of ``verb``, as the conductor takes them."""
    given = {name: value for name, value in body.items() if name != 'target' and value is not None}
    for name in given:
        if verb not in _TAKEN_BY[name]:
            raise errors.Invalid(f'{name} goes with {" and ".join(_TAKEN_BY[name])} only.')
    if 'configdrive' in given:
        _check_configdrive(given['configdrive'], verb, minor)
    for name in _STEPS.keys() & given.keys():
        _check_steps(name, given[name])
    _check_needed(given, verb)
    return given


def _check_needed(given, verb):
    if verb in ('clean', 'service') and len({f'{verb}_steps', 'runbook'} & given.keys()) != 1:
        raise errors.Invalid(f'{verb} needs {verb}_steps or a runbook, and not both.')
    if verb == 'rescue' and 'rescue_password' not in given:
        raise errors.Invalid('rescue needs rescue_password.')


def _check_configdrive(drive, verb, minor):
    if verb == 'rebuild':
        versions.require('Argument', {'configdrive with rebuild': 35}, ['configdrive with rebuild'], minor, kind=errors.Invalid)
    if isinstance(drive, dict):
        unknown = drive.keys() - _CONFIGDRIVE.keys()
        if unknown or not drive:
            raise errors.Invalid(f'A configdrive object has {", ".join(_CONFIGDRIVE)}, at least one of them.')
        versions.require('Member of configdrive', _CONFIGDRIVE, drive, minor, kind=errors.Invalid)
    elif not isinstance(drive, str) or not (drive.startswith(('http://', 'https://')) or _is_base64(drive)):
        raise errors.Invalid('configdrive must be the base64 of a gzipped ISO 9660 image, a URL, or an object.')


def _is_base64(text):
    try:
        return base64.b64decode(''.join(text.split()), validate=True) != b''
    except (binascii.Error, ValueError):
        return False


def _check_steps(name, steps):
    needed, more = _STEPS[name]
    is_list = isinstance(steps, list) and bool(steps or name == 'deploy_steps')
    if not is_list or not all(isinstance(step, dict) and needed <= step.keys() <= needed | more for step in steps):
        also = f' (and {", ".join(sorted(more))})' if more else ''
        raise errors.Invalid(f'{name} must be a list of objects with {", ".join(sorted(needed))}{also}.')
    for step in steps:
        wrong = [member for member, kind in _KINDS.items() if not isinstance(step.get(member, kind()), kind)]
        if wrong or not all(isinstance(ident, str) for ident in step.get('limit_child_node_execution', ())):
            raise errors.Invalid(f'{name}: interface and step must be strings, args an object, execute_on_child_nodes true or '
                                 'false, limit_child_node_execution a list of nodes.')
