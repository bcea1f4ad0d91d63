"""The words that make QEMU the machine we want."""

import pathlib
import shutil

from ingot import errors, programs
from ingot.lab import devices

CODE, VARIABLES = '/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'
FIRMWARES = ('bios', 'uefi')
DISK, VARS, CONSOLE_LOG, CONSOLE_SOCKET, LOG = 'disk.raw', 'vars.fd', 'console.log', 'console.sock', 'qemu.log'


def prepare(spec, folder):
    """Give a machine its folder with an empty sparse disk and, for UEFI, variables of its own."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    disk = folder / DISK
    if not disk.exists():
        with open(disk, 'wb') as file:
            file.truncate(int(spec['disk_gib'] * (1 << 30)))
    if spec['firmware'] == 'uefi' and not (folder / VARS).exists():
        if not pathlib.Path(VARIABLES).exists():
            raise errors.ProgramFailed(f'UEFI firmware is missing: {VARIABLES}.', remedy='apt-get install ovmf')
        shutil.copy(VARIABLES, folder / VARS)


def command(spec, netdev, boot, accelerator, qmp, pulled=()):
    """argv for one power-on, to be run in the machine's folder; it starts paused.

    ``boot``: 'pxe' puts the network first, anything else the disk; what fails to boot is followed by the other one.
    ``netdev``: what -netdev takes. ``qmp``: number of the file descriptor of a connected socket. ``pulled``: names of its PCI
    devices that are not in their slots.
    """
    network_order, disk_order = (0, 1) if boot == 'pxe' else (1, 0)
    accel = 'tcg,thread=multi,tb-size=32' if accelerator == 'tcg' else accelerator
    # With RDRAND the kernel has random numbers at once: a second less until Python runs in the ramdisk.
    cpu = ['-cpu', 'qemu64,+rdrand'] if accelerator == 'tcg' else []
    smbios = f'type=1,manufacturer=Ingot,product=Virtual machine,serial={spec["serial"]},uuid={spec["uuid"]}'
    return [
        programs.find('setpriv'), '--pdeathsig', 'KILL', programs.find('qemu'),
        '-name', spec['name'], '-uuid', spec['uuid'], '-smbios', smbios, '-S', '-no-reboot',
        '-accel', accel, *cpu, '-machine', 'q35,smm=off,graphics=off', '-smp', '1', '-m', str(spec['memory_mib']),
        '-display', 'none', '-nodefaults', '-no-user-config', *_firmware(spec['firmware']),
        '-chardev', f'socket,id=qmp,fd={qmp}', '-mon', 'chardev=qmp,mode=control',
        '-chardev', f'socket,id=console,path={CONSOLE_SOCKET},server=on,wait=off,logfile={CONSOLE_LOG},logappend=on',
        '-serial', 'chardev:console',
        '-drive', f'if=none,id=disk,file={DISK},format=raw,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=off,'
                  'werror=report,rerror=report',
        '-device', f'virtio-blk-pci,id=disk0,drive=disk,serial={spec["serial"]},bootindex={disk_order}',
        '-netdev', f'{netdev},id=net0',
        '-device', f'virtio-net-pci,id=nic0,netdev=net0,mac={spec["mac"]},bootindex={network_order}',
        '-device', 'virtio-rng-pci',
        *devices.words(spec.get('devices', ()), spec['memory_mib'], spec['mac'], pulled),
    ]


def _firmware(kind):
    if kind == 'bios':
        return []
    return ['-drive', f'if=pflash,unit=0,format=raw,readonly=on,file={CODE}',
            '-drive', f'if=pflash,unit=1,format=raw,file={VARS}']
