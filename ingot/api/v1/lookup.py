"""/v1/lookup, /v1/heartbeat/NODE, /v1/continue_inspection: for ramdisks of Ironic's kind, which prove nothing but a token.

Whoever asks learns only whether a node waits for a ramdisk: all refusals are the same 404, their reasons are in the log.
"""

import logging
import secrets

from ingot import errors
from ingot.api import versions, views
from ingot.api.expose import expose
from ingot.api.resource import Resource
from ingot.api.types import lookup as types
from ingot.api.v1 import agent
from ingot.db import lookup, node

log = logging.getLogger(__name__)

#: States in which a ramdisk may run on the machine.
_WORKING = frozenset({'deploying', 'wait call-back', 'cleaning', 'clean wait', 'inspecting', 'inspect wait', 'rescuing',
                      'rescue wait', 'servicing', 'service wait'})
_FIELDS = ('uuid', 'properties', 'instance_info', 'driver_internal_info')
#: What a client gets instead of a token that somebody has.
_SPENT = '******'
_CONFIG = {
    'heartbeat_timeout': 300, 'agent_token_required': True, 'agent_md5_checksum_enable': False,
    'disable_deep_image_inspection': False, 'permitted_image_formats': ['raw', 'gpt', 'qcow2', 'iso'],
    'agent_skip_bmc_detect': False, 'enable_bios_bootloader_install': True, 'tls_min_version': None, 'tls_cipher_suites': None,
    'metrics': {'backend': 'noop', 'prepend_host': False, 'prepend_uuid': False, 'prepend_host_reverse': True,
                'global_prefix': None},
    'metrics_statsd': {'statsd_host': 'localhost', 'statsd_port': 8125},
    'agent_containers': {'allow_arbitrary_containers': False, 'allowed_containers': [], 'container_steps_file': None,
                         'runner': 'podman', 'pull_options': None, 'run_options': None}}
_ANSWER = {'type': 'object', 'properties': {'node': {'type': 'object'}, 'config': {'type': 'object'}}}


class Lookup(Resource):
    """GET /v1/lookup"""

    @expose(query=types.LookupQuery, answer=_ANSWER)
    def list(self, call):
        macs, uuid = types.macs(call.query.get('addresses') or ()), call.query.get('node_uuid')
        if not macs and not uuid:
            raise errors.Invalid('A look-up needs a node_uuid, or addresses with at least one MAC address.')
        found = _one({uuid} if uuid else lookup.by_macs(self.site.database, macs), f'addresses {", ".join(macs)}')
        row = lookup.by_uuid(self.site.database, found)
        if row is None or row['provision_state'] not in _WORKING:
            raise _nothing(f'node {found} is {row["provision_state"] if row else "not there"}')
        return _shown(self.site, call, found)


class Heartbeats(Resource):
    """POST /v1/heartbeat/NODE"""

    @expose(body=types.Heartbeat, status=202)
    def call(self, call, body, ident):
        newer = [name for name in body if versions.HEARTBEAT.get(name, 1) > call.minor]
        if newer:
            raise errors.Invalid(f'Version 1.{call.minor} has no {", ".join(newer)}.')
        told = {f'agent_{name.removeprefix("agent_")}': value for name, value in body.items()
                if name not in ('agent_token', 'callback_url') and value is not None}
        if body['callback_url']:
            told['agent_url'] = body['callback_url']
        lookup.record(self.site.database, ident, body.get('agent_token') or '', told, lambda row: _check(row, body))


class Inspections(Resource):
    """POST /v1/continue_inspection"""

    @expose(query=types.InspectionQuery, body=types.inspection, status=202, answer=_ANSWER)
    def create(self, call, found):
        inventory, plugin_data = found
        if call.minor not in versions.CONTINUE_INSPECTION or (call.minor == versions.LEAST and call.query):
            raise errors.NotFound('continue_inspection needs API version 1.84.')
        row = _inspected(self.site.database, inventory, call.query.get('node_uuid'))
        operation = lookup.report(self.site.database, row, inventory, plugin_data)
        if operation is None:
            raise _nothing(f'node {row["uuid"]}: no inspection waits for a report')
        answer = {'uuid': row['uuid']} if call.minor == versions.LEAST else _shown(self.site, call, row['uuid'])
        agent.go_on(self.site, operation)
        return answer


def _inspected(database, inventory, uuid):
    """The node, in "inspect wait", that has these cards or this BMC; all that is known must agree."""
    macs = types.macs(card['mac_address'] for card in inventory['interfaces'])
    addresses = [inventory[name] for name in ('bmc_address', 'bmc_v6address') if inventory.get(name)]
    what = f'addresses {", ".join(macs)}, BMC {", ".join(addresses)}'
    known = [uuids for uuids in ({uuid} if uuid else set(), lookup.by_macs(database, macs),
                                 lookup.by_bmc(database, addresses)) if uuids]
    found = _one(set.intersection(*known) if known else set(), what)
    row = lookup.by_uuid(database, found)
    if row is None or row['provision_state'] != 'inspect wait':
        raise _nothing(f'{what}: node {found} is {row["provision_state"] if row else "not there"}')
    return row


def _check(row, body):
    """Invalid for a heartbeat that comes at a wrong time, or from another place than those before."""
    if row['provision_state'] not in _WORKING:
        raise errors.Invalid('The agent token is missing or wrong.')
    if body.get('agent_version') is None and body.get('agent_status') is None:
        raise errors.Invalid('A heartbeat needs an agent_version.')
    known = row['driver_internal_info'].get('agent_url')
    if known is not None and known != body['callback_url']:
        raise errors.Invalid('The callback_url is not the one that this ramdisk came with.')


def _one(uuids, what):
    if len(uuids) != 1:
        raise _nothing(f'{what}: {len(uuids)} nodes')
    return next(iter(uuids))


def _nothing(reason):
    log.warning('A ramdisk was turned away: %s', reason)
    return errors.NotFound('Resource could not be found.')


def _shown(site, call, uuid):
    """The node and what its ramdisk is to know; with a token, if this is the first to ask since the machine was started."""
    token = None
    if call.minor >= versions.AGENT_TOKEN:
        token = secrets.token_urlsafe(32)
        token = token if lookup.hand_out(site.database, uuid, token) else _SPENT
    view = views.view(views.NODE, _FIELDS, call.minor)
    [shown] = view.render([node.show(site.database, uuid, view.columns)], call)
    return {'node': shown, 'config': {**_CONFIG, 'agent_token': token}}
