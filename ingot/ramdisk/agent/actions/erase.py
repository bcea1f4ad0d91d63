"""Erase what makes disks look used: on all of the machine's disks, or on the root disk only."""

from .. import disks, hints
from ..block import Device
from ..errors import AgentError
from ..wipe import wipe

NAME = 'erase metadata'


def run(action, job):
    """``root_device``: hints for one disk, or null for every disk. The names of the disks go into the report."""
    found = disks.discover(job.machine)
    if action.get('root_device') is not None:
        found = [hints.choose(found, action['root_device'], 0)]
    for disk in found:
        job.check()
        erase(job, disk)
    return {'erased': [disk.name for disk in found]}


def erase(job, disk):
    """Wipe one disk; AgentError disk-error names it."""
    job.log(f'erasing metadata of {disk.name} ({disk.size} bytes, serial {disk.serial})')
    try:
        device = Device(disk.name, is_writable=True)
        wipe(device, disks.partitions(job.machine, disk.name.rpartition('/')[2]), job.check)
        device.forget_partitions()
        device.close()
    except OSError as error:
        raise AgentError('disk-error', f'{disk.name} (serial {disk.serial}) cannot be erased: {error}.',
                         'Replace the disk, or look what uses it.') from error
