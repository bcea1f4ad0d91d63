"""Volume connectors (what a node is known by to storage) and volume targets (what it boots or mounts from there)."""

from ingot.db import models
from ingot.db.store import Store

CONNECTORS = Store('volume connector', models.volume_connectors)
TARGETS = Store('volume target', models.volume_targets)
