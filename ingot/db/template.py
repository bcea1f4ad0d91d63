"""Deploy templates: steps that a deployment takes when its instance asks for the trait of that name."""

from ingot.db import models
from ingot.db.store import Store

STORE = Store('deploy template', models.deploy_templates, named=True)
