"""PCI devices of machines as rows: what inspections find, what became of it since.

A device is known by its address. A card that is another one at the same address (vendor, product or serial number differ) is a
new row with a uuid of its own: whoever knew the old one must not find another card under its name, and nobody has enabled
the new one yet. While somebody has a claim on the old one, its row stays, as removed, and the new card is none that could be
given to anybody: it is stored by the first inspection after the claim's end.
"""

import uuid as uuids

import sqlalchemy as sa

from ingot.db import difference, models, row
from ingot.db.disk import DISKS
from ingot.db.engine import now
from ingot.db.nic import NICS
from ingot.scheduler import device
from ingot.scheduler.reserved import place, reserved

TABLE = models.devices
#: What the machine tells of a device, in the order in which it is shown.
FOUND = ('address', 'vendor_id', 'product_id', 'subsystem_vendor_id', 'subsystem_id', 'class_id', 'revision', 'driver', 'serial',
         'function', 'parent', 'numa_node', 'max_vfs', 'link_speed', 'link_width', 'max_link_speed', 'max_link_width')
#: What makes it this device and no other one; what is not known (null) contradicts nothing.
_IDENTITY = ('vendor_id', 'product_id', 'serial')
#: Its link's speed is no news: cards that have nothing to do lower it to save power (PCI Express Base 4.0, 5.4.1 and 6.18).
_NEWS = tuple(name for name in FOUND if name not in ('address', 'link_speed'))
_BRIEF = ('uuid', 'address', 'vendor_id', 'product_id', 'serial')
_GONE = 'The last inspection did not find it'
#: States of nodes on which an instance runs.
_DEPLOYED = frozenset({'active', 'rescue', 'rescue wait', 'rescuing', 'unrescuing', 'servicing', 'service wait'})


def of_node(connection, node, *, is_locked=False):
    """The devices of ``node``, removed ones too, as dicts by column, JSON parsed, by address; nobody else changes them until the
    transaction ends if ``is_locked``."""
    query = sa.select(TABLE).where(TABLE.c.node_id == node['id']).order_by(TABLE.c.address)
    query = query.with_for_update() if is_locked else query
    return [row.parse(TABLE, found) for found in connection.execute(query).mappings()]


def reconcile(connection, node, found):
    """Make the devices of ``node`` those that were ``found``, dicts of FOUND (what one does not name stays); tell what changed.

    {'added', 'removed', 'changed'}, each only where there is something: dicts of uuid, address, vendor_id, product_id, serial
    (and ``allocation``: the id of the claim on what is gone), and of "changed" {'what': address, 'before', 'after'}. To be
    called in the transaction of the inspection, which has locked the node.
    """
    known = {one['address']: one for one in of_node(connection, node, is_locked=True)}
    found = {one['address']: one for one in found}
    told = {'added': [], 'removed': [], 'changed': []}
    for address, old in known.items():
        new = found.get(address)
        if new is not None and is_same(old, new):
            _keep(connection, node, old, found.pop(address), told)
            continue
        if old['state'] != 'removed':
            told['removed'].append(_vanish(connection, old, new))
        if new is not None and old['allocation_id'] is not None:
            del found[address]
        elif new is not None:
            connection.execute(sa.delete(TABLE).where(TABLE.c.id == old['id']))
    told['added'] = sorted([*told['added'], *_add(connection, node, found.values())], key=lambda one: one['address'])
    return {kind: entries for kind, entries in told.items() if entries}


def is_same(old, new):
    """Whether ``new`` is the device ``old``, both dicts at one address."""
    return all(old[name] == new.get(name) or None in (old[name], new.get(name)) for name in _IDENTITY)


def _keep(connection, node, old, new, told):
    """What is known of a device that is there, also of one that has come back."""
    new = {name: new.get(name, old[name]) for name in FOUND} | {'serial': new.get('serial') or old['serial']}
    values = {name: value for name, value in new.items() if value != old[name]}
    changed = difference.changes(old['address'], old, new, _NEWS)
    if old['state'] == 'removed':
        event = device.back(old, is_deployed=node['provision_state'] in _DEPLOYED)
        values |= {'state': device.move('removed', event), 'removed_at': None,
                   'state_reason': None if (old['state_reason'] or '').startswith(_GONE) else old['state_reason']}
        told['added'].append({name: old[name] for name in _BRIEF})
    if changed:
        told['changed'].append(changed)
    if values:
        _change(connection, old, values)


def _vanish(connection, old, new):
    """It is not there any more; who has it, has it still, and is told. ``new`` is what is at its place."""
    reason = _GONE + (
        '.' if new is None else f', but {new.get("vendor_id")}:{new.get("product_id")}, serial number {new.get("serial")}, '
                                'at its address.')
    if old['allocation_id'] is not None:
        reason += ' Its allocation keeps it until it ends.'
    if old['state'] == 'not_ready' and old['state_reason']:         # what an operator said of it holds when it comes back
        reason = old['state_reason']
    _change(connection, old, {'state': device.move(old['state'], 'vanish'), 'state_reason': reason, 'removed_at': now()})
    claim = {} if old['allocation_id'] is None else {'allocation': old['allocation_id']}
    return {name: old[name] for name in _BRIEF} | claim


def _change(connection, old, values):
    connection.execute(sa.update(TABLE).where(TABLE.c.id == old['id']).values(
        **values, generation=TABLE.c.generation + 1, updated_at=now()))


def _add(connection, node, found):
    rows = [{name: one.get(name) for name in FOUND} | {'uuid': str(uuids.uuid4()), 'created_at': now(), 'node_id': node['id']}
            for one in found]
    if rows:
        connection.execute(sa.insert(TABLE), rows)
    return [{name: one[name] for name in _BRIEF} for one in rows]


def reserve(connection, node):
    """``reserved_for`` of each device of ``node`` becomes what the host needs it for, or null; after the disks and network cards
    of the same inspection are stored."""
    found, ports = of_node(connection, node, is_locked=True), models.ports
    macs = set(connection.execute(sa.select(ports.c.address).where(
        ports.c.node_id == node['id'], ports.c.pxe_enabled.is_(True))).scalars())
    disks = [place(disk['by_path']) for disk in DISKS.rows(connection, node['id']) if disk['role'] == 'root']
    kept = reserved(found, NICS.rows(connection, node['id']), disks, macs)
    for one in found:
        if one['reserved_for'] != kept.get(one['address']) and one['state'] != 'removed':
            _change(connection, one, {'reserved_for': kept.get(one['address'])})
