"""/v1/deploy_templates"""

from ingot.api import collection, versions, views
from ingot.api.types.template import CREATE_ONLY, Template, TemplateQuery
from ingot.db import template


def tree(site):
    return Templates(site, since=versions.ENDPOINTS['deploy_templates'])


class Templates(collection.Collection):
    noun, store, type, query = views.TEMPLATE, template.STORE, Template, TemplateQuery
    create_only = CREATE_ONLY
