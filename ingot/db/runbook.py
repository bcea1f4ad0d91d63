"""Runbooks: steps under a name, for cleaning and service; and the steps that deploy templates give a deployment."""

import sqlalchemy as sa

from ingot import errors
from ingot.db import models, one, row
from ingot.db.store import Store

TABLE, _TEMPLATES = models.runbooks, models.deploy_templates
STORE = Store('runbook', TABLE, named=True)


def usable(database, ident, node):
    """The runbook, its steps in order, if it is for ``node``: it has the runbook's name, or one of its traits, as a trait.

    NotFound when there is none, Invalid when it is not for this node.
    """
    with database.read() as connection:
        found = one.whole(connection, TABLE, 'ident', ident)
    if found is None:
        raise STORE.missing(ident)
    book = row.parse(TABLE, found)
    if not {book['name'], *book['traits']} & set(node['traits']):
        raise errors.Invalid(f'Runbook {book["name"]} is not for node {node["uuid"]}, which has none of its traits.',
                             remedy=f'Give the node a trait: {" or ".join(book["traits"] or [book["name"]])}.')
    return {**book, 'steps': sorted(book['steps'], key=lambda step: step['order'])}


def templates(database, names):
    """The steps of the deploy templates called ``names``."""
    if not names:
        return []
    query = sa.select(_TEMPLATES.c.name, _TEMPLATES.c.steps).where(_TEMPLATES.c.name.in_(names)).order_by(_TEMPLATES.c.name)
    with database.read() as connection:
        rows = connection.execute(query).mappings().all()
    return [step for template in rows for step in row.parse(_TEMPLATES, template)['steps']]
