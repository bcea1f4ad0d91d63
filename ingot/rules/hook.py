"""Inspection hooks: what can be done with any inventory before the rules of operators see it. Named as Ironic's; pure.

What Ironic's hooks "architecture" and "memory" do is done always, and a port for the card that the machine booted from is made
always.
"""

import collections
import dataclasses
import ipaddress
import re

from ingot import errors
from ingot.rules import action, lldp

_GIB = 2 ** 30
_MAC = re.compile(r'[0-9a-f]{2}(?::[0-9a-f]{2}){5}')
_WHOLE = re.compile(r'-?\d{1,18}', re.ASCII)
_CPU_FLAGS = {'vmx': 'cpu_vt', 'svm': 'cpu_vt', 'aes': 'cpu_aes', 'pse': 'cpu_hugepages', 'pdpe1gb': 'cpu_hugepages_1g',
              'smx': 'cpu_txt'}
#: First digits of a PCI class (PCI Code and ID Assignment) -> what kind of accelerator it is.
_ACCELERATORS = {'0302': 'GPU', '0300': 'GPU', '12': 'FPGA'}
#: Vendors whose display controllers compute as well: all others only draw the console.
_GPU_VENDORS = frozenset({'10de', '1002'})
#: Member of a port's local_link_connection -> what LLDP calls it.
_LINK = {'switch_id': 'switch_chassis_id', 'port_id': 'switch_port_id', 'switch_info': 'switch_system_name'}
_NEW_PORT = {'uuid': None, 'extra': {}, 'local_link_connection': {}, 'pxe_enabled': True, 'is_smartnic': False,
             'physical_network': None, 'description': None, 'vendor': None, 'category': None}


def new_port(mac, *, is_booted=True):
    """A port that inspection is about to make."""
    return {**_NEW_PORT, 'extra': {}, 'local_link_connection': {}, 'address': mac.lower(), 'pxe_enabled': is_booted}


@dataclasses.dataclass(frozen=True)
class Background:
    """What hooks know beside the inventory.

    ``subnets``: [(ip_network, physical network)]; ``aliases``: {(vendor, product): name}, lower case; ``former``: the inventory
    of the inspection before, or None.
    """

    subnets: list = ()
    aliases: dict = dataclasses.field(default_factory=dict)
    former: dict | None = None


NO_BACKGROUND = Background()


def run(names, draft, inventory, background=NO_BACKGROUND):
    """Let the hooks ``names`` change ``draft`` (action.Draft), one after the other. HardwareFailure of one that says no."""
    for name in names:
        HOOKS[name](draft, inventory, background)


def fail_on_error(draft, inventory, background):
    if draft.plugin_data.get('error'):
        raise errors.HardwareFailure(f'The ramdisk reports: {str(draft.plugin_data["error"])[:1000]}')


def validate_interfaces(draft, inventory, background):
    """``all_interfaces`` and ``valid_interfaces`` (those with a MAC address) by name; without one of those it has failed."""
    booted = _booted(inventory)
    known = {card['name']: card | {'pxe_enabled': _mac(card) == booted} for card in _cards(inventory)}
    valid = {name: card for name, card in known.items() if _mac(card)}
    if not valid:
        raise errors.HardwareFailure(f'No network card has a MAC address; cards: {", ".join(sorted(known))[:500] or "none"}.')
    draft.plugin_data |= {'all_interfaces': known, 'valid_interfaces': valid}


def add_ports(draft, inventory, background):
    """A port for each card with a MAC address; only the one that the machine booted from may boot."""
    booted, there = _booted(inventory), {port['address'] for port in draft.ports}
    macs = dict.fromkeys(mac for mac in map(_mac, _cards(inventory)) if mac and mac not in there)
    draft.ports += [new_port(mac, is_booted=mac == booted) for mac in macs]


def tell_boot_mode(draft, inventory, background):
    mode = _inner(inventory, 'boot').get('current_boot_mode')
    if mode in ('bios', 'uefi'):
        action.set_capability(draft, 'boot_mode', mode)


def tell_cpu_capabilities(draft, inventory, background):
    flags = _inner(inventory, 'cpu').get('flags')
    for flag in flags if isinstance(flags, list) else ():
        if isinstance(flag, str) and flag in _CPU_FLAGS:
            action.set_capability(draft, _CPU_FLAGS[flag], 'true')


def tell_accelerators(draft, inventory, background):
    """properties/accelerators: what computes beside the processors."""
    devices = _devices(draft, inventory)
    found = [{'vendor_id': one.get('vendor_id'), 'device_id': one.get('product_id'), 'type': _accelerator(one),
              'pci_address': one.get('address') or one.get('bus'),
              'device_info': f'{one.get("vendor_id")}:{one.get("product_id")}'} for one in devices if _accelerator(one)]
    if found or 'accelerators' in draft.node['properties']:
        draft.node['properties']['accelerators'] = found


def parse_lldp(draft, inventory, background):
    """``parsed_lldp`` of the plugin data: what was heard at each card, by its name."""
    raw = _inner(draft.plugin_data, 'lldp_raw')
    parsed = {card['name']: told for card in _cards(inventory) if (told := lldp.parse(card.get('lldp') or raw.get(card['name'])))}
    if parsed:
        draft.plugin_data['parsed_lldp'] = parsed


def link_ports(draft, inventory, background):
    """local_link_connection of ports that have none, from what was heard: the switch by its MAC address."""
    heard = _inner(draft.plugin_data, 'parsed_lldp')
    for card in _cards(inventory):
        told = _inner(heard, card['name'])
        link = {name: told[key][:255] for name, key in _LINK.items() if isinstance(told.get(key), str)}
        if _MAC.fullmatch(link.get('switch_id', '')) and 'port_id' in link:
            for port in draft.ports:
                if port['address'] == _mac(card) and not port['local_link_connection']:
                    port['local_link_connection'] = dict(link)


def size_root_disk(draft, inventory, background):
    """properties/local_gb is what the root disk has, less 1 GiB, not the smallest disk."""
    root = draft.plugin_data.get('root_disk')
    sizes = [disk.get('size') for disk in [*_objects([root]), *(
        disk for disk in _objects(inventory.get('disks')) if disk.get('role') == 'root')]]
    sizes = [size for size in sizes if type(size) is int and size >= _GIB]
    if sizes:
        draft.node['properties']['local_gb'] = sizes[0] // _GIB - 1


def place_ports(draft, inventory, background):
    """physical_network of ports whose cards have an address in one of the subnets that the site names."""
    for card in _cards(inventory):
        name = next((name for address in _addresses(card) for subnet, name in background.subnets if address in subnet), None)
        for port in draft.ports if name else ():
            if port['address'] == _mac(card):
                port['physical_network'] = name


def count_devices(draft, inventory, background):
    """A capability for each alias: how many such devices there are; none, no capability."""
    found = collections.Counter((str(one.get('vendor_id')).lower(), str(one.get('product_id')).lower())
                                for one in _devices(draft, inventory))
    counts = collections.Counter()
    for key, name in background.aliases.items():
        counts[name] += found[key]
    for name, count in counts.items():
        action.set_capability(draft, name, count) if count else action.unset_capability(draft, name)


def find_raid_device(draft, inventory, background):
    """properties/root_device is the one disk that the inspection before had not: a RAID volume was made meanwhile."""
    if background.former is None or 'root_device' in draft.node['properties']:
        return
    fresh = _serials(inventory) - _serials(background.former)
    if len(fresh) == 1:
        draft.node['properties']['root_device'] = {'serial': fresh.pop()}


def nest_extra_hardware(draft, inventory, background):
    """``extra`` of the plugin data: {kind: {which: {name: value}}} of the lists of four that the tool hardware-detect tells."""
    data = draft.plugin_data.get('data')
    if not isinstance(data, list) or not all(isinstance(item, list) for item in data):
        return
    extra = {}
    for kind, which, name, value in (item for item in data if len(item) == 4):
        extra.setdefault(str(kind), {}).setdefault(str(which), {})[str(name)] = _number(value)
    draft.plugin_data['extra'] = extra
    del draft.plugin_data['data']


HOOKS = {'ramdisk-error': fail_on_error, 'validate-interfaces': validate_interfaces, 'ports': add_ports,
         'boot-mode': tell_boot_mode, 'cpu-capabilities': tell_cpu_capabilities, 'accelerators': tell_accelerators,
         'parse-lldp': parse_lldp, 'local-link-connection': link_ports, 'root-device': size_root_disk,
         'physical-network': place_ports, 'pci-devices': count_devices, 'raid-device': find_raid_device,
         'extra-hardware': nest_extra_hardware}


def _accelerator(device):
    code, vendor = device.get('class') if isinstance(device.get('class'), str) else '', device.get('vendor_id')
    kind = next((kind for start, kind in _ACCELERATORS.items() if code.removeprefix('0x').startswith(start)), None)
    return None if code.removeprefix('0x').startswith('0300') and vendor not in _GPU_VENDORS else kind


def _devices(draft, inventory):
    return _objects(inventory.get('pci_devices') or draft.plugin_data.get('pci_devices'))


def _addresses(card):
    """Its IP addresses."""
    for name in ('ipv4_address', 'ipv6_address'):
        try:
            yield ipaddress.ip_address(str(card.get(name)))
        except ValueError:
            continue


def _serials(inventory):
    return {disk['serial'] for disk in _objects(inventory.get('disks')) if isinstance(disk.get('serial'), str) and disk['serial']}


def _number(value):
    """``value``, as a number where it is the text of a whole one."""
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _objects(things):
    return [thing for thing in things if isinstance(thing, dict)] if isinstance(things, list) else []


def _inner(found, name):
    return found[name] if isinstance(found.get(name), dict) else {}


def _cards(inventory):
    return [card for card in _objects(inventory.get('interfaces')) if isinstance(card.get('name'), str)]


def _mac(card):
    text = card.get('mac_address')
    return text.lower() if isinstance(text, str) and _MAC.fullmatch(text.lower()) else None


def _booted(inventory):
    mac = _inner(inventory, 'boot').get('pxe_interface')
    return mac.lower() if isinstance(mac, str) else None
