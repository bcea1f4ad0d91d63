"""PCI devices of machines that are pretended (fakes, fleets), as the ramdisk's agent tells of them; pure.

Shapes are those of real cards; serial numbers, and which machine has what, are invented.
"""

_NOTHING = dict.fromkeys((
    'address', 'vendor_id', 'product_id', 'class', 'revision', 'subsystem_vendor_id', 'subsystem_id', 'driver', 'serial',
    'function', 'parent', 'numa_node', 'max_vfs', 'link_speed', 'link_width', 'max_link_speed', 'max_link_width'))
_BOOT_NIC = {'vendor_id': '1af4', 'product_id': '1000', 'class': '020000', 'revision': '00', 'subsystem_vendor_id': '1af4',
             'subsystem_id': '0001', 'driver': 'virtio-pci'}
_GPU = {'vendor_id': '10de', 'product_id': '20f1', 'class': '030200', 'revision': 'a1', 'subsystem_vendor_id': '10de',
        'subsystem_id': '145f', 'link_speed': 16.0, 'link_width': 16, 'max_link_speed': 16.0, 'max_link_width': 16}
_NIC = {'vendor_id': '8086', 'product_id': '1592', 'class': '020000', 'revision': '02', 'subsystem_vendor_id': '8086',
        'subsystem_id': '0002', 'driver': 'ice', 'numa_node': 0, 'link_speed': 16.0, 'link_width': 16, 'max_link_speed': 16.0,
        'max_link_width': 16}
_VF = {**_NIC, 'product_id': '1889', 'subsystem_id': '0000', 'driver': None, 'function': 'vf', 'link_speed': None,
       'link_width': None, 'max_link_speed': None, 'max_link_width': None}
_PF_AT = '0000:3b:00.0'
_VFS = 4


def devices(seed):
    """[device] of the machine that ``seed`` (32 bytes) stands for: the card that it boots from (0000:00:03.0), one graphics
    processor (0000:17:00.0) or two (0000:ca:00.0), and a network card with four virtual functions (0000:3b:00.0)."""
    gpus = {'0000:17:00.0': 0, '0000:ca:00.0': 1} if seed[16] % 2 else {'0000:17:00.0': 0}
    found = {'0000:00:03.0': _BOOT_NIC, _PF_AT: {**_NIC, 'function': 'pf', 'max_vfs': 8, 'serial': seed[17:23].hex()},
             **{f'0000:3b:01.{number}': {**_VF, 'parent': _PF_AT} for number in range(_VFS)},
             **{address: {**_GPU, 'numa_node': node, 'serial': f'GPU{seed[23:28].hex()}{node}'}
                for address, node in gpus.items()}}
    return [{**_NOTHING, 'address': address, **found[address]} for address in sorted(found)]


def altered(found, changes):
    """``found`` as ``changes`` {address: members that differ, or null for a device that is not there} make it; new ones join."""
    known = {one['address']: one for one in found}
    merged = {address: None if change is None else {**_NOTHING, 'address': address, **known.get(address, {}), **change}
              for address, change in changes.items()}
    return [one for _, one in sorted((known | merged).items()) if one is not None]
