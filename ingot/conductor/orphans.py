"""Searches for what ended operations left behind (an undo that failed, a conductor that died) and puts it away."""

import contextlib
import logging

from ingot import errors
from ingot.db import inventory, lease
from ingot.db import node as nodes
from ingot.db import operation as operations

log = logging.getLogger(__name__)


def search(crew):
    """Withdraw every export, boot record and hold on an image that no live operation needs."""
    for hardware in crew.drivers.hardware.values():
        for deploy in hardware.interfaces.get('deploy', {}).values():
            _exports(crew, deploy)
        for boot in hardware.interfaces.get('boot', {}).values():
            _records(crew, boot)
    for cache in _services(crew, 'holders', 'release'):
        _holds(crew, cache)


def _exports(crew, deploy):
    """Exports have the name of their operation: one that is over is not needed by anybody, now or later."""
    exported = set(deploy.exported())
    for operation in exported - operations.live(crew.database, exported).keys():
        log.warning('Export of operation %s, which is over, is withdrawn', operation)
        node = crew.node_of(operation) or {'uuid': None}
        deploy.withdraw(node, operation)
        deploy.release(node, operation)


def _records(crew, boot):
    """Boot records have the name of a card, which a new operation may need any moment: only under the node's lock."""
    published = boot.published()
    owners = inventory.owners_of(crew.database, published)
    live = set(operations.live(crew.database, nodes=owners.values()).values())
    for mac in published:
        node_uuid = owners.get(mac.lower())
        if node_uuid is None:
            boot.withdraw({'uuid': None}, [mac])
        elif node_uuid not in live:
            with contextlib.suppress(errors.Locked, errors.NotFound):
                _withdraw(crew, boot, node_uuid, mac)


def _withdraw(crew, boot, node_uuid, mac):
    node = lease.take(crew.database, node_uuid, crew.conf.host, 'orphan search', crew.conf.conductor.lease_seconds)
    try:
        if node['operation'] is None:
            log.warning('Node %s: boot record of %s, which no operation needs, is withdrawn', node_uuid, mac)
            boot.withdraw(nodes.get(crew.database, node_uuid), [mac])
    finally:
        lease.release(crew.database, node_uuid, node['lock_epoch'])


def _holds(crew, cache):
    """Holds have the name of their operation, as exports do."""
    holders = set(cache.holders())
    for operation in holders - operations.live(crew.database, holders).keys():
        log.warning('Image held for operation %s, which is over, is released', operation)
        cache.release(operation)


def trim(crew):
    """Let every service that keeps a cache bring it within its bound."""
    for cache in _services(crew, 'trim'):
        cache.trim()


def _services(crew, *methods):
    """The drivers' shared services that have all of ``methods``."""
    return [service for service in list(crew.drivers.context.services.values())
            if all(hasattr(service, method) for method in methods)]
