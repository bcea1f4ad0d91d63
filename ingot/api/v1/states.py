"""/v1/nodes/IDENT/states, and the verbs below it: power and provision."""

from ingot import errors, states
from ingot.api import answers, nodes, provision, versions, views
from ingot.api.expose import Answer, expose
from ingot.api.resource import Resource
from ingot.api.types.hardware import Flag, Target
from ingot.api.types.node import Power, Provision
from ingot.api.v1 import console, raid
from ingot.db import node, queue

_FIELDS = ('console_enabled', 'last_error', 'power_state', 'target_power_state', 'provision_state',
           'target_provision_state', 'provision_updated_at', 'raid_config', 'target_raid_config', 'boot_mode', 'secure_boot')
_SHOWN = answers.shape(('power_state', 'provision_state'), **{name: {} for name in _FIELDS})
#: Columns that tell what may be asked for now, and of whom.
_NEEDED = (*dict.fromkeys((*node.STANDING, *node.PLACE, 'maintenance_reason', 'target_provision_state', 'disable_power_off',
                           'retired', 'operation')),)
_OFF = frozenset({'power off', 'soft power off'})


def tree(site):
    mode = versions.ENDPOINTS['boot_mode']
    return States(site, fixed={
        'power': PowerOf(site), 'provision': ProvisionOf(site), 'console': console.Console(site),
        'raid': raid.RaidOf(site),
        'boot_mode': BootModeOf(site, since=mode), 'secure_boot': SecureBootOf(site, since=mode)})


class States(Resource):

    @expose(answer=_SHOWN)
    def list(self, call, ident):
        visible = views.NODE.visible(call.minor)
        fields = [name for name in _FIELDS if name in visible]
        view = views.view(views.NODE, fields, call.minor)
        row = node.show(self.site.database, ident, view.columns)
        [document] = view.render([row], call)
        return Answer({name: document[name] for name in fields}, ETag=f'"{row[-1]}"')


class PowerOf(Resource):

    @expose(body=Power, status=202)
    def put(self, call, body, ident):
        target = body['target']
        versions.require('Power target', versions.POWER, [target], call.minor)
        versions.require('Argument', versions.ARGUMENTS, body, call.minor)
        current = _current(self.site, call, ident)
        if current['provision_state'] in ('cleaning', 'clean wait'):
            raise errors.InvalidState(f'Node {current["uuid"]} is "{current["provision_state"]}": hands off its power.')
        if current['disable_power_off'] and target in _OFF:
            raise errors.Conflict(f'Node {current["uuid"]} must not be powered off (disable_power_off).')
        self.site.conductor.power(current, target, body.get('timeout'))
        return _accepted(call, ident)


class ProvisionOf(Resource):

    @expose(body=Provision, status=202)
    def put(self, call, body, ident):
        provision.check_version(body, call.minor)
        current = _current(self.site, call, ident)
        verb = provision.check_state(current, body['target'], call.minor, is_queued=_is_queued(self.site, current))
        arguments = provision.arguments(body, verb, call.minor)
        self.site.conductor.provision(current, verb, arguments)
        return _accepted(call, ident)


class BootModeOf(Resource):

    @expose(body=Target, status=202)
    def put(self, call, body, ident):
        current = _settled(self.site, call, ident)
        self.site.conductor.order(current['uuid'], 'management', 'set_boot_mode', mode=body['target'])
        return _accepted(call, ident)


class SecureBootOf(Resource):

    @expose(body=Flag, status=202)
    def put(self, call, body, ident):
        current = _settled(self.site, call, ident)
        self.site.conductor.order(current['uuid'], 'management', 'set_secure_boot', is_on=body['target'])
        return _accepted(call, ident)


def _is_queued(site, current):
    """Whether what is under way with the node waits for its turn; asked only where that makes a difference."""
    states_of_queued = {state for state, _ in states.QUEUED_MOVES}
    return current['provision_state'] in states_of_queued and bool(current['operation']) and queue.is_queued(
        site.database, current['operation'])


def _settled(site, call, ident):
    """The node, if nothing is on its way with it."""
    current = _current(site, call, ident)
    if current['target_provision_state'] and not current['maintenance']:
        raise errors.Conflict(f'Node {current["uuid"]} is "{current["provision_state"]}" on its way to '
                              f'"{current["target_provision_state"]}": how it boots cannot change now.')
    return current


def _current(site, call, ident):
    current = node.get(site.database, ident, _NEEDED)
    nodes.check_generation(call, current)
    return current


def _accepted(call, ident):
    return Answer(None, 202, Location=f'{call.base}/v1/nodes/{ident}/states')
