"""The rules for changing and deleting nodes: what may be done in which state."""


from ingot import errors, states
from ingot.api import interfaces, versions
from ingot.db import clock, node

#: What removing an attribute leaves, where that is not null.
DEFAULTS = {'maintenance': False, 'protected': False, 'retired': False, 'disable_power_off': False, 'conductor_group': '',
            **{name: {} for name in ('driver_info', 'properties', 'instance_info', 'extra', 'network_data')}}

#: States on the way to somewhere in which a node may be changed all the same.
_CHANGEABLE = states.STABLE | {'deploy failed', 'inspect failed', 'inspect wait', 'clean failed', 'verifying', 'adopt failed',
                               'rescue failed', 'unrescue failed', 'service hold', 'service failed'}
_CHANGEABLE_BELOW_39 = _CHANGEABLE | {'inspecting'}
_DRIVER_CHANGEABLE = frozenset({'enroll', 'inspecting', 'inspect wait', 'manageable', 'available'})
#: What is in use is what may need protection.
_PROTECTABLE = frozenset({'active', 'rescue'})


def uuid(site, ident, call=None):
    """The uuid of the node with this uuid or name; NotFound, and Stale when the If-Match of ``call`` is of another generation."""
    found = node.show(site.database, ident, (node.TABLE.c.uuid, node.TABLE.c.generation))
    if call:
        check_generation(call, {'uuid': found[0], 'generation': found[1]})
    return found[0]


def check_generation(call, current):
    """Stale unless If-Match, if there is one, names the generation of ``current``: before what is no change of its row."""
    if call.generations is not None and current['generation'] not in call.generations:
        raise errors.Stale(f'Node {current["uuid"]} has generation {current["generation"]}, not the one in If-Match.',
                           remedy='Read it again, and decide again.')


def first_state(minor):
    """The provision state of a new node: older clients expect it ready."""
    return 'enroll' if minor >= 11 else 'available'


def check_reset(call, roots):
    """True when ?reset_interfaces is given and may be."""
    if 'reset_interfaces' not in call.query:
        return False
    versions.require('Query argument', {'reset_interfaces': 45}, ['reset_interfaces'], call.minor)
    if call.query['reset_interfaces'] and 'driver' not in roots:
        raise errors.Invalid('reset_interfaces goes together with a change of /driver only.')
    return call.query['reset_interfaces']


def check_patch(current, operations, minor):
    """Conflict while the node is on its way from one state to another."""
    changeable = _CHANGEABLE if minor >= 39 else _CHANGEABLE_BELOW_39
    is_release = current['maintenance'] and [(op, path) for op, path, _ in operations] == [('remove', ['instance_uuid'])]
    if current['provision_state'] not in changeable and not is_release:
        raise errors.Conflict(f'Node {current["uuid"]} is "{current["provision_state"]}" on its way to '
                              f'"{current["target_provision_state"]}" and cannot be changed now.',
                              remedy='Wait for the end of what runs, or abort it.')


def settle_interfaces(current, changed, offered, *, is_reset):
    """``changed`` with interfaces that fit the driver: those removed or reset get its default."""
    wanted = {name: changed.get(name, None if is_reset else current[name]) for name in interfaces.COLUMNS}
    chosen = interfaces.choose(offered, changed.get('driver', current['driver']), wanted)
    changed = {name: value for name, value in changed.items() if name not in interfaces.COLUMNS}
    return {**changed, **{name: value for name, value in chosen.items() if value != current[name]}}


def check_changes(current, changed):
    """Conflict, or Invalid, for changes that the node's state or its other attributes forbid."""
    name, state = f'Node {current["uuid"]}', current['provision_state']
    _check_instance(current, changed, name)
    drivers = sorted(column for column in changed if column == 'driver' or column in interfaces.COLUMNS)
    if drivers and state not in _DRIVER_CHANGEABLE and not current['maintenance']:
        raise errors.Conflict(f'{name}: {", ".join(drivers)} cannot change while it is "{state}".',
                              remedy='Set it to maintenance first.')
    if 'driver' in changed and current['console_enabled']:
        raise errors.Conflict(f'{name}: driver cannot change while its console is on.')
    if changed.get('protected') and state not in _PROTECTABLE:
        raise errors.Conflict(f'{name} can be protected while it is active or rescue; it is "{state}".')
    if changed.get('retired') and state == 'available':
        raise errors.Conflict(f'{name} cannot be retired while it is "available".', remedy='Move it to manageable first.')
    if (changed.get('parent_node') or '') in (current['uuid'], current['name']):
        raise errors.Invalid(f'{name} cannot be its own parent.')
    _check_reasons({**current, **changed}, changed, name)


def _check_instance(current, changed, name):
    state = current['provision_state']
    if changed.get('instance_uuid') and current['instance_uuid']:
        raise errors.Conflict(f'{name} is associated with instance {current["instance_uuid"]} already.')
    is_released = current['allocation_uuid'] and changed.get('instance_uuid', True) is None
    if is_released and state not in _DRIVER_CHANGEABLE and not current['maintenance']:
        raise errors.Conflict(f'{name} keeps the instance_uuid of its allocation while it is "{state}".',
                              remedy='Undeploy it, or set it to maintenance first.')


def _check_reasons(after, changed, name):
    for flag in ('protected', 'retired'):
        if changed.get(f'{flag}_reason') and not after[flag]:
            raise errors.Invalid(f'{name}: {flag}_reason goes together with {flag} only.')


def complete(current, changed):
    """``changed`` with what follows from it: a flag that goes takes its reason along, an instance without name gets one."""
    shown = (changed.get('instance_info') or {}).get('display_name')
    if shown and isinstance(shown, str) and not {**current, **changed}['instance_name']:
        changed = {**changed, 'instance_name': shown[:255]}
    gone = {flag for flag in ('maintenance', 'protected', 'retired') if changed.get(flag) is False}
    more = {f'{flag}_reason': None for flag in gone}
    return {**changed, **more, **({'fault': None} if 'maintenance' in gone else {})}


def check_delete(current):
    """NotPermitted, Conflict or Locked when the node may not be deleted as it is."""
    name, state = f'Node {current["uuid"]}', current['provision_state']
    if current['protected']:
        raise errors.NotPermitted(f'{name} is protected: {current["protected_reason"] or "no reason given"}.',
                                  remedy='Set protected to false first.')
    refuse_locked(current)
    if current['instance_uuid'] and not current['maintenance']:
        raise errors.Conflict(f'{name} has instance {current["instance_uuid"]}.', remedy='Undeploy it first.')
    if state not in states.DELETABLE and not current['maintenance']:
        raise errors.Conflict(f'{name} cannot be deleted while it is "{state}".', remedy='Undeploy it, or set it to maintenance.')


def refuse_locked(current):
    """Locked, with holder, purpose and age, while somebody's lease on the node lasts."""
    present = clock.time()
    if current['lock_expires_at'] > present:
        age = present - (current['locked_at'] or present)
        raise errors.Locked(f'Node {current["uuid"]} is locked by {current["lock_owner"]} for "{current["lock_purpose"]}" '
                            f'since {age:.0f} s.')
