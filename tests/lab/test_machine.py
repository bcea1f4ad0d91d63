"""A machine of QEMU with a guest of 512 bytes: it says BOOTED and does what single letters on its console tell it.

r: reset, p: power off, w: write sector 4096 of the disk; the power button turns it off.
"""

import os
import signal
import threading
import uuid

import pytest

from ingot import concurrency, errors
from ingot.lab import control
from ingot.lab.machine import Machine

pytestmark = pytest.mark.e2e
SECONDS = 90


class Assembler:
    """Bytes with names: ``label('x')`` marks a place, ``near('x')`` and ``word('x')`` refer to it (8086, at 0x7C00)."""

    def __init__(self):
        self.code, self.labels, self.holes = bytearray(), {}, []

    def emit(self, *parts):
        for part in parts:
            self.code += bytes.fromhex(part)
        return self

    def label(self, name):
        self.labels[name] = len(self.code)
        return self

    def near(self, opcode, name):
        self.emit(opcode)
        self.holes.append((len(self.code), 1, name))
        self.code += b'\0'
        return self

    def word(self, opcode, name, *, is_relative=False):
        self.emit(opcode)
        self.holes.append((len(self.code), -2 if is_relative else 2, name))
        self.code += b'\0\0'
        return self

    def text(self, name, text):
        self.label(name)
        self.code += text.encode() + b'\0'
        return self

    def finish(self):
        for place, size, name in self.holes:
            target = self.labels[name]
            if size == 1:
                self.code[place] = (target - place - 1) & 0xFF
            else:
                value = target - place - 2 if size < 0 else 0x7C00 + target
                self.code[place:place + 2] = (value & 0xFFFF).to_bytes(2, 'little')
        assert len(self.code) <= 440
        return bytes(self.code.ljust(510, b'\0')) + b'\x55\xaa'


def build_guest():
    a = Assembler()
    a.emit('fa 31c0 8ed8').word('8816', 'drive')                       # cli; ds = 0; keep the drive's number
    a.emit('ba0206 b80001 ef')                                         # the power button counts (PM1_EN)
    a.word('be', 'hello').word('e8', 'print', is_relative=True)
    a.label('loop').emit('ba0006 ed f6c401').near('75', 'off')         # PM1_STS: button
    a.emit('bafd03 ec a801').near('74', 'loop').emit('baf803 ec')      # a letter?
    a.emit('3c72').near('74', 'reset').emit('3c70').near('74', 'off').emit('3c77').near('74', 'write').near('eb', 'loop')
    a.label('write').word('c706', 'count').emit('0100')                # a write that failed has left 0 sectors there
    a.emit('b443 b000').word('8a16', 'drive').word('be', 'packet').emit('cd13')
    a.word('be', 'good').near('73', 'say').word('be', 'bad')
    a.label('say').word('e8', 'print', is_relative=True).emit('fa').near('eb', 'loop')
    a.label('reset').emit('baf90c b006 ee f4')
    a.label('off').emit('ba0406 b80020 ef f4')
    a.label('print').emit('ac 84c0').near('74', 'done').emit('baf803 ee').near('eb', 'print').label('done').emit('c3')
    a.label('drive').emit('00')
    a.label('packet').emit('1000').label('count').emit('0100').word('', 'hello').emit('0000 0010000000000000')    # to LBA 4096
    return a.text('hello', 'BOOTED\r\n').text('good', 'WRITTEN\r\n').text('bad', 'DISK ERROR\r\n').finish()


GUEST = build_guest()


def make_spec(**changes):
    return {'name': 'iron', 'firmware': 'bios', 'memory_mib': 64, 'disk_gib': 0.0625, 'mac': '52:54:00:00:00:01',
            'uuid': str(uuid.uuid4()), 'serial': 'SN1', **changes}


@pytest.fixture
def guest(tmp_path):
    """A machine whose disk holds the guest."""
    machine = Machine(make_spec(), tmp_path / 'iron', 'user,bootfile=http://10.0.2.2:1/boot.ipxe')
    with open(machine.disk, 'r+b') as disk:
        disk.write(GUEST)
    yield machine
    machine.power_off()


def read_log(machine):
    return machine.console_log.read_text(errors='replace') if machine.console_log.exists() else ''


def wait_text(machine, text, count=1):
    assert concurrency.wait_for(lambda: read_log(machine).count(text) >= count, SECONDS), read_log(machine)[-500:]


def press(machine, letter):
    with control.connect(machine.console_socket) as console:
        console.sendall(letter.encode())
        concurrency.wait_for(lambda: False, 0.2)       # QEMU drops what its client sent when it hangs up at once


def test_it_boots_its_disk_resets_with_a_new_boot_device_and_goes_off_by_itself(guest):
    assert not guest.is_on
    guest.power_on()
    guest.power_on()
    assert guest.starts == 1
    wait_text(guest, 'BOOTED')
    assert 'PXE' not in read_log(guest).rpartition('Booting from')[2]
    first = guest.pid
    guest.boot.set('pxe')
    press(guest, 'r')
    wait_text(guest, 'iPXE initialising devices')       # what the BMC wants counts for a guest's own reboot
    assert guest.is_on
    assert guest.boot.device is None
    assert (guest.starts, guest.pid == first) == (2, False)
    guest.reset()
    wait_text(guest, 'BOOTED', 2)                       # the one-shot was spent: the disk again
    assert guest.starts == 3
    press(guest, 'p')
    assert concurrency.wait_for(lambda: not guest.is_on, SECONDS)
    assert guest.pid is None


def test_the_power_button_and_the_plug(guest):
    guest.obey('on')
    wait_text(guest, 'BOOTED')
    guest.obey('soft off')
    assert concurrency.wait_for(lambda: not guest.is_on, SECONDS)
    guest.power_on()
    pid = guest.pid
    guest.power_off()
    guest.power_off()
    assert not guest.is_on
    assert not os.path.exists(f'/proc/{pid}')
    guest.obey('cycle')
    wait_text(guest, 'BOOTED', 2)


def test_a_disk_fault_is_an_error_to_the_guest_and_ends_when_told(guest):
    guest.disk_fault(1 << 20)                           # before the power is on: it counts from the start
    guest.power_on()
    wait_text(guest, 'BOOTED')
    press(guest, 'w')
    wait_text(guest, 'DISK ERROR')
    assert guest.is_on
    guest.disk_fault(None)
    press(guest, 'w')
    wait_text(guest, 'WRITTEN')
    guest.power_off()
    with open(guest.disk, 'rb') as disk:
        disk.seek(4096 * 512)
        assert disk.read(8) == b'BOOTED\r\n'
    assert guest.disk.stat().st_size == 64 << 20
    assert guest.disk.stat().st_blocks * 512 < 1 << 20  # sparse


def test_the_throttle_is_in_force_at_once_and_after_a_power_cycle(guest):
    def bytes_per_second():
        blocks = guest._qmp.execute('query-block')
        return [block['inserted']['bps_wr'] for block in blocks if block['qdev'].endswith('virtio-backend')]

    guest.throttle(123456)
    guest.power_on()
    assert bytes_per_second() == [123456]
    guest.throttle(None)
    assert bytes_per_second() == [0]
    guest.throttle(4711)
    guest.power_cycle()
    assert bytes_per_second() == [4711]


def test_a_cable_that_is_out_keeps_the_network_away(guest):
    guest.link(is_up=False)
    guest.power_on('pxe')
    wait_text(guest, 'Configuring (net0 52:54:00:00:00:01)' + 10 * '.')       # with a network it takes about 6 dots
    assert 'Filename: http' not in read_log(guest)
    guest.link(is_up=True)
    guest.boot.set('pxe')
    guest.reset()
    wait_text(guest, 'Filename: http')


def test_a_cable_that_is_pulled_while_the_machine_ends_is_out_at_the_next_start(guest):
    guest.power_on()
    os.kill(guest.pid, signal.SIGSTOP)                   # as yet it is on, and answers no more
    threading.Timer(0.3, os.kill, (guest.pid, signal.SIGKILL)).start()
    guest.link(is_up=False)
    assert not guest.is_on
    guest.power_on('pxe')
    wait_text(guest, 'Configuring (net0 52:54:00:00:00:01)' + 10 * '.')
    assert 'Filename: http' not in read_log(guest)


def test_a_machine_that_cannot_start_says_why_and_is_off(tmp_path):
    machine = Machine(make_spec(), tmp_path / 'iron', 'tap,ifname=no-such-tap-here,script=/no/such/script')
    with pytest.raises(errors.HardwareFailure, match=r'(?s)Machine iron did not start: .*(script|tun)'):
        machine.power_on()
    assert concurrency.wait_for(lambda: not machine.is_on, 10)
    machine.obey('on')
    assert not concurrency.wait_for(lambda: machine.is_on, 1)


def test_a_disk_fault_that_would_hit_the_console_log_is_refused(tmp_path):
    machine = Machine(make_spec(), tmp_path / 'iron', 'user')
    with pytest.raises(errors.InvalidParameter, match='byte 4096'):
        machine.disk_fault(4096)


def test_power_off_while_the_guest_reboots_again_and_again(guest):
    guest.power_on()
    wait_text(guest, 'BOOTED')
    for count in range(2, 5):
        press(guest, 'r')
        wait_text(guest, 'BOOTED', count)
    press(guest, 'r')
    guest.power_off()
    assert not guest.is_on
    starts = guest.starts
    assert not concurrency.wait_for(lambda: guest.is_on or guest.starts > starts, 1)


def test_uefi_speaks_and_keeps_variables_of_its_own(tmp_path):
    machine = Machine(make_spec(firmware='uefi', memory_mib=256), tmp_path / 'iron', 'user')
    assert (tmp_path / 'iron/vars.fd').exists()
    machine.power_on('pxe')
    try:
        wait_text(machine, 'iPXE')
    finally:
        machine.power_off()
