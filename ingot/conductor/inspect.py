"""Inspection on one screen: what hardware there is, seen from the ramdisk or told by the BMC."""

from ingot import errors
from ingot.conductor import findings, inventory, plan, rules
from ingot.conductor.flow import Step
from ingot.conductor.ramdisk import (
    await_machine,
    mint_token,
    power_off,
    publish_ramdisk,
    start_ramdisk,
    stop_machine,
    validate,
    withdraw_boot,
)
from ingot.db import inventory as inventories
from ingot.db.engine import now


def write_plan(task):
    task.validate('inspect')
    look = plan.INVENTORY | {'root_device': plan.root_device(task.node), 'lldp_seconds': task.conf.inspector.lldp_seconds}
    task.note(plan=plan.build(task.node, task.operation, task.patience, [look]))


def save_inventory(task):
    """Store what the machine reported."""
    data = task.operation['report'].get('data') or {}
    _store(task, data.get('inventory') or {}, data.get('plugin_data') or {})


def ask_bmc(task):
    """Store what the driver learns without the machine's help."""
    task.validate('inspect')
    found = task.interface('inspect').inventory(task.node)
    if not found:
        raise errors.InvalidParameter(f'Node {task.uuid}: its inspect_interface cannot inspect.',
                                      remedy='Choose another one: "agent" boots the machine to look.')
    _store(task, found, {})


def _store(task, found, plugin_data):
    """The inventory whole; its short form in properties; a port for the interface that it booted from; what rules say."""
    mac = (found.get('boot') or {}).get('pxe_interface')
    review = rules.Review(task.database, task.drivers, task.node, found, plugin_data, mac, options=task.conf.inspector)

    after = {}

    def decide(row):                 # again, when a client has changed the row meanwhile
        after.clear()
        after.update(review.decide(row, {
            'properties': row['properties'] | properties(found), 'inspection_started_at': None,
            'inspection_finished_at': now(), 'last_inspected_at': now(), **boot_mode(found), **inventory.machine(found)}))
        return after

    def store(connection):
        if mac:
            inventories.ensure_port(connection, task.node, mac)
        known = findings.before(connection, task.node)
        review.store(connection, task.node)
        findings.store(task, connection, task.node | after, found, review.plugin_data, known)
    task.save(decide, also=store)


def properties(found):
    """Ironic's short form of an inventory: cpus memory_mb local_gb (of the smallest disk of 4 GiB, less 1) cpu_arch."""
    cpu, memory = found.get('cpu') or {}, found.get('memory') or {}
    sizes = [disk['size'] for disk in found.get('disks') or () if (disk.get('size') or 0) >= 4 << 30]
    short = {'cpus': cpu.get('count'), 'cpu_arch': cpu.get('architecture'), 'memory_mb': memory.get('physical_mb'),
             'local_gb': (min(sizes) >> 30) - 1 if sizes else None}
    return {key: value for key, value in short.items() if value is not None}


def boot_mode(found):
    mode = (found.get('boot') or {}).get('current_boot_mode')
    return {'boot_mode': mode} if mode in ('bios', 'uefi') else {}


INSPECT = (
    Step('validate',          validate),
    Step('write plan',        write_plan,       is_quiet=True),
    Step('publish ramdisk',   publish_ramdisk,  undo=withdraw_boot, prepare=mint_token),
    Step('start ramdisk',     start_ramdisk,    undo=power_off),
    Step('await machine',     await_machine),                            # WAIT
    Step('stop machine',      stop_machine),
    Step('save inventory',    save_inventory),
)

ASK_BMC = (
    Step('ask BMC',           ask_bmc),
)
