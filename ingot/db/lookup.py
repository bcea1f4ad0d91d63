"""Which node a ramdisk of Ironic's kind runs on, its token, what it tells: the machine's side of an operation, as ``operation``
has it for our own agent.

The token is stored as its hash, is handed out once a boot, and is compared in constant time.
"""

import hashlib
import hmac
import ipaddress
import urllib.parse

import sqlalchemy as sa

from ingot import errors
from ingot.db import change, event, models, one, row
from ingot.db.engine import now

_NODES, _PORTS, _OPS = models.nodes, models.ports, models.operations
#: driver_internal_info of what the ramdisk has told begins with this.
_MARK = 'agent_'


def by_uuid(database, uuid):
    """The node with this uuid as a dict, or None."""
    with database.read() as connection:
        found = one.whole(connection, _NODES, 'uuid', uuid)
    return found and row.parse(_NODES, found)


def by_macs(database, macs):
    """Uuids of the nodes that have one of these cards; more than one means that ports are at the wrong node."""
    query = sa.select(_NODES.c.uuid).join(_PORTS, _PORTS.c.node_id == _NODES.c.id).where(_PORTS.c.address.in_(macs))
    with database.read() as connection:
        return set(connection.execute(query).scalars()) if macs else set()


def by_bmc(database, addresses):
    """Uuids of the nodes in "inspect wait" whose BMC has one of these addresses, as driver_info has it; no name is resolved."""
    query = sa.select(_NODES.c.uuid, _NODES.c.driver_info).where(_NODES.c.provision_state == 'inspect wait')
    wanted = {_canonical(address) for address in addresses}
    with database.read() as connection:
        nodes = [row.parse(_NODES, found) for found in connection.execute(query).mappings()]
    return {node['uuid'] for node in nodes if wanted & _addresses(node['driver_info'])}


def _addresses(driver_info):
    return {_canonical(value) for name, value in driver_info.items() if name.endswith('_address') and isinstance(value, str)}


def _canonical(text):
    """The address in ``text``, an address or a URL, in one spelling; loopback stands for many machines, so for none."""
    try:
        host = urllib.parse.urlsplit(text).hostname if '//' in text else text.strip('[]')
        address = ipaddress.ip_address(host or '')
    except ValueError:
        return text
    return None if address.is_loopback or address.is_unspecified else str(address)


def hand_out(database, uuid, token):
    """Make ``token`` the one that is valid on this node; False when one was handed out since its ramdisk was started."""
    with database.write() as connection:
        return bool(connection.execute(sa.update(_NODES).where(
            _NODES.c.uuid == uuid, _NODES.c.agent_token_hash.is_(None)).values(agent_token_hash=_digest(token))).rowcount)


def forgotten(node):
    """What changes in ``node`` when its ramdisk is about to start anew: nothing is known of the one before."""
    return {'agent_token_hash': None, 'driver_internal_info': {
        name: value for name, value in node['driver_internal_info'].items() if not name.startswith(_MARK)}}


def record(database, ident, token, told, decide):
    """Store what a heartbeat has ``told``; ``decide(node)`` raises what is wrong with it. NotFound; Invalid for a wrong token."""
    with database.write() as connection:
        missing = errors.NotFound('Resource could not be found.')
        node = change.lock(connection, _NODES, 'ident', ident, missing)
        if not hmac.compare_digest(node['agent_token_hash'] or '', _digest(token)):
            raise errors.Invalid('The agent token is missing or wrong.')
        decide(node)
        told = {f'{_MARK}last_heartbeat': now(), **told}
        change.update(connection, 'node', _NODES, node, {
            'driver_internal_info': node['driver_internal_info'] | told, 'last_heartbeat_at': now()})


def report(database, node, inventory, plugin_data):
    """Store what the ramdisk has found as the report of the inspection that waits for it; the operation's uuid.

    None when nothing waits: the report is there already, or our own agent is at work on the machine.
    """
    values = {'report': {'seq': 0, 'result': 'done', 'data': {'inventory': inventory, 'plugin_data': plugin_data}}}
    with database.write() as connection:
        done = connection.execute(sa.update(_OPS).where(
            _OPS.c.uuid == node['operation'], _OPS.c.status == 'waiting', _OPS.c.report.is_(None), _OPS.c.error.is_(None),
            _OPS.c.session_hash.is_(None)).values(row.dump(_OPS, values)))
        if not done.rowcount:
            return None
        event.add(connection, 'agent.report', node=node['uuid'], operation=node['operation'],
                  data={'result': 'done', 'error': None, 'timings': None})
    return node['operation']


def _digest(token):
    return hashlib.sha256(str(token).encode()).hexdigest()
