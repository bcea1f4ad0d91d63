"""What a node's allocation was promised: the PCI devices that it has claimed, from deployment until they are given back."""

import sqlalchemy as sa

from ingot.db import event, models, row
from ingot.db.engine import now
from ingot.scheduler import device as states
from ingot.scheduler import match

_devices, _flavors = models.devices, models.pci_flavors
_CLAIMED = sa.select(_devices, models.allocations.c.uuid.label('allocation'), models.allocations.c.wanted).join(
    models.allocations, models.allocations.c.id == _devices.c.allocation_id).where(
    _devices.c.node_id == sa.bindparam('its_node')).order_by(_devices.c.address)
_USE = sa.update(_devices).where(
    _devices.c.node_id == sa.bindparam('its_node'), _devices.c.allocation_id.is_not(None), _devices.c.state == 'claimed')


def devices(database, node):
    """The claimed devices of ``node``, by address: their rows, JSON parsed, with ``allocation`` (its uuid)."""
    with database.read() as connection:
        return _claimed(connection, node['id'])


def failed(database, node, addresses):
    """{address: the id of the allocation that has it still, or None} of those devices at ``addresses`` that have failed."""
    with database.read() as connection:
        return dict(connection.execute(sa.select(_devices.c.address, _devices.c.allocation_id).where(
            _devices.c.node_id == node['id'], _devices.c.address.in_(list(addresses)), _devices.c.state == 'failed').order_by(
            _devices.c.address)).all())


def put_to_use(connection, node):
    """What was claimed is used from now on; a device that is to be drained stays so. The same again changes nothing."""
    connection.execute(_USE.values(state=states.move('claimed', 'deploy'), **_changed()), {'its_node': node['id']})


def settle(connection, node, breaches):
    """Devices that are not as promised are ``failed`` from now on, and do not count; their claims move where that is possible.

    A claim moves to a device of the same node that is free, of the same flavors and NUMA node, and no narrower; else the failed
    device keeps it, until the allocation is freed. What is failed already stays as it is: the same again changes nothing.

    :param breaches: {address: the reason in words}.
    """
    for device in _claimed(connection, node['id']):
        if device['address'] in breaches and device['state'] != 'failed':
            _fail(connection, node, device, breaches[device['address']][:1024])


def _claimed(connection, node_id):
    return [row.parse(_devices, found) for found in connection.execute(_CLAIMED, {'its_node': node_id}).mappings()]


def _fail(connection, node, device, reason):
    heir = _heir(connection, device)
    values = {'state': states.move(device['state'], 'fail'), 'state_reason': reason, **_changed()}
    if heir:
        values |= {'allocation_id': None, 'request': None}
    connection.execute(sa.update(_devices).where(_devices.c.id == device['id']).values(values))
    event.add(connection, 'device.failed', node=node['uuid'], operation=node.get('operation'), data={
        'device': device['uuid'], 'address': device['address'], 'reason': reason, 'allocation': device['allocation'],
        'moved_to': heir['address'] if heir else None})


def _heir(connection, device):
    """The device that has the claim of ``device`` now, or None. Those that are given as a unit have no heir."""
    if device['unit'] or device['state'] != 'claimed':
        return None
    wanted = _matches(connection, device)
    near = [row.parse(_devices, found) for found in connection.execute(sa.select(_devices).where(
        _devices.c.node_id == device['node_id']).order_by(_devices.c.address)).mappings()]
    for other in near:
        if states.counts(other) and _is_equal(device, other, wanted) and not _is_excluded(other, device, near) \
                and _take(connection, other, device):
            return other
    return None


def _matches(connection, device):
    """Predicates, one of each flavor that the claim may be of; [] when it cannot be told any more."""
    entries = (row.parse(models.allocations, {'wanted': device['wanted']})['wanted'] or {}).get('pci') or []
    if device['request'] is None or device['request'] >= len(entries):
        return []
    names = entries[device['request']].get('flavors') or []
    found = connection.execute(sa.select(_flavors.c.match).where(
        sa.or_(_flavors.c.name.in_(names), _flavors.c.uuid.in_(names)))).mappings()
    return [match.compiled(row.parse(_flavors, flavor)['match']) for flavor in found]


def _is_equal(device, other, wanted):
    return (any(fits(match.attributes(other)) for fits in wanted) and other['unit'] is None
            and other['numa_node'] == device['numa_node'] and other['function'] == device['function']
            and (other['link_width'] or 0) >= (device['link_width'] or 0))


def _is_excluded(other, device, near):
    """Whether somebody has the PF of this VF, or a VF of this PF."""
    return any(one['allocation_id'] is not None and one['id'] != device['id'] and (
        one['address'] == other['parent'] or one['parent'] == other['address']) for one in near)


def _take(connection, other, device):
    done = connection.execute(sa.update(_devices).where(
        _devices.c.id == other['id'], _devices.c.generation == other['generation']).values(
        state=states.move('ready', 'claim'), allocation_id=device['allocation_id'], request=device['request'], **_changed()))
    return bool(done.rowcount)


def _changed():
    return {'generation': _devices.c.generation + 1, 'updated_at': now()}
