"""Giving many nodes at once what they lack: some of them in each transaction, each changed as a client would have."""

import sqlalchemy as sa

from ingot.db import change, event, models, row

_NODES, _FOUND = models.nodes, models.node_inventory
#: Nodes of one transaction: others wait for it no longer than that takes.
_AT_ONCE = 100
_SOME = sa.select(_NODES, _FOUND.c.inventory, _FOUND.c.plugin_data).select_from(
    _NODES.outerjoin(_FOUND, _FOUND.c.node_id == _NODES.c.id)).where(
    _NODES.c.id.in_(sa.bindparam('ids', expanding=True))).order_by(_NODES.c.id)
_LOCKED = _SOME.with_for_update(of=_NODES)


def run(database, decide, *, is_dry, is_every=False):
    """Change nodes as ``decide(node, inventory, plugin_data)`` says; [(node, what it said)] of all that it was asked about.

    :param decide: returns something with ``values``, the columns that change. :param is_dry: change nothing.
    :param is_every: ask about all nodes, not only those without resource class or traits.
    """
    found = []
    for ids in _chunks(database, is_every):
        with database.read() if is_dry else database.write() as connection:
            rows = connection.execute(_SOME if is_dry else _LOCKED, {'ids': ids}).mappings().all()
            found += [_change(connection, whole, decide, is_dry) for whole in rows]
    return found


def _chunks(database, is_every):
    query = sa.select(_NODES.c.id).order_by(_NODES.c.id)
    if not is_every:
        query = query.where(sa.or_(_NODES.c.resource_class.is_(None), _NODES.c.resource_class == '', _NODES.c.traits == '[]'))
    with database.read() as connection:
        ids = connection.execute(query).scalars().all()
    return [ids[start:start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]


def _change(connection, whole, decide, is_dry):
    whole = dict(whole)
    found = row.parse(_FOUND, {name: whole.pop(name) or '{}' for name in ('inventory', 'plugin_data')})
    node = row.parse(_NODES, whole)
    outcome = decide(node, found['inventory'], found['plugin_data'])
    if outcome.values and not is_dry:
        change.update(connection, 'node', _NODES, node, outcome.values)
        event.add(connection, 'node.updated', node=node['uuid'], data={'changed': sorted(outcome.values)})
    return node, outcome
