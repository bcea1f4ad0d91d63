"""What decisions are made by, read from the tables: nodes as plain dicts, with what a request asks about and no more.

What SQL can tell at once (state, class, owner, traits, candidates) it does; expressions, devices, places and all that follows are
the business of ``ingot.scheduler``.
"""

import collections

import orjson
import sqlalchemy as sa

from ingot.db import claim, models, stats
from ingot.scheduler import match

_NODES, _DEVICES, _PORTS = models.nodes, models.devices, models.ports
_CHASSIS, _INVENTORY = models.chassis, models.node_inventory
_COLUMNS = tuple(_NODES.c[name] for name in (*claim.STANDING, 'resource_class', 'traits', 'owner', 'lessee', 'chassis_id'))
_DEVICE_NAMES = ('node_id', 'uuid', 'extra_info', 'labels', *match.ATTRIBUTES, 'parent', 'state', 'offered', 'reserved_for',
                 'allocation_id')


def criteria(wanted):
    """[(words, condition)]: what a node must be, as far as SQL can tell, in the order in which it is told."""
    found = [('available, powered and not in maintenance', sa.and_(
                 _NODES.c.provision_state == 'available', _NODES.c.power_state.is_not(None), ~_NODES.c.maintenance)),
             ('without an instance', sa.and_(_NODES.c.instance_uuid.is_(None), ~_NODES.c.retired))]
    if wanted.get('candidate_nodes'):
        found.insert(0, ('among the candidates', _NODES.c.uuid.in_(wanted['candidate_nodes'])))
    if wanted.get('resource_class'):
        found.append((f'of resource class {wanted["resource_class"]}', _NODES.c.resource_class == wanted['resource_class']))
    if wanted.get('owner'):
        found.append((f'owned by or lent to {wanted["owner"]}', sa.or_(
            _NODES.c.owner == wanted['owner'], _NODES.c.lessee == wanted['owner'])))
    return found + [(f'with trait {trait}', _NODES.c.traits.contains(f'"{trait}"', autoescape=True))
                    for trait in wanted.get('traits') or ()]


class Needs:
    """What of a node is asked about: ``devices``, ``places`` (domains), ``attributes``, figures of ``providers``."""

    def __init__(self, *, devices=False, places=False, attributes=False, providers=()):
        self.devices, self.places, self.attributes, self.providers = devices, places, attributes, tuple(providers)


def nodes(connection, conditions, needs, *, limit=None, after=0):
    """At most ``limit`` nodes beyond the id ``after`` that meet ``conditions``, by id, as dicts for a Site.

    ``id`` of each is for the next call.
    """
    columns = [*_COLUMNS, *([_NODES.c.extra] if needs.places else [])]
    query = sa.select(*columns).where(_NODES.c.id > after, *conditions).order_by(_NODES.c.id).limit(limit)
    found = [_node(one) for one in connection.execute(query).mappings()]
    if found:
        within = _within(found, conditions, limit)
        _add(found, 'devices', _devices(connection, within) if needs.devices else {}, [])
        _add(found, 'attributes', _attributes(connection, within) if needs.attributes else {}, {})
        if needs.places:
            _add_places(connection, found, within)
        _add_figures(connection, found, needs.providers)
    return found


def _within(found, conditions, limit):
    """The condition for the ids of ``found``: a list where they are few, the conditions themselves where they are all."""
    if limit is None and len(found) > 1000:
        return sa.select(_NODES.c.id).where(*conditions)
    return [one['id'] for one in found]


def _node(one):
    words = claim.obstacle(one)
    return {'id': one['id'], 'uuid': one['uuid'], 'generation': one['generation'], 'name': one['name'],
            'resource_class': one['resource_class'], 'traits': orjson.loads(one['traits']), 'owner': one['owner'],
            'lessee': one['lessee'], 'is_free': words is None, 'reason': words, 'chassis_id': one['chassis_id'],
            'extra': orjson.loads(one['extra']) if 'extra' in one else {}, 'domains': {'node': one['uuid']}}


def _add(found, member, values, default):
    for one in found:
        one[member] = values.get(one['id'], default)


def _devices(connection, within):
    by_node = collections.defaultdict(list)
    for values in connection.execute(sa.select(*(_DEVICES.c[name] for name in _DEVICE_NAMES)).where(
            _DEVICES.c.node_id.in_(within), _DEVICES.c.state != 'removed')):
        one = dict(zip(_DEVICE_NAMES, values, strict=True))
        for name in ('extra_info', 'labels'):
            one[name] = orjson.loads(one[name]) if one[name] != '{}' else {}
        by_node[one['node_id']].append(one)
    return by_node


def _attributes(connection, within):
    return {one.node_id: orjson.loads(one.inventory) for one in connection.execute(
        sa.select(_INVENTORY.c.node_id, _INVENTORY.c.inventory).where(_INVENTORY.c.node_id.in_(within)))}


def _add_places(connection, found, within):
    """chassis: the node's; rack, zone: of the node's extra, else of its chassis'; switch: of its PXE port, else of any."""
    chassis = {one.id: (one.uuid, orjson.loads(one.extra)) for one in connection.execute(
        sa.select(_CHASSIS.c.id, _CHASSIS.c.uuid, _CHASSIS.c.extra))}
    switches = _switches(connection, within)
    for one in found:
        uuid, extra = chassis.get(one['chassis_id'], (None, {}))
        place = {'chassis': uuid, 'switch': switches.get(one['id'])}
        place |= {name: one['extra'].get(name, extra.get(name)) for name in ('rack', 'zone')}
        one['domains'] |= {name: str(value) for name, value in place.items() if value is not None}


def _switches(connection, within):
    found = {}
    query = sa.select(_PORTS.c.node_id, _PORTS.c.local_link_connection).where(
        _PORTS.c.node_id.in_(within), _PORTS.c.local_link_connection != '{}').order_by(_PORTS.c.pxe_enabled.desc(), _PORTS.c.id)
    for one in connection.execute(query):
        switch = orjson.loads(one.local_link_connection).get('switch_id')
        if switch and one.node_id not in found:
            found[one.node_id] = switch
    return found


def _add_figures(connection, found, providers):
    for provider, figures, uuids in stats.facts(connection, providers):
        for one in found:
            if not uuids or one['uuid'] in uuids:
                told = one['attributes'].get('stats', {})
                one['attributes'] = {**one['attributes'], 'stats': {**told, provider: figures}}
