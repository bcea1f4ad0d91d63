"""What hosts offer of their PCI devices: after an inspection, and when the operator's list has changed."""

import logging

from ingot.conductor import information
from ingot.db import device, offer

log = logging.getLogger(__name__)


def apply(conf, connection, node):
    """Hold the list that counts for ``node`` (a dict) against its devices, in the transaction of the inspection."""
    tell(node, offer.apply(connection, node, information.current(conf).of(node)))


def turn(crew):
    """Of our nodes: those whose list is another one than when it was last held against their devices."""
    wanted = information.current(crew.conf)
    for node in offer.differing(crew.database, wanted):
        if crew.is_stopping:
            return
        if crew.is_mine((node['slot'], node['conductor_group'], node['driver'])):
            with crew.database.write() as connection:
                device.reserve(connection, node)
                changed = offer.apply(connection, node, wanted.of(node))
            tell(node, changed)


def tell(node, changed):
    """Log what a node offers newly, and what it does not offer any more."""
    for what, addresses in changed.items():
        log.info('Node %s: PCI devices %s: %s', node['uuid'], what, ', '.join(addresses))
