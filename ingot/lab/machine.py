"""A machine made by QEMU: off, or one process that is it.

Power on is a new process and power off its end, so memory is lost as on iron. A guest that reboots ends its process too
(-no-reboot) and gets a new one, whose boot device is chosen anew: an override set meanwhile counts, a one-shot is spent.
"""

import contextlib
import logging
import pathlib
import resource
import socket
import subprocess
import uuid

from ingot import concurrency, errors
from ingot.lab import qemu
from ingot.lab.boot import BootFlags
from ingot.lab.qmp import Qmp

LOG = logging.getLogger(__name__)
START_SECONDS = 60


class Machine:
    """``spec``: dict with name, firmware ('bios' or 'uefi'), memory_mib, disk_gib, mac, uuid, serial (20 characters at most).

    ``folder`` gets its disk, firmware variables and console. ``netdev``: what QEMU's -netdev takes. It is what a BMC
    wants: ``is_on``, ``obey``, ``boot``, ``uuid``, ``serial``.
    """

    def __init__(self, spec, folder, netdev, accelerator='tcg'):
        self.spec, self.folder, self.netdev, self.accelerator = spec, pathlib.Path(folder), netdev, accelerator
        self.name, self.serial, self.uuid = spec['name'], spec['serial'], uuid.UUID(spec['uuid'])
        self.boot = BootFlags()
        self.starts = 0                   # processes begun since the machine was made
        self._faults, self._pulled = {}, set()
        self._process = self._qmp = self._keeper = None
        self._is_again = self._is_up = False
        self._power = concurrency.Lock()
        self._orders, self._clerk = concurrency.Queue(), None
        qemu.prepare(spec, self.folder)

    @property
    def is_on(self):
        """Whether QEMU runs, or did and will again at once (reset)."""
        return self._is_up and self._lives

    @property
    def _lives(self):
        return self._keeper is not None and self._keeper.is_alive()

    @property
    def pid(self):
        return self._process.pid if self._lives and self._process else None

    @property
    def console_log(self):
        return self.folder / qemu.CONSOLE_LOG

    @property
    def console_socket(self):
        return self.folder / qemu.CONSOLE_SOCKET

    @property
    def disk(self):
        return self.folder / qemu.DISK

    def obey(self, action):
        """Carry out 'on', 'off', 'cycle', 'reset' or 'soft off' in the background, one after the other."""
        if self._clerk is None:
            self._clerk = concurrency.spawn(self._work, name=f'power-{self.name}')
        self._orders.put(action)

    def _work(self):
        actions = {'on': self.power_on, 'off': self.power_off, 'cycle': self.power_cycle, 'reset': self.reset,
                   'soft off': self.soft_off}
        while True:
            action = self._orders.get()
            try:
                actions[action]()
            except errors.IngotError as error:
                LOG.error('%s: power %s failed: %s', self.name, action, error.explain())
            except Exception:
                LOG.exception('%s: power %s failed', self.name, action)

    def power_on(self, boot=None):
        """Start it, from ``boot`` ('pxe', 'disk') or from what the BMC wants; returns when QEMU runs.

        Nothing happens when it is on. HardwareFailure with QEMU's last words when it does not start.
        """
        with self._power:
            if self._lives:
                return
            started = concurrency.Future()
            self._is_again = self._is_up = False
            self._keeper = concurrency.spawn(self._live, boot or self.boot.take(), started, name=f'machine-{self.name}')
            started.result(START_SECONDS)

    def power_off(self):
        """Pull the plug; returns when the process is gone. Nothing happens when it is off."""
        with self._power:
            self._is_again = False
            while self._lives:            # a guest that reboots right now gets one more process: that is killed too
                self._kill()
                self._keeper.join(0.1)

    def power_cycle(self):
        """Off and on again."""
        self.power_off()
        self.power_on()

    def reset(self):
        """Start anew without having been off; nothing happens when it is off."""
        with self._power:
            if self.is_on:
                self._is_again = True
                self._kill()

    def soft_off(self):
        """Press the power button: the guest may shut down (ACPI). Nothing happens when it is off."""
        if self.is_on:
            self._qmp.execute('system_powerdown')

    def _kill(self):
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def _live(self, device, started):
        """From power-on to power-off, in a thread of its own: QEMU dies with the thread that started it."""
        while True:
            try:
                self._launch(device)
            except Exception as error:
                self._kill()
                self._end(started, error)
                return
            self._is_up = True
            self._end(started, None)
            reason = self._qmp.listen()
            self._process.wait()
            if not self._is_again and reason != 'guest-reset':
                LOG.info('%s: power is off (%s)', self.name, reason or 'killed')
                return
            self._is_again = False
            device = self.boot.take()

    def _end(self, started, error):
        if started.done():
            if error is not None:
                LOG.error('%s: it did not start again: %s', self.name, error)
        elif error is not None:
            started.set_exception(error)
        else:
            started.set_result(None)

    def _launch(self, device):
        """Start QEMU paused, put the faults in force, let it run. HardwareFailure with its last words."""
        LOG.info('%s: power is on, boot device %s', self.name, device or 'default')
        ours, theirs = socket.socketpair()
        with theirs, open(self.folder / qemu.LOG, 'wb') as log:
            command = qemu.command(self.spec, self.netdev, device, self.accelerator, theirs.fileno(), self._pulled)
            # restore_signals=False leaves SIGXFSZ ignored: a limit of the file size (disk_fault) must not kill QEMU
            self._process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             pass_fds=[theirs.fileno()], restore_signals=False, start_new_session=True)
        self.starts += 1
        self._qmp = Qmp(ours)
        ours.close()                      # the file in Qmp keeps it open
        if not self._qmp.greet():
            self._process.wait()
            words = (self.folder / qemu.LOG).read_text(errors='replace').strip()[-500:]
            raise errors.HardwareFailure(f'Machine {self.name} did not start: {words or "QEMU ended at once"}')
        self._qmp.converse('qmp_capabilities')
        for name in ('link', 'throttle'):
            if name in self._faults:
                command, arguments = self._faults[name]
                self._qmp.converse(command, **arguments)
        self._limit()
        self._qmp.converse('cont')

    def link(self, *, is_up):
        """Plug its network cable in, or pull it out; stays so over power cycles."""
        self._fault('link', ('set_link', {'name': 'nic0', 'up': is_up}))

    def pull(self, device, *, is_in):
        """Pull a PCI device out of its slot, or put it back in, at the next power-on; NotFound when it has none so named."""
        names = [one['name'] for one in self.spec.get('devices', ())]
        if device not in names:
            raise errors.NotFound(f'Machine {self.name} has no PCI device "{device}"; it has: {", ".join(names) or "none"}.')
        (self._pulled.discard if is_in else self._pulled.add)(device)

    def throttle(self, bytes_per_second):
        """Slow down what it writes to its disk; 0 or None: full speed. Stays so over power cycles."""
        limits = dict.fromkeys(('bps', 'bps_rd', 'iops', 'iops_rd', 'iops_wr'), 0)
        limits.update(id='/machine/peripheral/disk0/virtio-backend', bps_wr=int(bytes_per_second or 0))
        self._fault('throttle', ('block_set_io_throttle', limits))

    def disk_fault(self, from_byte):
        """What it writes at or behind this byte of its disk fails with an I/O error; None: the disk is sound again.

        Below 1 MiB it is InvalidParameter: the console log, to which the same limit applies, would end too.
        """
        if from_byte is not None and from_byte < 1 << 20:
            raise errors.InvalidParameter(f'Machine {self.name}: the disk cannot fail from byte {from_byte}; at least 1048576.')
        self._faults['disk'] = from_byte
        self._limit()

    def _limit(self):
        """The kernel's limit of the file size, set on the process that runs: QEMU gets EFBIG and tells the guest."""
        if self.pid is None:
            return
        limit = self._faults.get('disk')
        with contextlib.suppress(ProcessLookupError):     # it went off; the next start sets it
            hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY if limit is None else limit, hard))

    def _fault(self, name, command):
        self._faults[name] = command
        if self.is_on:
            try:
                self._qmp.execute(command[0], **command[1])
            except errors.HardwareFailure:
                if not concurrency.wait_for(lambda: not self.is_on, 1):       # it was switched off: for the next power-on then
                    raise
