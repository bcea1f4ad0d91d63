"""Runbooks: steps under a name, for cleaning and service."""

from ingot.db import models
from ingot.db.store import Store

STORE = Store('runbook', models.runbooks, named=True)
