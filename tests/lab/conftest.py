"""A console that speaks IPMI by itself, BMCs to speak to, and QEMU racks that leave nothing behind."""

import os
import struct
import subprocess
import sys

import pytest

from ingot.lab import commands, rack, rakp, rmcp
from ingot.lab.bmc import Bmc
from ingot.lab.server import BmcServer
from ingot.lab.simulated import SimulatedMachine

USER, PASSWORD = 'admin', 'a secret of 20 bytes'
CONSOLE_ID = 0x11223344


class Console:
    """The other end of a BMC: ``exchange(datagram)`` -> datagram or None. Written from the specification, not from ours."""

    def __init__(self, exchange, *, suite=17, user=USER, password=PASSWORD, role=4):
        self.exchange, self.user, self.password, self.role = exchange, user.encode(), password.encode(), role
        self.suite = next(known for known in rakp.SUITES if known.number == suite)
        self.sequence = self.number = 0
        self.keys = self.bmc_id = None

    def open(self):
        """Status of the Open Session answer."""
        kinds = (self.suite.authentication, self.suite.integrity, self.suite.confidentiality)
        payload = struct.pack('<BBxxI', 1, 0, CONSOLE_ID)
        payload += b''.join(bytes((kind, 0, 0, 8, algorithm, 0, 0, 0)) for kind, algorithm in enumerate(kinds))
        answer = self._set_up(rmcp.OPEN, payload)
        if answer[1] == 0:
            self.bmc_id = struct.unpack_from('<I', answer, 8)[0]
        return answer[1]

    def meet(self):
        """Status of RAKP 2; its proof is checked."""
        self.random = os.urandom(16)
        answer = self._set_up(rmcp.RAKP1, struct.pack('<BxxxI', 2, self.bmc_id) + self.random
                              + bytes((self.role | 0x10, 0, 0, len(self.user))) + self.user)
        if answer[1] == 0:
            self.shared = rakp.Exchange(self.suite, CONSOLE_ID, self.bmc_id, self.random, answer[8:24], answer[24:40],
                                        self.role | 0x10, self.user)
            self.is_bmc_genuine = answer[40:] == self.shared.bmc_code(self.password)
        return answer[1]

    def prove(self):
        """Status of RAKP 4; its proof is checked."""
        self.proof = struct.pack('<BBxxI', 3, 0, self.bmc_id) + self.shared.console_code(self.password)
        answer = self._set_up(rmcp.RAKP3, self.proof)
        if answer[1] == 0:
            key = self.shared.session_key(self.password)
            assert answer[8:] == self.shared.final_code(key)
            self.keys = self.shared.keys(key)
        return answer[1]

    def login(self, privilege=4):
        assert (self.open(), self.meet(), self.prove()) == (0, 0, 0)
        assert self.call(6, 0x3B, bytes((privilege,)))[0] == 0
        return self

    def _set_up(self, kind, payload):
        answer = self.exchange(rmcp.frame(kind, payload))
        assert answer[5] == kind + 1
        return answer[16:]

    def request(self, netfn, command, data=b''):
        """The IPMI message; see table 13-8 and 13.8."""
        self.number = (self.number + 1) % 64
        head = bytes((0x20, netfn << 2))
        body = bytes((0x81, self.number << 2, command)) + data
        return head + bytes((rmcp.checksum(head),)) + body + bytes((rmcp.checksum(body),))

    def packet(self, netfn, command, data=b''):
        self.sequence += 1
        return rmcp.seal(rmcp.IPMI, self.request(netfn, command, data), self.bmc_id, self.sequence, self.keys)

    def call(self, netfn, command, data=b''):
        """(completion code, data), or None when there was no answer."""
        return self.read(self.exchange(self.packet(netfn, command, data)))

    def read(self, answer):
        if answer is None:
            return None
        packet = rmcp.parse(answer, {CONSOLE_ID: self.keys}.get)
        assert packet is not None, 'the BMC said something that is not protected as it should'
        return packet.payload[6], packet.payload[7:-1]


@pytest.fixture
def machine():
    return SimulatedMachine()


@pytest.fixture
def bmc(machine):
    return Bmc(machine, USER, PASSWORD)


@pytest.fixture
def console(bmc):
    """A factory of consoles that reach ``bmc`` without a network."""
    return lambda exchange=bmc.answer, **options: Console(exchange, **options)


@pytest.fixture
def server():
    served = BmcServer('0.0.0.0', 0)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def ipmitool(server, machine):
    """ipmitool at the BMC of ``machine``: words -> (exit status, what it said)."""
    bmc = server.add('127.30.9.1', machine, USER, PASSWORD)

    def call(*words, suite=17, user=USER, password=PASSWORD, options=('-N', '1', '-R', '3')):
        done = subprocess.run(['ipmitool', '-I', 'lanplus', '-H', '127.30.9.1', '-p', str(server.port), '-U', user,
                               '-P', password, '-C', str(suite), *options, *words],
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    call.bmc = bmc
    return call


@pytest.fixture
def python():
    """Run lines of Python in a process of their own; its standard output."""
    def run(script, *words):
        done = subprocess.run([sys.executable, '-c', script, *map(str, words)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout
    return run


@pytest.fixture
def lab(tmp_path):
    """``lab(machines, **options)`` starts a rack in tmp_path/rack; it is down again after the test."""
    folder = tmp_path / 'rack'
    options = {'namespace': f'igt{os.getpid()}'}
    yield lambda machines, **more: (folder, rack.up(folder, machines, **{**options, **more}))
    rack.down(folder)


@pytest.fixture
def every_command():
    return commands.COMMANDS
