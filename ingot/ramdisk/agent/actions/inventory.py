"""What the machine is made of, from sysfs, /proc and its firmware's tables; in the shape that Ironic's clients know."""

import contextlib
import os
import re
import struct
import subprocess

from .. import disks, hints, nics, pci
from ..errors import AgentError

NAME = 'inventory'
_LONGEST_LLDP = 120           # seconds


def run(action, job):
    """Touches nothing; what is not known is None. ``root_device``: hints by which the root disk is told from the others;
    ``lldp_seconds``: so long the network cards listen for their neighbours."""
    return {'inventory': collect(job.machine, job.line.mac, action.get('root_device'),
                                 min(action.get('lldp_seconds') or 0, _LONGEST_LLDP))}


def collect(machine, pxe_mac, root_device=None, lldp_seconds=0):
    return {'system_vendor': system_vendor(machine), 'cpu': cpu(machine), 'memory': memory(machine),
            'boot': {'current_boot_mode': 'uefi' if machine.names('firmware/efi') else 'bios', 'pxe_interface': pxe_mac},
            'disks': own_disks(machine, root_device), 'interfaces': nics.interfaces(machine, lldp_seconds),
            'pci_devices': pci.devices(machine), 'bmc_address': bmc_address()}


def own_disks(machine, root_device):
    """The disks; "root" is the role of the one that an image would be written to."""
    found = disks.discover(machine)
    try:
        root = hints.choose(found, root_device or {}, 0)
    except AgentError:
        root = None
    return [disk._asdict() | {'role': 'root' if disk == root else None} for disk in found]


def system_vendor(machine):
    names = {'manufacturer': 'sys_vendor', 'product_name': 'product_name', 'serial_number': 'product_serial'}
    return {name: machine.read('class/dmi/id', file) for name, file in names.items()}


def cpu(machine):
    text = machine.process_text('cpuinfo')
    model = re.search(r'^model name\s*: *(.+)$', text, re.MULTILINE)
    flags = re.search(r'^(?:flags|Features)\s*: *(.+)$', text, re.MULTILINE)
    return {'architecture': os.uname().machine, 'count': len(re.findall(r'^processor\s*:', text, re.MULTILINE)),
            'model_name': model.group(1).strip() if model else None, 'flags': flags.group(1).split() if flags else []}


def memory(machine):
    """``total``: bytes that the kernel can use. ``physical_mb``: what is plugged in, or that, where it is not told."""
    found = re.search(r'^MemTotal:\s*(\d+) kB', machine.process_text('meminfo'), re.MULTILINE)
    total = int(found.group(1)) * 1024 if found else 0
    return {'total': total, 'physical_mb': plugged_mib(machine.read_bytes('firmware/dmi/tables/DMI')) or total // 2 ** 20}


def plugged_mib(table):
    """MiB of all memory devices in the SMBIOS table (DSP0134, type 17: size at 0Ch, extended size at 1Ch)."""
    total, at = 0, 0
    while at + 4 <= len(table):
        kind, length = table[at], table[at + 1]
        if kind == 17 and length >= 0x0E:
            size, = struct.unpack_from('<H', table, at + 0x0C)
            if size == 0x7FFF and length >= 0x20:
                total += struct.unpack_from('<I', table, at + 0x1C)[0] & 0x7FFFFFFF
            elif size != 0xFFFF:
                total += (size & 0x7FFF) // 1024 if size & 0x8000 else size
        end = table.find(b'\0\0', at + length)         # behind each structure: its texts, ended by two zeros
        if length < 4 or end < 0:
            break
        at = end + 2
    return total


def bmc_address():
    """The BMC's own address, where the ramdisk has ipmitool and the machine a BMC; else None."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(['ipmitool', 'lan', 'print'], capture_output=True, text=True, timeout=20, check=False,
                              stdin=subprocess.DEVNULL)
        found = re.search(r'^IP Address +: (\S+)', done.stdout, re.MULTILINE)
        return found.group(1) if found else None
    return None
