"""The steps that bring a machine into the ramdisk and out of it: shared by deployment, cleaning and inspection."""

from ingot import errors, states
from ingot.conductor import flow, plan
from ingot.db import lookup
from ingot.db import operation as operations


def validate(task):
    """Everything that a netboot needs is there."""
    task.validate('power', 'management', 'boot')
    if not task.macs and getattr(task.interface('boot'), 'needs_ports', True):
        raise errors.InvalidParameter(f'Node {task.uuid} has no port with pxe_enabled; nothing can netboot.',
                                      remedy='Create a port with the MAC address of its network card.')


def mint_token(task):
    """Note a new one-time token; Conflict, with the next write, when the machine has spent one already."""
    values, writes = _new_token(task)
    task.note(values, writes=writes)


def _new_token(task):
    task.token = plan.new_token()
    return lookup.forgotten, [operations.minting(task.operation['uuid'], task.token, task.conf.host)]


def publish_ramdisk(task):
    """Leave the boot record with the one-time token for all MACs of the machine."""
    task.interface('boot').publish(task.node, task.macs, plan.boot_files(task.conf, task.node, task.operation, task.token))


def withdraw_boot(task):
    task.interface('boot').withdraw(task.node, task.macs)


def start_ramdisk(task, publish=publish_ramdisk):
    """Netboot the machine; on a second attempt leave it alone if it is at work already, or else give it a new token.

    The token of the first attempt may be spent by a boot that this one ends. ``publish``: how the record is left.
    """
    if task.operation['attempt'] > 1:
        values, writes = _new_token(task)
        try:
            task.save(values, writes=writes)
        except errors.Stale:
            raise
        except errors.Conflict:
            return
        publish(task)
    boot_from(task, 'pxe', is_persistent=False)


def boot_from(task, device, *, is_persistent):
    """Switch the machine off hard and on again, to boot from ``device`` (once, or from now on)."""
    power_off(task)
    task.interface('management').set_boot_device(task.node, device, is_persistent=is_persistent)
    task.power(states.REBOOT if task.node['disable_power_off'] else states.POWER_ON)


def power_off(task):
    """Hard, without asking what runs; a machine that must never be off is left alone."""
    if not task.node['disable_power_off']:
        task.power(states.POWER_OFF)


def await_machine(task):
    """WAIT until the machine's report is there; a failed one becomes MachineFailed with the machine's own words."""
    report = task.operation['report']
    if report is None:
        report = task.interface('deploy').machine_report(task.node, task.operation['plan'])
        if report is None:
            return flow.WAIT
        task.note(report=report)
    if report['result'] != 'done':
        error = report.get('error') or {}
        raise errors.MachineFailed(f'the machine reports: {error.get("message") or error.get("code")}',
                                   remedy=error.get('remedy'))
    return None


def stop_machine(task):
    """The machine has done its part: no boot record is left, and it is off."""
    withdraw_boot(task)
    power_off(task)
