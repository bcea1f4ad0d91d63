"""The disks of this machine that may be written to, from sysfs.

Left out are: RAM, loop, network and mapped devices, optical and floppy drives, what is removable, read-only, hidden or
empty, and every disk that hangs on an iSCSI session: those are not the machine's own.
"""

import os
import re
from typing import NamedTuple

GIB = 2 ** 30
#: Kernel names of disks that are machines' own: SCSI and SATA, virtio, NVMe, SD/eMMC, Xen, IDE.
_NAMES = re.compile(r'sd[a-z]+|vd[a-z]+|nvme\d+n\d+|mmcblk\d+|xvd[a-z]+|hd[a-z]+|pmem\d+')
_PCI = re.compile(r'[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]')


class Disk(NamedTuple):
    """Members as Ironic's inventory has them: ``size`` in bytes; what is not known is None."""

    name: str                 # '/dev/sda'
    size: int
    model: str | None
    serial: str | None
    wwn: str | None
    vendor: str | None
    rotational: bool
    hctl: str | None
    by_path: str | None


def discover(machine):
    """The Disks, sorted by name."""
    return [describe(machine, name) for name in machine.names('block') if is_own(machine, name)]


def is_own(machine, name):
    """May this block device be a disk to install to?"""
    return bool(_NAMES.fullmatch(name) and not is_iscsi(machine, name) and not machine.number('block', name, 'removable')
                and not machine.number('block', name, 'ro') and not machine.number('block', name, 'hidden')
                and machine.number('block', name, 'size'))


def is_iscsi(machine, name):
    """Does it hang on an iSCSI session? Its path in sysfs goes through one."""
    return any(re.fullmatch(r'session\d+', part) for part in machine.real_path('block', name).split('/'))


def describe(machine, name):
    """The Disk of one block device."""
    return Disk(name=os.path.join(machine.dev, name), size=machine.number('block', name, 'size') * 512,
                model=machine.read('block', name, 'device/model'), serial=_serial(machine, name),
                wwn=_wwn(machine, name), vendor=machine.read('block', name, 'device/vendor'),
                rotational=machine.number('block', name, 'queue/rotational') == 1, hctl=_hctl(machine, name),
                by_path=_by_path(machine, name))


def partitions(machine, name):
    """[(start, length)] in bytes of the partitions that the kernel sees on a disk."""
    found = []
    for part in machine.names('block', name):
        start, size = machine.number('block', name, part, 'start'), machine.number('block', name, part, 'size')
        if start is not None and size:
            found.append((start * 512, size * 512))
    return sorted(found)


def _serial(machine, name):
    """virtio and NVMe have a file; SCSI has the page of its inquiry (SPC-5 7.7.21: four bytes, then text)."""
    page = machine.read_bytes('block', name, 'device/vpd_pg80')[4:].decode('ascii', 'replace').strip('\0 ')
    return machine.read('block', name, 'serial') or machine.read('block', name, 'device/serial') or page or None


def _wwn(machine, name):
    wwid = machine.read('block', name, 'wwid') or machine.read('block', name, 'device/wwid') or ''
    if wwid.startswith('naa.'):
        return '0x' + wwid[4:]
    return wwid if wwid.startswith(('eui.', 'nvme.')) else None


def _hctl(machine, name):
    last = os.path.basename(machine.real_path('block', name, 'device'))
    return last if re.fullmatch(r'\d+:\d+:\d+:\d+', last) else None


def _by_path(machine, name):
    """The link that udev's path_id would make, for the usual kinds of disk."""
    parts = machine.real_path('block', name).split('/')
    pci = next((part for part in reversed(parts) if _PCI.fullmatch(part)), None)
    if pci is None:
        return None
    hctl, tail = _hctl(machine, name), ''
    ata = next((part for part in parts if re.fullmatch(r'ata\d+', part)), None)
    if name.startswith('nvme'):
        tail = '-nvme-' + name.rpartition('n')[2]
    elif ata:
        tail = f'-ata-{_rank(machine, pci, ata) + 1}'
    elif hctl and name.startswith('sd'):
        host, _, rest = hctl.partition(':')
        tail = f'-scsi-{_rank(machine, pci, "host" + host)}:{rest}'
    return f'/dev/disk/by-path/pci-{pci}{tail}'


def _rank(machine, pci, name):
    """How many of its kind (ata3, host2) the adapter has before this one: udev counts from each adapter's first."""
    kind = name.rstrip('0123456789')
    return sum(int(other[len(kind):]) < int(name[len(kind):]) for other in machine.names('bus/pci/devices', pci)
               if re.fullmatch(kind + r'\d+', other))
