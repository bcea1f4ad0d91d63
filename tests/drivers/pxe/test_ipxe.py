"""The scripts, run by the real iPXE of an emulated machine.

Its "kernel" is a script too, and says on the serial port that it runs.
"""

import pathlib
import subprocess

import pytest

from ingot import concurrency, programs
from ingot.drivers import base
from ingot.drivers.pxe.boot import PxeBoot
from ingot.drivers.pxe.server import BootServer

from .conftest import MAC
from .test_boot import OTHER, publish

KERNEL = '#!ipxe\necho THE-KERNEL RUNS\npoweroff || exit\n'


class Machine:
    """A machine with two network cards; the second has MAC ``MAC``. It netboots from the first."""

    def __init__(self, folder, port):
        self.serial = folder / 'serial'
        disk = folder / 'disk'
        disk.write_bytes(bytes(1 << 20))
        cards = [word for index, mac in enumerate((OTHER, MAC)) for word in (
            '-netdev', f'user,id=n{index},bootfile=http://10.0.2.2:{port}/boot.ipxe',
            '-device', f'virtio-net-pci,netdev=n{index},mac={mac},bootindex={1 + 10 * index}')]
        self.process = subprocess.Popen([
            programs.find('setpriv'), '--pdeathsig', 'KILL', programs.find('qemu'), '-accel', 'tcg,tb-size=16',
            '-machine', 'q35,smm=off,graphics=off', '-m', '256', '-display', 'none', '-nodefaults',
            '-serial', f'file:{self.serial}', *cards, '-drive', f'file={disk},format=raw,if=none,id=d0',
            '-device', 'virtio-blk-pci,drive=d0,bootindex=2'], stdin=subprocess.DEVNULL)

    def says(self, words, seconds=120):
        """Whether the words appear on the serial port."""
        return concurrency.wait_for(lambda: words in self.said(), seconds)

    def said(self):
        """Without the line breaks of its 80 columns."""
        path = pathlib.Path(self.serial)
        return path.read_text(errors='replace').replace('\r', '').replace('\n', '') if path.exists() else ''

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def power_on(server, tmp_path):
    machines = []

    def power_on():
        machines.append(Machine(tmp_path, server.port))
        return machines[0]
    yield power_on
    for machine in machines:
        machine.stop()


@pytest.fixture
def script_kernel(conf):
    pathlib.Path(conf.boot.kernel).write_text(KERNEL)


@pytest.mark.usefixtures('script_kernel')
def test_the_record_of_any_card_is_found(boot, conf, power_on):
    publish(boot, conf, macs=[MAC])
    assert power_on().says('THE-KERNEL RUNS')
    assert boot.last_seen(MAC).startswith('ramdisk sent')
    assert boot.last_seen(OTHER).startswith('no record')


def test_without_a_record_the_next_boot_device_comes(power_on, boot):
    machine = power_on()
    assert machine.says('Booting from Hard Disk')
    assert f'nothing to netboot for {OTHER}' in machine.said()


@pytest.mark.usefixtures('script_kernel')
def test_a_machine_waits_for_what_is_missing(boot, conf, server, power_on):
    """A ramdisk that cannot be loaded is asked for again, by way of a record that may be another one by then."""
    publish(boot, conf, macs=[OTHER])
    ramdisk = next(pathlib.Path(server.folder.path).glob('files/*/initrd'))
    ramdisk.rename(ramdisk.with_name('away'))
    machine = power_on()
    assert machine.says('the ramdisk did not start, trying again')
    publish(boot, conf, macs=[OTHER])
    assert machine.says('THE-KERNEL RUNS')


@pytest.mark.usefixtures('script_kernel')
def test_a_machine_finds_its_record_at_another_boot_server(conf, power_on, server, tmp_path):
    """The first server has no record; the one that it leads to is not there at first."""
    conf.set_override('state_dir', str(tmp_path / 'other'))
    other = BootServer(conf)
    other.start()
    other.stop()
    server.elsewhere = {MAC: f'http://10.0.2.2:{other.port}'}.get
    machine = power_on()
    assert machine.says('does not answer, trying again')
    conf.set_override('port', other.port, 'boot')
    context = base.Context(conf)
    boot = PxeBoot(context)
    context.service(BootServer).start()
    try:
        publish(boot, conf, macs=[MAC])
        assert machine.says('THE-KERNEL RUNS')
        assert boot.last_seen(MAC).startswith('ramdisk sent')
    finally:
        context.service(BootServer).stop()
