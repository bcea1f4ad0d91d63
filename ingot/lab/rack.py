"""A virtual rack: a folder, a process in the background that owns machines and BMCs, and the words to it.

    FOLDER/rack.json      what is there and how to reach it (mode 0600: it has the BMCs' passwords)
    FOLDER/lab.log        what the process says
    FOLDER/control.sock   for ``status``, ``knob``, ``link`` ...
    FOLDER/NAME/          disk, console log and console socket of each machine

Everything dies with the process, be it by kill -9.
"""

import contextlib
import fcntl
import ipaddress
import json
import logging
import os
import pathlib
import secrets
import select
import signal
import subprocess
import sys
import uuid

from ingot import concurrency, errors
from ingot.lab import console as terminal
from ingot.lab import control, devices, qemu
from ingot.lab.accelerator import accelerator
from ingot.lab.machine import Machine
from ingot.lab.network import Namespace, User
from ingot.lab.server import BmcServer

LOG = logging.getLogger(__name__)
UP_SECONDS, DOWN_SECONDS = 60, 30
#: A process that was killed holds the rack until the last of its threads is gone.
DYING_SECONDS = 2
FIRST_BMC = ipaddress.IPv4Address('127.30.0.1')
IPMI_PORT = 623
_MODULE = 'from ingot.lab import rack; rack.run({!r})'


def up(folder, machines, *, network='namespace', boot_port=6387, namespace='ingot-lab', kernel=None):
    """Start a rack in the background and return its description (rack.json) when its BMCs answer.

    :param machines: dicts with name and, where the default does not suit, firmware ('bios', 'uefi'), memory_mib, disk_gib,
        devices (see ingot.lab.devices).
    :param network: 'namespace' (root) or 'user'. :param boot_port: where the host serves /boot.ipxe ('user' only).
    :param kernel: path of a kernel with which KVM is tried; without one the machines are emulated.
    Raises Conflict when this folder has a rack that runs, ProgramFailed with the last words of its log.
    """
    folder = pathlib.Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if not concurrency.wait_for(lambda: not _is_running(folder), DYING_SECONDS):
        raise errors.Conflict(f'A rack runs in {folder} already.', remedy='ingot lab down, or choose another folder.')
    (folder / 'rack.json').unlink(missing_ok=True)
    plan = {'network': network, 'boot_port': boot_port, 'namespace': namespace, 'kernel': kernel and str(kernel),
            'machines': [_complete(number, machine) for number, machine in enumerate(machines)]}
    _check(plan)
    _write(folder / 'plan.json', plan)
    net = _network(plan)
    net.create()
    try:
        return _start(folder, net)
    except BaseException:
        net.delete()
        raise


def _start(folder, net):
    with open(folder / 'lab.log', 'wb') as log:
        process = subprocess.Popen([*net.argv_prefix, sys.executable, '-c', _MODULE.format(str(folder))], cwd='/',
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    concurrency.wait_for(lambda: (folder / 'rack.json').exists() or process.poll() is not None, UP_SECONDS)
    if process.poll() is not None or not (folder / 'rack.json').exists():
        process.kill()
        process.wait()
        words = (folder / 'lab.log').read_text(errors='replace').strip()[-800:]
        raise errors.ProgramFailed(f'The rack in {folder} did not start: {words or f"no word in {UP_SECONDS} s"}')
    return read(folder)


def down(folder):
    """End the rack in ``folder`` with its machines and its network; fine when there is none, or half of one."""
    folder = pathlib.Path(folder).absolute()
    if _is_running(folder):
        with contextlib.suppress(ProcessLookupError, ValueError):       # it ended by itself, or had hardly begun
            _end(folder, int((folder / 'lock').read_text()))
    if (folder / 'plan.json').exists():
        _network(json.loads((folder / 'plan.json').read_text())).delete()
    for name in ('rack.json', 'control.sock', 'plan.json'):
        (folder / name).unlink(missing_ok=True)


def _end(folder, pid):
    """Ask the process of the rack to stop, kill it when it does not; returns when it is gone."""
    process = os.pidfd_open(pid)
    try:
        control.ask(folder / 'control.sock', 'stop')
    except errors.IngotError as error:
        LOG.info('The rack in %s does not answer: %s', folder, error)
    if not select.select([process], [], [], DOWN_SECONDS)[0]:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [], DOWN_SECONDS)
    os.close(process)


def read(folder):
    """The description of the rack in ``folder``; NotFound when none is up."""
    try:
        return json.loads((pathlib.Path(folder) / 'rack.json').read_text())
    except FileNotFoundError:
        raise errors.NotFound(f'There is no rack in {folder}.', remedy='ingot lab up') from None


def status(folder):
    """[{name, firmware, is_on, boot_device, is_persistent, bmc, accelerator}] of the machines; NotFound when none is up."""
    return _ask(folder, 'status')


def knob(folder, machine, name, value):
    """Turn a knob of a machine's BMC: delay, loss, slow, silent, refuse, stuck, lie, reset (see ingot.lab.bmc.Knobs)."""
    _ask(folder, 'knob', machine=machine, name=name, value=value)


def link(folder, machine, *, is_up):
    """Plug in or pull out a machine's network cable."""
    _ask(folder, 'link', machine=machine, is_up=is_up)


def pull(folder, machine, device, *, is_in=False):
    """Pull a PCI device (its name) out of a machine, or put it back in; it counts at the next power-on."""
    _ask(folder, 'pull', machine=machine, device=device, is_in=is_in)


def throttle(folder, machine, bytes_per_second):
    """Slow down what a machine writes to its disk; None: full speed."""
    _ask(folder, 'throttle', machine=machine, bytes_per_second=bytes_per_second)


def disk_fault(folder, machine, from_byte):
    """Writes of a machine at or behind this byte of its disk fail; None: they succeed again."""
    _ask(folder, 'disk_fault', machine=machine, from_byte=from_byte)


def console(folder, name):
    """Join this terminal to a machine's serial console; Ctrl-] leaves. NotFound: no such machine, or it is off."""
    for machine in read(folder)['machines']:
        if machine['name'] == name:
            return terminal.attach(machine['console_socket'])
    raise errors.NotFound(f'The rack in {folder} has no machine "{name}".')


def run(folder):
    """Be the process of the rack in ``folder``: returns when it is told to stop or gets SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(levelname)s %(message)s')
    folder = pathlib.Path(folder)
    lock = _lock(folder)                     # held as long as the process lives
    signals = concurrency.Signals(signal.SIGTERM, signal.SIGINT)
    rack = Rack(folder, json.loads((folder / 'plan.json').read_text()))
    rack.start(stop=lambda: signals.put(signal.SIGTERM))
    signals.wait()
    rack.stop()
    lock.close()         # not before: it says that we live


class Rack:
    """Machines, BMCs and the control socket of one plan, inside of the process that owns them."""

    def __init__(self, folder, plan):
        self.folder, self.plan, self.network = folder, plan, _network(plan)
        self.accelerator = accelerator(plan['kernel'])
        self.server = BmcServer('0.0.0.0', IPMI_PORT if self.network.kind == 'namespace' else 0)
        self.machines, self.bmcs = {}, {}
        for number, spec in enumerate(plan['machines']):
            machine = Machine(spec, folder / spec['name'], self.network.attach(number), self.accelerator)
            self.machines[machine.name] = machine
            self.bmcs[machine.name] = self.server.add(spec['bmc_address'], machine, spec['user'], spec['password'])

    def start(self, stop):
        """Answer BMC and control calls, then publish rack.json."""
        verbs = {
            'status': self.status,
            'stop': stop,
            'knob': lambda machine, name, value: self._find(self.bmcs, machine).turn(name, value),
            'link': lambda machine, is_up: self._find(self.machines, machine).link(is_up=is_up),
            'pull': lambda machine, device, is_in: self._find(self.machines, machine).pull(device, is_in=is_in),
            'throttle': lambda machine, bytes_per_second: self._find(self.machines, machine).throttle(bytes_per_second),
            'disk_fault': lambda machine, from_byte: self._find(self.machines, machine).disk_fault(from_byte),
        }
        self.server.start()
        control.ControlServer(self.folder / 'control.sock', verbs).start()
        _write(self.folder / 'rack.json', self.describe())

    def stop(self):
        (self.folder / 'rack.json').unlink(missing_ok=True)
        self.server.stop()
        for machine in self.machines.values():
            machine.power_off()

    def describe(self):
        """What rack.json holds."""
        net = self.network
        return {'pid': os.getpid(), 'network': net.kind, 'namespace': net.name, 'host': net.host, 'interface': net.interface,
                'argv_prefix': net.argv_prefix, 'accelerator': self.accelerator,
                'machines': [{**machine.spec, 'bmc_port': self.server.port, 'disk': str(machine.disk),
                              'console_log': str(machine.console_log), 'console_socket': str(machine.console_socket)}
                             for machine in self.machines.values()]}

    def status(self):
        return [{'name': machine.name, 'firmware': machine.spec['firmware'], 'is_on': machine.is_on, 'pid': machine.pid,
                 'boot_device': machine.boot.device, 'is_persistent': machine.boot.is_persistent,
                 'bmc': f'{machine.spec["bmc_address"]}:{self.server.port}', 'accelerator': self.accelerator}
                for machine in self.machines.values()]

    def _find(self, table, name):
        if name not in table:
            raise errors.NotFound(f'The rack has no machine "{name}"; it has: {", ".join(table)}.')
        return table[name]


def _complete(number, machine):
    """A machine's spec with the defaults, and with identity and credentials of its own."""
    return {'firmware': 'bios', 'memory_mib': 512, 'disk_gib': 4, 'devices': [], **machine,
            'mac': ':'.join(['52', '54', '00', *(f'{byte:02x}' for byte in secrets.token_bytes(3))]),
            'uuid': str(uuid.uuid4()), 'serial': f'INGOT{secrets.token_hex(5).upper()}',
            'bmc_address': str(FIRST_BMC + number), 'user': 'ingot', 'password': secrets.token_urlsafe(12)}


def _check(plan):
    names = [machine.get('name', '') for machine in plan['machines']]
    for name in names:
        if not name or not name.replace('-', '').isalnum() or names.count(name) > 1:
            raise errors.InvalidParameter(f'"{name}" cannot be the name of a machine: letters, digits and -, each name once.')
    for machine in plan['machines']:
        devices.check(machine['devices'])
        if machine['firmware'] not in qemu.FIRMWARES:
            raise errors.InvalidParameter(f'Machine {machine["name"]}: firmware "{machine["firmware"]}" is none of '
                                          f'{", ".join(qemu.FIRMWARES)}.')


def _network(plan):
    kinds = {'namespace': lambda: Namespace(plan['namespace']), 'user': lambda: User(plan['boot_port'])}
    if plan['network'] not in kinds:
        raise errors.InvalidParameter(f'Network "{plan["network"]}" is none of {", ".join(kinds)}.')
    return kinds[plan['network']]()


def _ask(folder, verb, **arguments):
    return control.ask(pathlib.Path(folder) / 'control.sock', verb, **arguments)


def _lock(folder):
    """The open lock file, locked, with our pid; Conflict when another process has it."""
    lock = open(folder / 'lock', 'a+')       # noqa: SIM115

    def is_ours():
        with contextlib.suppress(BlockingIOError):      # somebody who asks _is_running has it for a moment
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB) is None

    if not concurrency.wait_for(is_ours, 5):
        raise errors.Conflict(f'Another process owns the rack in {folder}.')
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _is_running(folder):
    """Whether a process holds the rack's lock (a dead one cannot)."""
    try:
        with open(folder / 'lock') as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _write(path, value):
    """Write JSON so that a reader sees all of it or nothing; only the owner may read it."""
    fresh = path.with_suffix('.new')
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, 'w') as file:
        json.dump(value, file, indent=2)
    os.replace(fresh, path)
