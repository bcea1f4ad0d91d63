"""Which PCI devices of a machine its host needs itself: never offered, whatever its list says; pure."""

import re

#: In the link that udev makes for a disk: the last PCI device of its way.
_BY_PATH = re.compile(r'pci-([0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7])')
#: IPMI interfaces (PCI Code and ID Assignment, class 0Ch, sub-class 07h).
_IPMI = '0c07'
#: Devices that BMCs show to their hosts, as screens and mailboxes: vendor -> products, None for all.
_BMC = {'1a03': None,                                                    # ASPEED
        '102b': frozenset({'0522', '0532', '0533', '0534', '0536', '0538'}),       # Matrox G200e, eR, eH: iDRAC, iLO, IMM
        '103c': frozenset({'3306', '3307', '22f6'})}                     # iLO


def reserved(devices, nics, disks, pxe_macs):
    """{address: 'pxe', 'bmc' or 'boot disk'} of the devices that the host keeps.

    :param devices: dicts of address, vendor_id, product_id, class_id, parent. :param nics: dicts of address (MAC), pci_address.
    :param disks: addresses of PCI devices that root disks hang on. :param pxe_macs: MACs that the node boots from.
    A network card that it boots from through a virtual function is kept with it.
    """
    parents = {one['address']: one['parent'] for one in devices}
    kept = {one['address']: 'bmc' for one in devices if _is_bmc(one)}
    kept |= {place: 'boot disk' for place in disks if place in parents}
    for nic in nics:
        if nic['address'] in pxe_macs and nic['pci_address'] in parents:
            kept |= {place: 'pxe' for place in (nic['pci_address'], parents[nic['pci_address']]) if place}
    return kept


def place(by_path):
    """Address of the PCI device that a disk hangs on ('/dev/disk/by-path/pci-0000:5e:00.0-nvme-1'), or None."""
    found = _BY_PATH.findall(by_path or '')
    return found[-1] if found else None


def _is_bmc(device):
    products = _BMC.get(device['vendor_id'], frozenset())
    return (device['class_id'] or '').startswith(_IPMI) or products is None or device['product_id'] in products
