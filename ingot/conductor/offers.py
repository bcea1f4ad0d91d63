"""What hosts offer of their PCI devices: after an inspection, and when the operator's list has changed."""

import logging

from ingot.conductor import information
from ingot.db import device, offer

log = logging.getLogger(__name__)
#: All nodes are looked at each so many turns, also when the file is as it was.
_TURNS = 12


def apply(conf, connection, node):
    """Hold the list that counts for ``node`` (a dict) against its devices, in the transaction of the inspection."""
    tell(node, offer.apply(connection, node, information.current(conf).of(node)))


class Offers:
    """Holds the lists against the nodes of one conductor; ``turn`` is called again and again, by one thread."""

    def __init__(self, crew):
        self._crew, self._held, self._turns = crew, None, 0

    def turn(self):
        """Soon after the file has changed, and else now and then (nodes get other classes and names): look at all our nodes."""
        wanted = information.current(self._crew.conf)
        self._turns += 1
        if wanted is not self._held or self._turns >= _TURNS:
            self._look(wanted)
            self._held, self._turns = wanted, 0

    def _look(self, wanted):
        """Of our nodes, those whose list is another one than when it was last held against their devices."""
        for node in offer.differing(self._crew.database, wanted):
            if self._crew.is_stopping:
                return
            if self._crew.is_mine((node['slot'], node['conductor_group'], node['driver'])):
                with self._crew.database.write() as connection:
                    device.reserve(connection, node)
                    changed = offer.apply(connection, node, wanted.of(node))
                tell(node, changed)


def tell(node, changed):
    """Log what a node offers newly, and what it does not offer any more."""
    for what, addresses in changed.items():
        log.info('Node %s: PCI devices %s: %s', node['uuid'], what, ', '.join(addresses))
