"""BIOS settings."""

from ingot.db import models
from ingot.db.part import Parts

SETTINGS = Parts(models.bios_settings, 'name')
