"""Real boards as sysfs shows them: a compact file of ``boards/`` becomes a tree of folders, files and links.

A file has: dmi, efi, cpus {count, model}, devices, disks, root (the disk that an image would be written to), pxe (the card that
it boots from), and what is to come of it (expect). A device has its place below /sys/devices, id and sub "vendor:product", class,
rev, driver, numa, link and most ("GT/s xLANES", as negotiated and at most), vpd (serial number in its vital product data), dsn
(in its configuration space), net {name: {mac, speed, carrier}} and sriov {total, enabled, id, driver, at: the first one}.
"""

import os
import pathlib
import struct

import yaml
from agent_bench import make_machine, put

FILES = sorted(pathlib.Path(__file__).with_name('boards').glob('*.yaml'))


def load(path):
    return yaml.safe_load(path.read_text())


def build(board, folder):
    """The Machine of a board in ``folder``."""
    machine = make_machine(folder)
    root = pathlib.Path(machine.sys)
    for name, text in board['dmi'].items():
        put(root / 'class/dmi/id' / name, text)
    if board['efi']:
        put(root / 'firmware/efi/fw_platform_size', 64)
    cpus = board['cpus']
    put(pathlib.Path(machine.proc, 'cpuinfo'), f'processor\t: 0\nmodel name\t: {cpus["model"]}\n' * cpus['count'])
    put(pathlib.Path(machine.proc, 'meminfo'), 'MemTotal: 16777216 kB')
    (root / 'bus/pci/devices').mkdir(parents=True)
    for device in board['devices']:
        _add_bridges(root, device['at'])
        _add_device(root, device)
    for disk in board['disks']:
        _add_disk(root, disk)
    return machine


def functions(board):
    """The virtual functions that are on, as devices with their ``parent``."""
    for device in board['devices']:
        sriov = device.get('sriov') or {}
        for number in range(sriov.get('enabled', 0)):
            at = os.path.dirname(device['at']) + '/' + _next(sriov['at'], number)
            yield {'at': at, 'id': sriov['id'], 'sub': device['sub'], 'class': device['class'], 'rev': device['rev'],
                   'driver': sriov['driver'], 'numa': device['numa'], 'link': '0.0 x0', 'most': '0.0 x255',
                   'parent': address(device), 'number': number}


def address(device):
    return device['at'].rpartition('/')[2]


def _next(first, number):
    """The address ``number`` functions after ``first``: 8 functions a slot, 32 slots a bus."""
    domain, bus, rest = first.split(':')
    slot, function = rest.split('.')
    place = (int(bus, 16) << 8 | int(slot, 16) << 3 | int(function)) + number
    return f'{domain}:{place >> 8:02x}:{place >> 3 & 31:02x}.{place & 7}'


def _add_bridges(root, place):
    """Ports on the way to a device, as far as the file does not have them itself."""
    for way in (pathlib.PurePath(place).parents[number] for number in range(len(pathlib.PurePath(place).parents) - 1)):
        if '.' in way.name and not (root / 'bus/pci/devices' / way.name).is_symlink():
            _add_device(root, {'at': str(way), 'id': '8086:2030', 'class': '060400', 'rev': '04', 'driver': 'pcieport'})


def _add_device(root, device):
    folder, link = root / 'devices' / device['at'], root / 'bus/pci/devices' / address(device)
    vendor, product = device['id'].split(':')
    files = {'vendor': f'0x{vendor}', 'device': f'0x{product}', 'class': f'0x{device["class"]}', 'revision': f'0x{device["rev"]}',
             'numa_node': device.get('numa', -1)}
    if 'sub' in device:
        files['subsystem_vendor'], files['subsystem_device'] = (f'0x{text}' for text in device['sub'].split(':'))
    for kind, text in (('current', device.get('link')), ('max', device.get('most'))):
        if text:
            speed, _, width = text.partition(' x')
            files[f'{kind}_link_speed'] = f'{speed} GT/s PCIe' if float(speed) else 'Unknown'
            files[f'{kind}_link_width'] = width
    for name, text in files.items():
        put(folder / name, text)
    put(folder / 'config', _config(int(device.get('dsn', '0'), 16)))
    if 'vpd' in device:
        put(folder / 'vpd', _vpd(device['vpd']))
    if 'driver' in device:
        driver = root / 'bus/pci/drivers' / device['driver']
        driver.mkdir(parents=True, exist_ok=True)
        (folder / 'driver').symlink_to(driver)
    if not link.is_symlink():
        link.symlink_to(folder)
    _add_functions(root, folder, device)
    for name, net in (device.get('net') or {}).items():
        _add_nic(root, folder, name, net)


def _add_functions(root, folder, device):
    if 'sriov' in device:
        put(folder / 'sriov_totalvfs', device['sriov']['total'])
        put(folder / 'sriov_numvfs', device['sriov']['enabled'])
        for one in functions({'devices': [device]}):
            _add_device(root, one)
            (root / 'devices' / one['at'] / 'physfn').symlink_to(folder)
            (folder / f'virtfn{one["number"]}').symlink_to(root / 'devices' / one['at'])


def _add_nic(root, folder, name, net):
    device = folder / net['below'] if 'below' in net else folder
    place = device / 'net' / name
    put(place / 'address', net['mac'])
    put(place / 'carrier', net['carrier'])
    put(place / 'speed', net.get('speed', -1))
    (place / 'device').symlink_to(device)
    if 'driver' in net:
        (root / 'bus/virtio/drivers' / net['driver']).mkdir(parents=True)
        (device / 'driver').symlink_to(root / 'bus/virtio/drivers' / net['driver'])
    (root / 'class/net' / name).symlink_to(place)


def _add_disk(root, disk):
    place = root / 'devices' / disk['at']
    inner = place / disk['name'] if disk['name'].startswith('nvme') else place / 'block' / disk['name']
    for name, text in {'size': disk['size'] // 512, 'ro': 0, 'removable': 0, 'queue/rotational': disk.get('rotational', 0),
                       'serial': disk['serial'], 'wwid': disk.get('wwid', '')}.items():
        put(inner / name, text)
    (inner / 'device').symlink_to(place)
    (root / 'block' / disk['name']).symlink_to(inner)


def _vpd(serial):
    """A name, and read-only fields: part number, serial number, checksum (PCI Local Bus 3.0, Appendix I)."""
    name, fields = b'A card', b'PN\x04AB-1' + b'SN' + bytes([len(serial)]) + serial.encode() + b'RV\x01\x00'
    return b'\x82' + struct.pack('<H', len(name)) + name + b'\x90' + struct.pack('<H', len(fields)) + fields + b'\x78'


def _config(number):
    """4096 bytes of configuration space: advanced errors at 100h, then the serial number at 150h, when there is one."""
    data = bytearray(4096)
    if number:
        struct.pack_into('<I', data, 0x100, 1 | 2 << 16 | 0x150 << 20)
        struct.pack_into('<IQ', data, 0x150, 3 | 1 << 16, number)
    return bytes(data)
