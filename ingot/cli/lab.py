"""``ingot lab``: a rack of virtual machines, each behind a real BMC."""

import json
import os

from ingot.lab import devices, rack

DEFAULT_FOLDER = os.path.join(os.path.expanduser('~'), '.cache', 'ingot', 'lab')


def arguments(parser):
    parser.add_argument('what', choices=['up', 'down', 'status', 'console', 'pull', 'plug', 'run'])
    parser.add_argument('machine', nargs='?', help='which one (console, pull, plug)')
    parser.add_argument('device', nargs='?', help='PCI device that is out of its slot from the next power-on on, or in it again')
    parser.add_argument('--folder', default=DEFAULT_FOLDER, help='where the rack lives (default %(default)s)')
    parser.add_argument('--machines', type=int, default=2, metavar='N', help='how many (default 2)')
    parser.add_argument('--memory', type=int, default=512, metavar='MIB', help='of each machine (default 512)')
    parser.add_argument('--disk', type=int, default=4, metavar='GIB', help='of each machine (default 4)')
    parser.add_argument('--devices', default='', metavar='KINDS',
                        help=f'PCI devices of each machine, {", ".join(devices.KINDS)}: nic,nic@1,accelerator (@: NUMA node)')
    parser.add_argument('--network', choices=['namespace', 'user'],
                        help='namespace: a bridge in a network namespace (root); user: no rights needed')
    parser.add_argument('--kernel', metavar='FILE', help='a kernel to try KVM with; without one machines are emulated')
    parser.add_argument('--boot-port', type=int, default=6387, help="port of Ingot's boot files (user network)")


def plan(count, memory_mib, disk_gib, kinds=''):
    """The machines of a rack: every other one boots by UEFI."""
    return [{'name': f'machine-{number}', 'firmware': 'uefi' if number % 2 == 0 else 'bios',
             'memory_mib': memory_mib, 'disk_gib': disk_gib, 'devices': devices.parse(kinds)} for number in range(1, count + 1)]


def run(options):
    if options.what == 'up':
        network = options.network or ('namespace' if os.geteuid() == 0 else 'user')
        machines = plan(options.machines, options.memory, options.disk, options.devices)
        print(json.dumps(rack.up(options.folder, machines, network=network, boot_port=options.boot_port,
                                 kernel=options.kernel), indent=2))
    elif options.what == 'run':
        rack.run(options.folder)
    elif options.what == 'console':
        rack.console(options.folder, options.machine)
    elif options.what in ('pull', 'plug'):
        rack.pull(options.folder, options.machine, options.device, is_in=options.what == 'plug')
    elif options.what == 'status':
        print(json.dumps(rack.status(options.folder), indent=2))
    else:
        rack.down(options.folder)
    return 0
