"""What an inspection found becomes rows; what is other than at the inspection before is told, to programs and to people."""

import sqlalchemy as sa

from ingot.conductor import inventory, offers
from ingot.db import device as devices
from ingot.db import event, history, models, row
from ingot.db.difference import changes
from ingot.db.disk import DISKS
from ingot.db.nic import NICS

#: Entries of one kind that an event names; the others are counted.
_MOST = 200
_WORDS = {'pci_devices': 'PCI device', 'disks': 'disk', 'nics': 'network card', 'machine': 'value of the machine'}
#: Of so many entries people are told the names.
_NAMED = 5
#: Entry -> how people call it.
_NAMES = ('what', 'address', 'serial', 'name')


def before(connection, node):
    """The inventory of the inspection before, or None when nothing was found yet: then nothing is other than it was."""
    rows = (sa.select(table.c.id).where(table.c.node_id == node['id']).limit(1) for table in (
        devices.TABLE, DISKS.table, NICS.table))
    if not any(connection.execute(query).first() for query in rows):
        return None
    table = models.node_inventory
    text = connection.execute(sa.select(table.c.inventory).where(table.c.node_id == node['id'])).scalar()
    return row.parse(table, {'inventory': text or '{}'})['inventory']


def store(task, connection, node, found, plugin_data, known):
    """Devices, disks and network cards of ``node`` (its row as inspection leaves it), and an event of how they differ from what
    was ``known`` (see ``before``), in the transaction of the inspection."""
    told = {'pci_devices': devices.reconcile(connection, node, inventory.devices(found, plugin_data)),
            'disks': DISKS.replace(connection, node, inventory.disks(found, plugin_data)),
            'nics': NICS.replace(connection, node, inventory.nics(found, inventory.neighbours(plugin_data)))}
    devices.reserve(connection, node)
    offers.apply(task.conf, connection, node)
    if known is not None:
        told['machine'] = machine_changes(known, found)
        _tell(task, connection, node, {kind: entries for kind, entries in told.items() if entries})


def machine_changes(known, found):
    """As ``difference``, of the single values of a machine."""
    old, new = _flat(known), _flat(found)
    changed = [changes(name, {'value': old[name]}, {'value': new[name]}, ('value',)) for name in old]
    return {'changed': [change for change in changed if change]} if any(changed) else {}


def _flat(found):
    values = {'.'.join(way): _value(found, *way) for way in (
        ('cpu', 'count'), ('cpu', 'model_name'), ('memory', 'physical_mb'), ('boot', 'current_boot_mode'))}
    return values | inventory.machine(found)


def _value(found, kind, name):
    value = found[kind].get(name) if isinstance(found.get(kind), dict) else None
    return value[:255] if isinstance(value, str) else value if type(value) is int else None


def _tell(task, connection, node, told):
    if told:
        event.add(connection, 'inventory.changed', node=node['uuid'], operation=task.operation['uuid'], data={
            kind: {how: entries[:_MOST] for how, entries in those.items()} | _left_out(those) for kind, those in told.items()})
        history.record(connection, task.node, phrase(told), kind='inspection', severity='INFO', conductor=task.conf.host)


def _left_out(those):
    more = sum(max(0, len(entries) - _MOST) for entries in those.values())
    return {'left_out': more} if more else {}


def phrase(told):
    """"Inspection found: 1 PCI device removed (0000:17:00.0); 1 disk added (S1)." of what changed."""
    parts = [f'{len(entries)} {_WORDS[kind]}{"s" if len(entries) > 1 else ""} {how} ({_names(entries)})'
             for kind, those in told.items() for how, entries in those.items()]
    return f'Inspection found: {"; ".join(parts)}.'


def _names(entries):
    names = [str(next(one[name] for name in _NAMES if one.get(name)))[:80] for one in entries[:_NAMED]]
    return ', '.join(names) + (' ...' if len(entries) > _NAMED else '')
