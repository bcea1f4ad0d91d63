"""PCI devices that a machine has besides its disk and its card: each behind a root port of its own.

``devices`` of a machine are {name, kind, numa}; ``numa``: the node that they are near to (0, 1), or None for no nodes at all.
What is pulled out leaves its slot empty, so that the addresses of the others stay.
"""

from ingot import errors

#: Kind -> the words of QEMU's -device; a controller without a disk has eight virtual functions that a driver may make.
KINDS = {
    'nic': ('e1000e,mac={mac},romfile=',),
    'accelerator': ('edu',),
    'sriov': ('nvme-subsys,id={name}-all', 'nvme,subsys={name}-all,serial={name},sriov_max_vfs=8,sriov_vq_flexible=16,'
              'sriov_vi_flexible=8,max_ioqpairs=18,msix_qsize=9'),
}
NUMA = (0, 1)
MOST = 20


def parse(text):
    """The devices of 'nic,nic@1,accelerator': kinds, with the NUMA node behind an @. InvalidParameter."""
    kinds = [word.strip().partition('@') for word in text.split(',')] if text else []
    return check([{'name': f'{kind}-{number}', 'kind': kind, 'numa': int(node) if node.isdigit() else node or None}
                  for number, (kind, _, node) in enumerate(kinds)])


def check(devices):
    """``devices``, or InvalidParameter that names what is wrong with one."""
    for device in devices:
        if device['kind'] not in KINDS or device.get('numa') not in (None, *NUMA):
            raise errors.InvalidParameter(f'PCI device {device["kind"]}@{device.get("numa")}: kinds are {", ".join(KINDS)}, '
                                          f'NUMA nodes {", ".join(map(str, NUMA))}.')
    names = [device['name'] for device in devices]
    if len(devices) > MOST or len(set(names)) < len(names):
        raise errors.InvalidParameter(f'A machine has at most {MOST} PCI devices, each of a name of its own.')
    return devices


def words(devices, memory_mib, mac, pulled=()):
    """What QEMU's command line has for them. ``mac``: of the machine's own card; cards here have the same one but for two bytes.

    ``pulled``: names of devices that are not in their slots.
    """
    found = _nodes(memory_mib) if any(device.get('numa') is not None for device in devices) else []
    for number, device in enumerate(devices, 1):
        node, port = device.get('numa'), f'port-{number}'
        found += ['-device', f'pcie-root-port,id={port},bus={"pcie.0" if node is None else f"node-{node}"},chassis={number},'
                             f'slot={number}']
        if device['name'] not in pulled:
            *before, last = (one.format(name=device['name'], mac=_mac(mac, number)) for one in KINDS[device['kind']])
            found += [word for one in (*before, f'{last},id={device["name"]},bus={port}') for word in ('-device', one)]
    return found


def _nodes(memory_mib):
    """Two NUMA nodes with half of the memory each, the processor near the first, and a root of PCI buses near each."""
    found = []
    for node in NUMA:
        found += ['-object', f'memory-backend-ram,id=memory-{node},size={memory_mib // 2}M',
                  '-numa', f'node,nodeid={node},memdev=memory-{node}{",cpus=0" if node == 0 else ""}',
                  '-device', f'pxb-pcie,id=node-{node},bus=pcie.0,bus_nr={64 * (node + 1)},numa_node={node}']
    return found


def _mac(mac, number):
    """52:54:01 and on: its third byte tells such cards from those that netboot, its last is their number."""
    parts = mac.split(':')
    return ':'.join([*parts[:2], '01', *parts[3:5], f'{number:02x}'])
