"""PCI devices of this machine, from sysfs (Documentation/ABI/testing/sysfs-bus-pci); what is not known is None.

Numbers that name something (vendor, product, class ...) are hexadecimal text without 0x, as Ironic's inspection gives them.
"""

import os
import re
import struct

_FOLDER = 'bus/pci/devices'
_ADDRESS = re.compile(r'[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]')
_NAMES = {'vendor_id': 'vendor', 'product_id': 'device', 'class': 'class', 'revision': 'revision',
          'subsystem_vendor_id': 'subsystem_vendor', 'subsystem_id': 'subsystem_device'}
#: Bytes of vital product data that are looked at: serial numbers stand near the start, and slow cards take a millisecond each.
_VPD = 1024
_UNKNOWN_WIDTHS = (None, 0, 255)


def devices(machine):
    """[device] by address."""
    return [device(machine, address) for address in machine.names(_FOLDER)]


def device(machine, address):
    """What sysfs says of one device; ``link_speed`` in GT/s for each of ``link_width`` lanes, as negotiated, and at most."""
    ids = {name: (machine.read(_FOLDER, address, file) or '').removeprefix('0x') or None for name, file in _NAMES.items()}
    parent, most = _target(machine, address, 'physfn'), machine.number(_FOLDER, address, 'sriov_totalvfs')
    numa = machine.number(_FOLDER, address, 'numa_node')
    return {'address': address, **ids, 'driver': _target(machine, address, 'driver'),
            'serial': None if parent else serial(machine, address), 'function': 'vf' if parent else 'pf' if most else None,
            'parent': parent, 'numa_node': None if numa is None or numa < 0 else numa, 'max_vfs': most or None,
            **_link(machine, address, 'current', ''), **_link(machine, address, 'max', 'max_')}


def _target(machine, address, link):
    """Name of what a link of the device leads to, or None where there is none."""
    path = os.path.join(machine.sys, _FOLDER, address, link)
    return os.path.basename(os.path.realpath(path)) if os.path.islink(path) else None


def _link(machine, address, kind, prefix):
    speed = re.match(r'([0-9.]+) GT/s', machine.read(_FOLDER, address, f'{kind}_link_speed') or '')
    width = machine.number(_FOLDER, address, f'{kind}_link_width')
    is_known = width not in _UNKNOWN_WIDTHS
    return {f'{prefix}link_speed': float(speed.group(1)) if speed and is_known else None,
            f'{prefix}link_width': width if is_known else None}


def of(machine, *path):
    """Address of the PCI device behind something in sysfs, as the folder of its device leads there, or None."""
    return next((part for part in reversed(machine.real_path(*path).split('/')) if _ADDRESS.fullmatch(part)), None)


def serial(machine, address):
    """Its serial number: of the vital product data, or the one that its configuration space has; None without both."""
    return (serial_of_vpd(machine.read_bytes(_FOLDER, address, 'vpd', most=_VPD))
            or serial_of_config(machine.read_bytes(_FOLDER, address, 'config', most=4096)))


def serial_of_vpd(data):
    """The keyword SN of vital product data (PCI Local Bus 3.0, Appendix I), or None."""
    at = 0
    while at + 3 <= len(data) and data[at] & 0x80:             # large resources: tag, length (16 bits), that many bytes
        length, = struct.unpack_from('<H', data, at + 1)
        if data[at] == 0x90:                                   # VPD-R
            return _keyword(data[at + 3:at + 3 + length], b'SN')
        at += 3 + length
    return None


def _keyword(fields, wanted):
    at = 0
    while at + 3 <= len(fields):
        length = fields[at + 2]
        if fields[at:at + 2] == wanted:
            text = fields[at + 3:at + 3 + length].decode('ascii', 'replace').strip(' \0')
            return text if text.isprintable() and '\ufffd' not in text and text else None
        at += 3 + length
    return None


def serial_of_config(data):
    """The Device Serial Number capability (PCI Express Base 4.0, 7.9.3), as lspci writes it, or None."""
    at, seen = 0x100, set()
    while 0x100 <= at <= len(data) - 12 and at not in seen:
        seen.add(at)
        head, low, high = struct.unpack_from('<III', data, at)
        if head & 0xFFFF == 3:
            number = (high << 32 | low).to_bytes(8)
            return number.hex('-') if any(number) and number != b'\xff' * 8 else None
        at = head >> 20
    return None
