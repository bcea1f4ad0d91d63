"""The inside of a simulated machine: its firmware, the ramdisk with the agent, its disk, and counts of what was done there."""

import collections
import functools
import hashlib

from ingot import board
from ingot.lab.fleet import identity, ipxe, trouble
from ingot.lab.fleet.agent import Agent
from ingot.lab.fleet.disk import Disk
from ingot.ramdisk.agent import kernel_line

#: Power states and targets as Ingot says them, and BMCs -> (does it go off, does it go on).
SWITCHES = {'power off': (True, False), 'off': (True, False), 'soft power off': (True, False), 'soft off': (True, False),
            'power on': (False, True), 'on': (False, True), 'rebooting': (True, True), 'soft rebooting': (True, True),
            'cycle': (True, True), 'reset': (True, True)}


class Computer:
    """``switch`` its power; ``counts`` then has how often what was done: (operation, 'write image', 'begun' or 'done').

    ``stage`` is off, firmware, agent, system (it booted its disk), nothing (there is none to boot), waiting or frozen.
    """

    __slots__ = ('_boot', 'counts', 'disk', 'faults', 'life', 'mac', 'mood', 'number', 'said', 'stage', 'world')

    def __init__(self, world, number, faults=()):
        self.world, self.number, self.mac, self.faults = world, number, identity.mac(number), faults
        self.disk, self.counts, self.stage, self.said = Disk(number), collections.Counter(), 'off', None
        self.life = self.mood = None
        self._boot = 0                # the number of this start: what an earlier one began has no say any more

    @property
    def is_on(self):
        return self.stage != 'off'

    def switch(self, state, device=None):
        """Do what a power button does.

        :param state: one of SWITCHES. :param device: what it is to boot from; 'disk' keeps it from the network, all others
            try the network first.
        """
        goes_off, goes_on = SWITCHES[state]
        if goes_off:
            self._end('off')
        if goes_on and not self.is_on:
            self._start(device)

    def strike(self, fault):
        """It is hit in the middle of its work."""
        if fault == 'dies':
            self._end('frozen')
        elif fault == 'reboots':
            self._end('off')
            self._start(None)
        else:
            self.life.leap(self.mood.amount('leap'))

    def describe(self):
        """Its inventory, as the agent finds it."""
        nic = {'name': 'eth0', 'mac_address': self.mac, 'ipv4_address': None, 'has_carrier': True, 'vendor': '0x1af4',
               'product': '0x1000', 'pci_address': '0000:00:03.0', 'driver': 'virtio_net', 'speed_mbps': 10000, 'lldp': None}
        return {'system_vendor': {'manufacturer': 'Ingot', 'product_name': 'Fleet machine',
                                  'serial_number': f'FLEET{self.number:07}'},
                'cpu': {'architecture': 'x86_64', 'count': 32, 'model_name': 'Fleet CPU', 'flags': ['lm', 'vmx']},
                'memory': {'total': 128 << 30, 'physical_mb': 128 << 10},
                'boot': {'current_boot_mode': 'bios', 'pxe_interface': self.mac},
                'disks': [self.disk.describe()._asdict() | {'role': 'root'}], 'interfaces': [nic],
                'pci_devices': board.devices(hashlib.sha256(f'fleet {self.number}'.encode()).digest()), 'bmc_address': None}

    # What its agent did.

    def meet(self, operation):
        self.counts[operation, 'call home', 'done'] += 1

    def begin(self, operation, action):
        self.counts[operation, action, 'begun'] += 1

    def finish(self, operation, action):
        self.counts[operation, action, 'done'] += 1

    # From the power button to the agent.

    def _start(self, device):
        self._boot += 1
        self.stage = 'firmware'
        self.counts['power on'] += 1
        if device == 'disk':
            self._later(self.world.boot_seconds, self._boot_disk)
        else:
            self._later(self.world.boot_seconds, self._netboot)

    def _later(self, seconds, function, *args):
        """Call the function then, if this start of the machine is still the last one."""
        boot = self._boot
        self.world.later(seconds, lambda: function(*args) if self._boot == boot and self.is_on else None)

    def _netboot(self):
        if self.world.lines is not None:
            self._load(self.world.lines(self.mac))
            return
        self._follow(ipxe.follow(self.world.boot_url, {'net0/mac': self.mac, 'netX/mac': self.mac}), None)

    def _follow(self, script, answer):
        """Do what the boot server's script says next."""
        try:
            wish = script.send(answer)
        except StopIteration as end:
            self._load(end.value)
        else:
            go_on = functools.partial(self._follow, script)
            if isinstance(wish, ipxe.Pause):
                self._later(wish.seconds, go_on, None)
            else:
                self.world.get(wish.url, lambda text: self._later(0, go_on, text), is_whole=not wish.is_file)

    def _load(self, text):
        """Start what was netbooted: the agent, or without it what is on the disk."""
        if not text:
            self._boot_disk()
            return
        line = kernel_line.parse(text)
        self.counts['ramdisk'] += 1
        self.mood = trouble.Mood(self.faults, self.world.seed, self.number, self.counts['ramdisk'])
        self.stage, self.life = 'agent', Agent(self.world, self, line, self.mood, self._ended)
        self.life.begin()

    def _boot_disk(self):
        content = self.disk.content
        self.stage = 'system' if content is not None and content.is_whole else 'nothing'
        self.counts[self.stage] += 1

    def _ended(self, then):
        """The agent's last deed."""
        if then == 'wait':
            self.stage = 'waiting'
            return
        self._end('off')
        if then == 'reboot':
            self._start(None)
        else:
            self.world.tell(self.number, 'power off')

    def _end(self, stage):
        if self.life:
            self.life.kill()
        self.life, self.stage = None, stage
        self._boot += 1
