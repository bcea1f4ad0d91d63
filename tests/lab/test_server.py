"""Many BMCs on one socket, and the knobs that belong to the network."""

import random
import socket
import time

import pytest

from ingot import concurrency, errors
from ingot.lab.server import BmcServer
from ingot.lab.simulated import SimulatedMachine

USER, PASSWORD = 'admin', 'a secret of 20 bytes'


@pytest.fixture
def reach(server, console):
    """``reach(address)``: a console on UDP; a datagram without an answer within ``seconds`` is None."""
    channels = []

    def connect(address, seconds=20):
        channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        channels.append(channel)
        channel.settimeout(seconds)
        channel.connect((address, server.port))        # so that an answer from any other address is not heard

        def exchange(datagram):
            channel.send(datagram)
            try:
                return channel.recv(2048)
            except TimeoutError:
                return None
        exchange.channel = channel
        return console(exchange)

    yield connect
    for channel in channels:
        channel.close()


def test_two_hundred_bmcs_on_one_socket_are_kept_apart(server, reach):
    machines = {f'127.31.{number // 100}.{number % 100 + 1}': SimulatedMachine() for number in range(200)}
    for address, machine in machines.items():
        server.add(address, machine, USER, PASSWORD)
    consoles = {address: reach(address).login() for address in machines}
    switched = set(random.sample(sorted(machines), 100))
    for address in switched:
        assert consoles[address].call(0, 2, b'\x01')[0] == 0
    # the answer goes out before the command is carried out
    assert concurrency.wait_for(lambda: {key for key, machine in machines.items() if machine.is_on} == switched, 20)
    for address, talker in consoles.items():
        assert talker.call(0, 1)[1][0] & 1 == (address in switched)
        assert talker.call(6, 0x37)[1] == machines[address].uuid.bytes_le


def test_a_burst_is_answered(server, reach):
    """Every BMC is asked before any answer is read: none gets lost on the way."""
    addresses = [f'127.32.0.{number + 1}' for number in range(150)]
    for address in addresses:
        server.add(address, SimulatedMachine(), USER, PASSWORD)
    consoles = [reach(address).login() for address in addresses]
    inboxes = []
    for talker in consoles:
        channel = talker.exchange.channel
        channel.send(talker.packet(0, 1))
        inboxes.append(channel)
    assert [talker.read(inbox.recv(2048))[0] for talker, inbox in zip(consoles, inboxes, strict=True)] == [0] * 150


def test_an_address_without_a_bmc_is_silent(server, reach):
    server.add('127.33.0.1', SimulatedMachine(), USER, PASSWORD)
    reach('127.33.0.1').login()
    stranger = reach('127.33.0.2', 0.3)
    assert stranger.exchange(b'\x06\x00\xff\x07\x00' + bytes(8) + b'\x09' + bytes.fromhex('2018c88104388e04b1')) is None
    server.remove('127.33.0.1')
    assert reach('127.33.0.1', 0.3).exchange(b'\x06\x00\xff\x07\x00' + bytes(20)) is None


def test_an_address_is_given_once_and_a_port_too(server):
    server.add('127.33.0.1', SimulatedMachine(), USER, PASSWORD)
    with pytest.raises(errors.Duplicate, match=r'127\.33\.0\.1'):
        server.add('127.33.0.1', SimulatedMachine(), USER, PASSWORD)
    with pytest.raises(errors.HardwareFailure, match=str(server.port)):
        BmcServer('0.0.0.0', server.port)


def test_knob_delay(server, reach):
    bmc = server.add('127.33.0.1', SimulatedMachine(), USER, PASSWORD)
    talker = reach('127.33.0.1').login()
    bmc.turn('delay', 0.3)
    begin = time.monotonic()
    assert talker.call(6, 1)[0] == 0
    assert time.monotonic() - begin >= 0.3


def test_knob_slow_lets_the_answer_come_first(server, reach):
    machine = SimulatedMachine()
    bmc = server.add('127.33.0.1', machine, USER, PASSWORD)
    talker = reach('127.33.0.1').login()
    bmc.turn('slow', 0.5)
    assert talker.call(0, 2, b'\x01')[0] == 0
    assert not machine.is_on
    assert concurrency.wait_for(lambda: machine.is_on, 20)


def test_knobs_loss_and_silent(server, reach):
    bmc = server.add('127.33.0.1', SimulatedMachine(), USER, PASSWORD)
    talker = reach('127.33.0.1').login()
    bmc.turn('silent', True)
    talker.exchange.channel.settimeout(0.3)
    assert talker.call(6, 1) is None
    bmc.turn('silent', False)
    bmc.turn('loss', 1)
    assert talker.call(6, 1) is None
    bmc.turn('loss', 0)
    talker.exchange.channel.settimeout(20)
    assert talker.call(6, 1)[0] == 0


def test_one_broken_machine_does_not_silence_the_others(server, reach):
    class Broken(SimulatedMachine):
        @property
        def is_on(self):
            raise RuntimeError('broken')

        @is_on.setter
        def is_on(self, value):
            pass

    server.add('127.33.0.1', Broken(), USER, PASSWORD)
    server.add('127.33.0.2', SimulatedMachine(), USER, PASSWORD)
    broken = reach('127.33.0.1').login()
    broken.exchange.channel.settimeout(0.3)
    assert broken.call(0, 1) is None
    assert reach('127.33.0.2').login().call(0, 1)[0] == 0
