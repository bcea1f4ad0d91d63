"""Firmware components; ``initial_version`` is the one that was there first."""

from ingot.db import models
from ingot.db.part import Parts

COMPONENTS = Parts(models.firmware_components, 'component', first=('initial_version',))
