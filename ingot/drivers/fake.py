"""Fake machines that really behave: the driver of tests, demonstrations and benchmarks, without any hardware.

All interfaces share one ``World``. ``driver_info['fake']`` makes a method misbehave, by "interface.method":

    {"power.set": {"fail": "message", "code": "bmc-refused", "times": 2}}     raises HardwareFailure, twice
    {"power.set": {"hang": true}}               blocks until World.release(), or DeadlineExceeded after its timeout
    {"deploy.fetch": {"delay": 3}}              seconds, before the work
    {"power.state": {"lie": "power on"}}        says so and does nothing
    {"deploy.machine_report": {"silent": true}} nothing is done or reported: somebody else plays the machine's agent

``times`` limits how often (delay, hang, fail, lie and silent are counted together).

    {"pci_devices": {"0000:17:00.0": null, "0000:3b:00.0": {"link_width": 8}}}
                                                what the machine tells of its PCI devices: one is gone, another one narrower
"""

import collections
import dataclasses
import functools
import hashlib
import uuid

from ingot import board, concurrency, errors, fence, states
from ingot.drivers import base

_MISBEHAVE = {'fake': 'Misbehaviour, an object by "interface.method" with fail, code, times, delay, hang, lie, silent; '
                      '"pci_devices": an object by address with what differs there, or null.'}
_SIZE = 1 << 20      # bytes of a fake image


@dataclasses.dataclass
class FakeMachine:
    """One machine, and what belongs to it on Ingot's side: all that a test can look at."""

    uuid: str
    power: str = states.POWER_OFF
    boot_device: str = 'disk'
    is_persistent: bool = True
    booted_from: str | None = None                                  # the device of the last power-on
    macs: set = dataclasses.field(default_factory=set)              # those that a boot record was published for, ever
    held: dict = dataclasses.field(default_factory=dict)            # operation -> base.Image
    exports: dict = dataclasses.field(default_factory=dict)         # operation -> (base.Export, checksum)
    disk: str | None = None                                         # checksum of the image on the disk
    writes: int = 0                                                 # how often an image was written
    configdrive: str | None = None                                  # as in the plan
    reports: dict = dataclasses.field(default_factory=dict)         # operation -> report, of this boot
    bios: dict = dataclasses.field(default_factory=dict)            # settings that were changed
    firmware: dict = dataclasses.field(default_factory=dict)        # component -> version that was flashed
    media: dict = dataclasses.field(default_factory=dict)           # device type -> URL of what is in it
    indicators: dict = dataclasses.field(default_factory=dict)      # (component, name) -> state
    has_console: bool = False
    rescued: str | None = None                                      # hash of the password of the rescue system
    interrupts: int = 0                                             # NMIs

    def press(self, target):
        """Power on, off or cycle it; a power-on boots from the device that is set."""
        if target in (states.REBOOT, states.SOFT_REBOOT) or states.POWER_RESULT[target] == states.POWER_OFF:
            self.power = states.POWER_OFF
        if states.POWER_RESULT[target] == states.POWER_ON and self.power == states.POWER_OFF:
            self.power, self.booted_from, self.reports = states.POWER_ON, self.boot_device, {}
            if not self.is_persistent:
                self.boot_device, self.is_persistent = 'disk', True


class World:
    """All fake machines of a process, the boot records of their MACs and the calls that were made.

    ``before`` and ``after`` are called as ``(interface, method, node)`` around the work of each method and may raise
    anything: a BaseException stands for the death of the conductor.
    """

    def __init__(self, conf=None):
        self.machines = {}
        self.records = {}                                 # MAC -> (node uuid, base.BootFiles)
        self.calls = collections.deque(maxlen=10_000)     # (interface, method, node uuid), the oldest first
        self.before = self.after = None
        self._misbehaved = collections.Counter()
        self._lock = concurrency.Lock()
        self._released = concurrency.Event()

    def machine(self, uuid):
        """The FakeMachine of a node; made, switched off, when it is new."""
        return self.machines.setdefault(uuid, FakeMachine(uuid))

    def of(self, node):
        """As ``machine``; a new one has the power state that the node's row remembers (we may have been restarted)."""
        if node['uuid'] not in self.machines and node.get('power_state') == states.POWER_ON:
            self.machines.setdefault(node['uuid'], FakeMachine(node['uuid'], power=states.POWER_ON))
        return self.machine(node['uuid'])

    def macs(self, uuid):
        """MACs of a node that have a boot record now."""
        return [mac for mac, (owner, _) in list(self.records.items()) if owner == uuid]

    def is_published(self, machine):
        """Whether a FakeMachine finds a boot record."""
        return any(self.records.get(mac, (None,))[0] == machine.uuid for mac in machine.macs)

    def leftovers(self, uuid):
        """What a clean slate must not have, as phrases; an empty list when all is put away."""
        machine = self.machine(uuid)
        return [*(f'boot record of {mac}' for mac in self.macs(uuid)),
                *(f'export of {operation}' for operation in machine.exports),
                *(f'image held for {operation}' for operation in machine.held),
                *(['power on'] if machine.power == states.POWER_ON else [])]

    def release(self):
        """Let all calls go on that hang now; later ones hang again."""
        released, self._released = self._released, concurrency.Event()
        released.set()

    def misbehaviour(self, node, name):
        """What ``node`` is told to do wrong in the method ``name`` this time; {} for nothing."""
        wish = _wishes(node).get(name) or {}
        if 'times' not in wish:
            return wish
        with self._lock:
            self._misbehaved[node['uuid'], name] += 1
            return wish if self._misbehaved[node['uuid'], name] <= wish['times'] else {}

    def hang(self, node, name, seconds):
        """Block until ``release``; DeadlineExceeded after ``seconds`` (None: no limit)."""
        if not self._released.wait(seconds):
            raise errors.DeadlineExceeded(f'Node {node["uuid"]}: {name} did not end within {seconds} s.')


def behaves(method):
    """Make ``method(self, node, ...)`` of an interface log its call, run the hooks and obey driver_info['fake']."""
    name = method.__name__

    @functools.wraps(method)
    def behave(self, node, *args, **kwargs):
        world, full = self.world, f'{self.kind}.{name}'
        world.calls.append((self.kind, name, node['uuid']))
        if world.before:
            world.before(self.kind, name, node)
        wish = world.misbehaviour(node, full)
        if wish.get('delay'):
            concurrency.Event().wait(wish['delay'])
        if wish.get('hang'):
            world.hang(node, full, args[1] if full == 'power.set' and len(args) > 1 else kwargs.get('timeout'))
        if wish.get('fail'):
            error = errors.HardwareFailure(f'Node {node["uuid"]}: {wish["fail"]}')
            error.code = wish.get('code', error.code)
            raise error
        fence.check()
        pretends = 'lie' in wish or wish.get('silent')
        result = wish.get('lie') if pretends else method(self, node, *args, **kwargs)
        if world.after:
            world.after(self.kind, name, node)
        return result
    return behave


class FakeInterface:
    """Base of all fake interfaces."""

    kind = None

    def __init__(self, context):
        self.world = context.service(World)

    def properties(self):
        return _MISBEHAVE

    @behaves
    def validate(self, node):
        if not isinstance((node.get('driver_info') or {}).get('fake') or {}, dict):
            raise errors.InvalidParameter(f'Node {node["uuid"]}: driver_info/fake must be an object, "interface.method" '
                                          'to what goes wrong there.')
        if not _is_change_of_devices(_wishes(node).get('pci_devices')):
            raise errors.InvalidParameter(f'Node {node["uuid"]}: driver_info/fake/pci_devices must be an object, addresses to '
                                          'objects of what differs there, or to null.')


class FakePower(FakeInterface):
    kind = 'power'

    @behaves
    def state(self, node):
        return self.world.of(node).power

    @behaves
    def set(self, node, target, timeout):
        if target not in self.supported(node):
            raise errors.InvalidParameter(f'Node {node["uuid"]}: no power target "{target}"; '
                                          f'possible: {", ".join(self.supported(node))}.')
        self.world.of(node).press(target)

    def supported(self, node):
        return list(states.POWER_RESULT)


class FakeManagement(FakeInterface):
    kind = 'management'

    def boot_devices(self, node):
        return ['pxe', 'disk', 'cdrom', 'bios', 'safe']

    @behaves
    def boot_device(self, node):
        machine = self.world.of(node)
        return base.BootDevice(machine.boot_device, machine.is_persistent)

    @behaves
    def set_boot_device(self, node, device, *, is_persistent=False):
        if device not in self.boot_devices(node):
            raise errors.InvalidParameter(f'Node {node["uuid"]}: no boot device "{device}"; '
                                          f'possible: {", ".join(self.boot_devices(node))}.')
        machine = self.world.of(node)
        machine.boot_device, machine.is_persistent = device, is_persistent

    @behaves
    def inject_nmi(self, node):
        self.world.of(node).interrupts += 1

    def indicators(self, node):
        """[{'component', 'name', 'readonly', 'states'}]."""
        return [{'component': 'chassis', 'name': 'led-0', 'readonly': True, 'states': ['off', 'on']},
                {'component': 'system', 'name': 'led', 'readonly': False, 'states': ['blinking', 'off', 'on']}]

    @behaves
    def indicator(self, node, component, name):
        return self.world.of(node).indicators.get((component, name), 'on' if component == 'chassis' else 'off')

    @behaves
    def set_indicator(self, node, component, name, state):
        self.world.of(node).indicators[component, name] = state

    def boot_modes(self, node):
        return ['bios', 'uefi']

    @behaves
    def set_boot_mode(self, node, mode):
        """From the next boot on."""

    @behaves
    def set_secure_boot(self, node, is_on):
        """From the next boot on."""

    @behaves
    def media(self, node):
        return [{'device_type': kind, 'image_url': url} for kind, url in sorted(self.world.of(node).media.items())]

    @behaves
    def attach_media(self, node, device_type, image_url, image_download_source=None):
        self.world.of(node).media[device_type] = image_url

    @behaves
    def detach_media(self, node, device_types=None):
        for kind in device_types or list(self.world.of(node).media):
            self.world.of(node).media.pop(kind, None)

    @behaves
    def bmc_info(self, node):
        return {'manufacturer': 'Ingot', 'product': 'Fake', 'firmware_version': '1.0', 'guid': node['uuid']}

    @behaves
    def sensors(self, node):
        watts = 120.0 if self.world.of(node).power == states.POWER_ON else 6.0
        return {'Temperature': {'CPU1 Temp': {'value': 41.0, 'units': 'degrees C', 'health': 'ok'}},
                'Power': {'PSU1 Input': {'value': watts, 'units': 'Watts', 'health': 'ok'}}}


class FakeBoot(FakeInterface):
    kind = 'boot'
    needs_ports = False       # a machine without a card has a record under its uuid

    @behaves
    def publish(self, node, macs, files):
        names = [mac.lower() for mac in macs or [node['uuid']]]
        self.world.of(node).macs.update(names)
        self.world.records.update((name, (node['uuid'], files)) for name in names)

    @behaves
    def withdraw(self, node, macs):
        for mac in macs or [node['uuid']]:
            self.world.records.pop(mac.lower(), None)

    def published(self):
        return [mac for mac in list(self.world.records) if ':' in mac]


class FakeDeploy(FakeInterface):
    """Any image_source is good, also none: its name stands for the bytes of the image."""

    kind = 'deploy'

    @behaves
    def fetch(self, node, operation):
        source = (node.get('instance_info') or {}).get('image_source') or ''
        digest = hashlib.sha256(source.encode()).hexdigest()
        manifest = base.Manifest(_SIZE, 4 << 20, [(0, _SIZE)], [digest])
        image = base.Image(f'/fake/{digest}', f'sha256:{digest}', manifest)
        return self.world.of(node).held.setdefault(operation, image)

    @behaves
    def release(self, node, operation):
        self.world.of(node).held.pop(operation, None)

    @behaves
    def export(self, node, operation, image):
        export = base.Export('192.0.2.1', 3260, f'iqn.2026-11.fake:{operation}', 1, operation, f'fake-{operation}'[:16])
        return self.world.of(node).exports.setdefault(operation, (export, image.checksum))[0]

    @behaves
    def withdraw(self, node, operation):
        self.world.of(node).exports.pop(operation, None)

    def has_export(self, node, operation):
        return operation in self.world.of(node).exports

    def exported(self):
        return [operation for machine in list(self.world.machines.values()) for operation in list(machine.exports)]

    @behaves
    def machine_report(self, node, plan):
        """The agent's work: the same report again for the same boot; a failed report when the machine cannot have booted."""
        machine = self.world.of(node)
        if plan['operation'] not in machine.reports:
            problem = self._problem(machine, plan)
            if problem:
                return _failed(*problem)
            machine.reports[plan['operation']] = self._carry_out(node, machine, plan)
            if plan.get('then') in ('power off', 'reboot'):
                reports = machine.reports
                machine.press({'power off': states.POWER_OFF, 'reboot': states.REBOOT}[plan['then']])
                machine.reports = reports
        return machine.reports[plan['operation']]

    def _problem(self, machine, plan):
        """(code, sentence) of what keeps the ramdisk from its work, or None."""
        if machine.power != states.POWER_ON:
            return 'internal', 'The machine is off.'
        if machine.booted_from != 'pxe':
            return 'internal', f'The machine booted from {machine.booted_from}, not from the network.'
        if not self.world.is_published(machine):
            return 'internal', 'No boot record is published for the machine.'
        targets = [action['target']['iqn'] for action in plan['actions'] if action['action'] == 'write image']
        missing = [iqn for iqn in targets if iqn not in (export.iqn for export, _ in machine.exports.values())]
        return ('iscsi-refused', f'No target {missing[0]}.') if missing else None

    def _carry_out(self, node, machine, plan):
        data = {'timings': {action['action']: 0.0 for action in plan['actions']}}
        for action in plan['actions']:
            if action['action'] == 'inventory':
                data['inventory'] = inventory(node)
            elif action['action'] == 'verify devices':
                breaches = list(_breaches(node, action['devices']))
                if breaches:
                    return _failed('devices-differ', f'PCI devices differ: {breaches}.', devices=breaches)
            elif action['action'] == 'erase metadata':
                machine.disk = machine.configdrive = None
            elif action['action'] == 'write image':
                machine.disk = next(checksum for export, checksum in machine.exports.values()
                                    if export.iqn == action['target']['iqn'])
                machine.writes, machine.configdrive = machine.writes + 1, None
                data['root_disk'] = inventory(node)['disks'][0]
            elif action['action'] == 'write configdrive':
                machine.configdrive = action['iso']
            else:
                return _failed('plan-refused', f'Unknown action "{action["action"]}".')
        return {'seq': 1, 'result': 'done', 'data': data}


class FakeInspect(FakeInterface):
    kind = 'inspect'
    needs_agent = False

    @behaves
    def inventory(self, node):
        return inventory(node)


class FakeOther(FakeInterface):
    """An interface of a ``kind`` that has nothing to do yet."""

    def __init__(self, context, kind):
        super().__init__(context)
        self.kind = kind


def _failed(code, message, **details):
    return {'seq': 1, 'result': 'failed', 'data': {},
            'error': {'code': code, 'action': None, 'message': message, 'remedy': None, **details}}


def _breaches(node, promised):
    """Which promised devices the machine does not have, or with fewer lanes: as docs/agent-protocol.md tells them."""
    there = {one['address']: one for one in inventory(node)['pci_devices']}
    for device in promised:
        found = there.get(device['address'])
        if found is None:
            yield {'address': device['address'], 'problem': 'missing', 'found': None,
                   'promised': f'{device["vendor_id"]}:{device["product_id"]}'}
        elif (found['link_width'] or 0) < (device['link_width'] or 0):
            yield {'address': device['address'], 'problem': 'narrow', 'found': found['link_width'] or 0,
                   'promised': device['link_width']}


def _wishes(node):
    wishes = (node.get('driver_info') or {}).get('fake')
    return wishes if isinstance(wishes, dict) else {}


def _is_change_of_devices(wish):
    return wish is None or (isinstance(wish, dict) and all(isinstance(one, dict | None) for one in wish.values()))


def inventory(node):
    """A plausible inventory, always the same for a node (but for the changes in driver_info/fake/pci_devices); sizes in bytes."""
    seed = hashlib.sha256(node['uuid'].encode()).digest()
    mac = '52:54:00:' + ':'.join(f'{byte:02x}' for byte in seed[:3])
    nic = {'name': 'eth0', 'mac_address': mac, 'ipv4_address': None, 'has_carrier': True, 'vendor': '0x1af4',
           'product': '0x1000', 'pci_address': '0000:00:03.0', 'driver': 'virtio_net', 'speed_mbps': 10000, 'lldp': None}
    disk = {'name': '/dev/sda', 'size': 480 << 30, 'model': 'Fake Disk', 'serial': seed[3:9].hex(),
            'wwn': '0x5' + seed[9:16].hex(), 'vendor': 'INGOT', 'rotational': False, 'hctl': '0:0:0:0', 'by_path': None,
            'role': 'root'}
    changes = _wishes(node).get('pci_devices')
    return {'system_vendor': {'manufacturer': 'Ingot', 'product_name': 'Fake machine',
                              'serial_number': str(uuid.UUID(bytes=seed[:16]))},
            'cpu': {'architecture': 'x86_64', 'count': 32, 'model_name': 'Fake CPU', 'flags': ['lm', 'vmx']},
            'memory': {'total': 128 << 30, 'physical_mb': 128 << 10},
            'boot': {'current_boot_mode': node.get('boot_mode') or 'bios', 'pxe_interface': mac},
            'disks': [disk], 'interfaces': [nic],
            'pci_devices': board.altered(board.devices(seed), changes if _is_change_of_devices(changes) and changes else {}),
            'bmc_address': '192.0.2.9'}
