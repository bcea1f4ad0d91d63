"""Network cards of machines as the last inspection found them."""

from ingot.db import models
from ingot.db.found import Found

NICS = Found(models.node_nics, lambda nic: nic['address'] or nic['name'],
             ('name', 'address', 'pci_address', 'driver', 'has_carrier', 'speed', 'lldp'),
             silent=('lldp',))         # neighbours that were not heard this time may be there all the same
