"""Disks of machines as the last inspection found them."""

from ingot.db import models
from ingot.db.found import Found

#: A disk is known by what is printed on it: the names of the kernel may be others after the next start.
DISKS = Found(models.node_disks, lambda disk: disk['serial'] or disk['wwn'] or disk['name'],
              ('name', 'size', 'serial', 'wwn', 'model', 'vendor', 'rotational', 'role', 'by_path'))
