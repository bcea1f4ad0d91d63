"""A deployment keeps the promise: the devices that the node's allocation has claimed are there, or nothing is written."""

import functools

from ingot import errors
from ingot.db import promise

CODE = 'devices-differ'          # of the agent's report
#: States in which a claimed device is its allocation's to use.
_HELD = ('claimed', 'in_use', 'draining')


def check(task):
    """InvalidState when a device of the node's allocation is away or has failed: what was promised cannot be had any more."""
    for device in _devices(task):
        if device['state'] not in _HELD:
            reason = f': {device["state_reason"]}' if device['state_reason'] else ''
            raise errors.InvalidState(
                f'Node {task.uuid}: device {device["address"]} of allocation {device["allocation"]} is '
                f'"{device["state"]}"{reason}',
                remedy='Undeploy the node, or delete the allocation, and allocate again.')


def actions(task):
    """The action of the plan that looks for the claimed devices; none where nothing is claimed."""
    found = _devices(task)
    return [{'action': 'verify devices', 'devices': list(map(_told, found))}] if found else []


def _devices(task):
    """The claimed devices; a node without an allocation, as most are, has none, and nothing is asked of the database."""
    return promise.devices(task.database, task.node) if task.node['allocation_uuid'] else []


def _told(device):
    return {**{name: device[name] for name in ('address', 'vendor_id', 'product_id', 'link_width', 'link_speed', 'parent')},
            'labels': _labels(device)}


def _labels(device):
    """Those of the host's list win over operators'."""
    return {**device['labels'], **device['extra_info']}


def settle(task):
    """Devices that the machine's report names do not count any more, and their claims move or stay to be freed.

    Raises MachineFailed with what is to be done now; returns when the report is about something else. It may run again.
    """
    error = (task.operation['report'] or {}).get('error') or {}
    breaches = error.get('devices')
    if error.get('code') != CODE or not isinstance(breaches, list):
        return
    reasons = {str(breach.get('address')): _reason(breach) for breach in breaches if isinstance(breach, dict)}
    task.save(also=functools.partial(promise.settle, node=task.node, breaches=reasons))
    failed = promise.failed(task.database, task.node, reasons)
    stuck = [address for address, allocation in failed.items() if allocation]
    if failed:
        raise errors.MachineFailed(f'the machine reports: {error.get("message")}',
                                   remedy=_STUCK.format(', '.join(stuck)) if stuck else _MOVED)


_MOVED = 'Deploy again: equal devices of this node have been claimed instead. Nothing was written to the disk.'
_STUCK = ('Undeploy the node and allocate again: {} will not be given to anybody until it is repaired. Nothing was written to '
          'the disk.')


def _reason(breach):
    return f'{breach.get("problem")}: promised {breach.get("promised")}, found {breach.get("found") or "nothing"}'


def put_to_use(task):
    """With the write that ends the deployment, claimed devices are in use."""
    if task.node['allocation_uuid']:
        task.note(also=functools.partial(promise.put_to_use, node=task.node))


def metadata(task):
    """The claimed devices as an instance's meta_data.json tells of them: the shape of OpenStack Nova's device metadata."""
    return [_described(device) for device in _devices(task)]


def _described(device):
    """``tags``: its labels, as NAME=VALUE; ``vlan`` where a label of this name is a number."""
    labels = _labels(device)
    told = {'type': _TYPES.get((device['class_id'] or '')[:2], 'other'), 'bus': 'pci', 'address': device['address'],
            'vendor_id': device['vendor_id'], 'product_id': device['product_id'],
            'tags': [f'{name}={labels[name]}' for name in sorted(labels)]}
    if str(labels.get('vlan', '')).isdigit():
        told['vlan'] = int(labels['vlan'])
    return told


#: First two digits of the class (PCI Code and ID Assignment, base class) -> type.
_TYPES = {'01': 'disk', '02': 'nic', '03': 'gpu', '12': 'accelerator'}
