"""The actions of a plan on a counted disk, as the real agent carries them out: the same checks, events and results.

An action is a generator: what it yields are seconds to wait, what it returns joins the report. It raises AgentError.
"""

import math

from ingot.ramdisk.agent import hints
from ingot.ramdisk.agent.actions import configdrive, devices, erase, inventory, write
from ingot.ramdisk.agent.errors import AgentError

#: So often a write is told of while it lasts.
_PARTS = 4


class Bench:
    """What an action works on: the machine's disk, its mood, and ``tell(kind, data)`` for events.

    ``data`` is what earlier actions found out; ``seconds`` is how long the writing of an image takes;
    ``strike(fault)`` is called when the machine itself is hit: it dies, reboots, or its clock leaps.
    """

    def __init__(self, machine, mood, data, tell, strike, seconds):
        self.machine, self.mood, self.data = machine, mood, data
        self.tell, self.strike, self.seconds = tell, strike, seconds

    def trouble(self, action):
        """What happens in the middle of ``action``."""
        for fault in ('dies', 'reboots', 'leap'):
            if self.mood.strikes(fault, action):
                self.strike(fault)
                yield 0
        if self.mood.strikes('stuck', action):
            yield math.inf
        if self.mood.strikes('disk', action):
            disk = self.machine.disk.describe()
            raise AgentError('disk-error', f'{disk.name} (model {disk.model}, serial {disk.serial}) failed.',
                             'Replace the disk or its cable.')


def run_inventory(action, bench):
    yield from bench.trouble(inventory.NAME)
    return {'inventory': bench.machine.describe()}


def run_devices(action, bench):
    """With a fault, what was promised first is gone, or has lost half of its lanes."""
    there = {one['address']: dict(one) for one in bench.machine.describe()['pci_devices']}
    first = there.get(action['devices'][0]['address'])
    if first and bench.mood.has('vanished'):
        del there[first['address']]
    elif first and bench.mood.has('narrow'):
        first['link_width'] = (first['link_width'] or 0) // 2
    yield from bench.trouble(devices.NAME)
    devices.check(action['devices'], there.get, lambda text: bench.tell('log', {'level': 'info', 'text': text}))
    return {}


def run_erase(action, bench):
    disk = bench.machine.disk.describe()
    if action.get('root_device') is not None:
        hints.choose([disk], action['root_device'], 0)
    bench.tell('log', {'level': 'info', 'text': f'erasing metadata of {disk.name} ({disk.size} bytes, serial {disk.serial})'})
    yield from bench.trouble(erase.NAME)
    bench.machine.disk.erase()
    return {'erased': [disk.name]}


def run_write(action, bench):
    """Half of the image, then what is to go wrong, then the other half; all of it is compared at the end."""
    image = action['image']
    write.check_manifest(image)
    disk = hints.choose([bench.machine.disk.describe()], action.get('root_device') or {}, image['size'])
    chunks, total = image['chunks'], sum(length for _, length in image['extents'])
    bench.tell('log', {'level': 'info', 'text': f'{disk.name} ({disk.size} bytes, serial {disk.serial}) becomes the root disk'})
    for part in range(1, _PARTS + 1):
        yield bench.seconds / _PARTS
        bench.machine.disk.write(chunks, len(chunks) * part // _PARTS)
        bench.tell('progress', {'phase': write.NAME, 'done': total * part // _PARTS, 'total': total,
                                'rate': int(total / max(bench.seconds, 1e-3))})
        if part == _PARTS // 2:
            yield from bench.trouble(write.NAME)
    if bench.mood.has('half'):
        bench.machine.disk.write(chunks, len(chunks) // 2)
    bench.tell('phase', {'phase': 'verify image'})
    _verify(image, disk, bench.machine.disk.content)
    return {'root_disk': disk._asdict(), 'write': {'bytes': total, 'seconds': bench.seconds}}


def _verify(image, disk, content):
    if not content.is_whole:
        offset = content.good * image['chunk_size']
        raise AgentError('checksum-mismatch', f'{disk.name} (serial {disk.serial}) gives back other bytes than were written, '
                         f'between byte {offset} and {min(offset + image["chunk_size"], image["size"])}.', 'Replace the disk.')


def run_configdrive(action, bench):
    iso = configdrive.unpack(action['iso'])
    if not bench.data.get('root_disk'):
        raise AgentError('plan-refused', 'The plan writes a config drive, but no image before it.', '')
    yield from bench.trouble(configdrive.NAME)
    bench.machine.disk.add_configdrive(len(iso))
    return {'configdrive': {'offset': bench.machine.disk.describe().size - len(iso), 'size': len(iso)}}


#: Name in the plan -> its generator function (action, bench).
ACTIONS = {inventory.NAME: run_inventory, devices.NAME: run_devices, erase.NAME: run_erase, write.NAME: run_write,
           configdrive.NAME: run_configdrive}
