"""IPMI against real BMC implementations, well and when things go wrong."""

import subprocess
import sys
import threading
import time
from concurrent import futures

import pytest

from ingot import concurrency, config, errors
from ingot.drivers import base
from ingot.drivers.ipmi import address
from ingot.drivers.ipmi.management import IpmiManagement
from ingot.drivers.ipmi.owner import Owner
from ingot.drivers.ipmi.power import IpmiPower

_UNDER_EVENTLET = """
from ingot import concurrency
concurrency.start('eventlet')
import sys
from concurrent import futures
from ingot import config
from ingot.drivers import base
from ingot.drivers.ipmi.owner import Owner
from ingot.drivers.ipmi.power import IpmiPower
context = base.Context(config.load())
power = IpmiPower(context)
context.service(Owner).start()
node = {'uuid': 'n1', 'driver_info': {'ipmi_address': '127.0.0.1', 'ipmi_port': sys.argv[1], 'ipmi_username': 'admin',
                                      'ipmi_password': 'secret'}}
print(list(futures.ThreadPoolExecutor(3).map(power.state, [node] * 3)))
context.service(Owner).stop()
"""


def listen(bmc):
    """A list that fills with the datagrams that reach ``bmc``."""
    heard, honest = [], bmc.answer
    bmc.answer = lambda datagram: heard.append(datagram) or honest(datagram)
    return heard


def test_each_power_target_is_reached_and_confirmed(simulator, started):
    power, node = started(IpmiPower), simulator.node()
    for target, is_on in (('power on', True), ('rebooting', True), ('soft rebooting', True), ('soft power off', False),
                          ('power on', True), ('power off', False), ('rebooting', True)):
        power.set(node, target, 20)
        assert simulator.is_on == is_on, target
        assert power.state(node) == ('power on' if is_on else 'power off')


def test_a_reboot_is_off_and_then_on_and_a_repeated_order_is_none(rack, started):
    bmc, node = rack.add()
    power = started(IpmiPower)
    power.set(node, 'power on', 20)
    power.set(node, 'power on', 20)
    power.set(node, 'rebooting', 20)
    assert bmc.machine.orders == ['on', 'off', 'on']


def test_an_unknown_target_is_refused(rack, started):
    with pytest.raises(errors.InvalidParameter, match='"explode"; possible: power on'):
        started(IpmiPower).set(rack.add()[1], 'explode', 1)


@pytest.mark.parametrize('is_persistent', [True, False])
def test_boot_flags_carry_device_persistence_and_boot_mode(rack, started, is_persistent):
    bmc, node = rack.add()
    management = started(IpmiManagement)
    assert management.boot_device(node) == (None, None)
    for device in management.boot_devices(node):
        management.set_boot_device(node, device, is_persistent=is_persistent)
        assert management.boot_device(node) == (device, is_persistent)
        assert (bmc.machine.boot.device, bmc.machine.boot.is_uefi) == (device, False)
    for uefi in ({'boot_mode': 'uefi'}, {'properties': {'capabilities': 'cpu_vt:true,boot_mode:uefi'}},
                 {'properties': {'capabilities': {'boot_mode': 'uefi'}}}):
        management.set_boot_device(node, 'pxe')
        assert not bmc.machine.boot.is_uefi
        management.set_boot_device({**node, **uefi}, 'pxe')
        assert bmc.machine.boot.is_uefi


def test_flags_that_the_bmc_calls_invalid_are_no_device(simulator, started):
    management, node = started(IpmiManagement), simulator.node()
    management.set_boot_device(node, 'pxe')
    assert management.boot_device(node) == base.BootDevice(None, None)


def test_identity(simulator, started):
    info = started(IpmiManagement).bmc_info(simulator.node())
    assert info == {'manufacturer_id': 0x1291, 'product_id': 0xf02, 'manufacturer': '4753', 'product': '3842',
                    'device_id': 0, 'firmware_version': '9.08', 'ipmi_version': '2.0',
                    'guid': '674523a1-ab89-efcd-a123-456789abcdef'}


def test_sensors_are_grouped_by_their_kind(rack, started):
    _, node = rack.add()
    sensors = started(IpmiManagement).sensors(node)
    assert sensors['Temperature']['System Temp']['units'] == '°C'
    assert sensors['Temperature']['System Temp']['value'] > 0
    assert all(set(reading) == {'value', 'units', 'health'} for group in sensors.values() for reading in group.values())


@pytest.mark.parametrize(('suite', 'algorithm'), [('3', 1), ('17', 3), (None, 3)])
def test_cipher_suites(rack, started, suite, algorithm):
    bmc, node = rack.add(ipmi_cipher_suite=suite)
    heard = listen(bmc)
    assert started(IpmiPower).state(node) == 'power off'
    # Open Session Request (payload type 10h): the authentication algorithm that is proposed (table 13-9).
    assert {packet[28] for packet in heard if packet[4] == 6 and packet[5] == 0x10} == {algorithm}


def test_the_suite_falls_back_but_not_behind_the_operator(simulator, started):
    power = started(IpmiPower)
    assert power.state(simulator.node()) == 'power off'
    with pytest.raises(errors.BmcRefused, match=r'(?i)cipher suite') as caught:
        power.state(simulator.node(ipmi_cipher_suite='17'))
    assert 'ipmi_cipher_suite' in caught.value.remedy


def test_an_operator_may_switch_without_being_asked_for_the_level(simulator, started):
    node = simulator.node(ipmi_username='op')
    started(IpmiPower).set(node, 'power on', 20)
    assert simulator.is_on


@pytest.mark.parametrize('wrong', [{'ipmi_password': 'wrong-one'}, {'ipmi_username': 'nobody'}])
def test_a_wrong_login_fails_at_once_and_says_no_secret(simulator, started, wrong):
    power = started(IpmiPower)
    began = time.monotonic()
    with pytest.raises(errors.BmcRefused) as caught:
        power.state(simulator.node(**wrong))
    assert time.monotonic() - began < 5
    assert 'refused the login' in str(caught.value)
    assert 'ipmi_password' in caught.value.remedy
    assert 'wrong-one' not in caught.value.explain() + repr(address.read(simulator.node(**wrong)))
    assert power.state(simulator.node()) == 'power off'      # the right one still works, in the same process


def test_the_password_may_change_on_a_held_session(rack, started):
    bmc, node = rack.add()
    power = started(IpmiPower)
    power.state(node)
    bmc.turn('refuse', True)
    with pytest.raises(errors.BmcRefused):
        power.state({**node, 'driver_info': {**node['driver_info'], 'ipmi_password': 'new'}})


def test_a_silent_bmc_ends_at_the_deadline(rack, started):
    bmc, node = rack.add()
    bmc.turn('silent', True)
    owner = started(IpmiPower)._owner
    began = time.monotonic()
    with pytest.raises(errors.BmcUnreachable, match=rf'{node["uuid"]}.*did not answer within 1.5 s'):
        owner.ask(address.read(node), 0, 1, seconds=1.5)
    assert 1.4 < time.monotonic() - began < 6
    bmc.turn('silent', False)
    assert owner.ask(address.read(node), 0, 1)


def test_a_name_that_does_not_exist(started):
    node = {'uuid': 'n', 'driver_info': {'ipmi_address': 'no such host', 'ipmi_password': 'x'}}
    with pytest.raises(errors.BmcUnreachable, match='no such host:623 is not found'):
        started(IpmiPower).state(node)


def test_a_restarted_bmc_is_reconnected_in_the_same_process(simulator, started):
    power, node = started(IpmiPower), simulator.node()
    for _ in range(2):
        assert power.state(node) == 'power off'
        simulator.stop()
        simulator.start()
    power.set(node, 'power on', 20)
    assert simulator.is_on


def test_a_dead_bmc_fails_and_works_again_once_it_lives(simulator, started):
    power, node = started(IpmiPower), simulator.node()
    power.state(node)
    simulator.stop()
    with pytest.raises(errors.BmcUnreachable):
        power._owner.ask(address.read(node), 0, 1, seconds=2)
    simulator.start()
    assert power.state(node) == 'power off'


def test_a_bmc_that_is_reset_while_the_machine_is_switched(rack, started):
    bmc, node = rack.add()
    power = started(IpmiPower)
    power.state(node)
    bmc.turn('slow', 0.5)
    with futures.ThreadPoolExecutor(1) as pool:
        change = pool.submit(power.set, node, 'power on', 30)
        assert concurrency.wait_for(lambda: bmc.machine.is_on, 20)
        bmc.turn('reset', 1)
        change.result(30)
    assert power.state(node) == 'power on'


def test_a_machine_that_does_not_obey(rack, started):
    bmc, node = rack.add()
    bmc.turn('stuck', True)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        started(IpmiPower).set(node, 'power on', 1)
    assert all(word in str(caught.value) for word in (node['uuid'], '"power on"', 'within 1 s', 'last seen: power off'))


def test_an_order_that_got_lost_is_given_again(rack, started, monkeypatch):
    monkeypatch.setattr('ingot.drivers.ipmi.power._AGAIN', 0.3)
    bmc, node = rack.add()
    bmc.turn('stuck', True)
    power = started(IpmiPower)
    with futures.ThreadPoolExecutor(1) as pool:
        change = pool.submit(power.set, node, 'power on', 30)
        assert not concurrency.wait_for(lambda: bmc.machine.is_on, 0.5)
        bmc.turn('stuck', False)
        change.result(30)
    assert bmc.machine.is_on


def test_lost_packets_are_sent_again(rack, started):
    power = started(IpmiPower)
    nodes = []
    for _ in range(10):
        bmc, node = rack.add()
        bmc.turn('loss', 0.05)
        nodes.append(node)
    with futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda node: power._owner.ask(address.read(node), 0, 1, seconds=60), nodes))
    assert len(answers) == 10


def test_a_slow_bmc_is_waited_for(rack, started):
    bmc, node = rack.add()
    bmc.turn('delay', 0.9)
    assert started(IpmiPower)._owner.ask(address.read(node), 0, 1, seconds=60)


def test_one_dead_bmc_and_a_wrong_password_keep_nobody_else_waiting(rack, started):
    power = started(IpmiPower)
    good = [rack.add()[1] for _ in range(30)]
    dead, dead_node = rack.add()
    dead.turn('silent', True)
    _, wrong_node = rack.add(ipmi_password='wrong')
    with futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(power._owner.ask, address.read(dead_node), 0, 1, seconds=10) for _ in range(3)]
        refused = pool.submit(power.state, wrong_node)
        began = time.monotonic()
        states = [state for _ in range(5) for state in pool.map(power.state, good)]
        seconds = time.monotonic() - began
        assert states == ['power off'] * 150
        assert not any(future.done() for future in waiting)
        assert seconds < 10
        assert isinstance(refused.exception(15), errors.BmcRefused)
        assert all(isinstance(future.exception(30), errors.BmcUnreachable) for future in waiting)


def test_many_threads_ask_one_bmc(rack, started):
    power = started(IpmiPower)
    _, node = rack.add()
    with futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: power.state(node), range(200))) == {'power off'}


def test_two_logins_to_one_bmc_do_not_disturb_each_other(rack, started):
    power = started(IpmiPower)
    _, node = rack.add()
    wrong = {**node, 'driver_info': {**node['driver_info'], 'ipmi_password': 'wrong'}}

    def outcome(who):
        try:
            return power.state(who)
        except errors.BmcRefused:
            return 'refused'

    with futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outcome, [node, wrong, node, wrong] * 10)) == ['power off', 'refused'] * 20


def test_it_works_the_same_under_eventlet(simulator):
    done = subprocess.run([sys.executable, '-c', _UNDER_EVENTLET, str(simulator.port)], capture_output=True, text=True,
                          timeout=120)
    assert done.stdout.strip() == "['power off', 'power off', 'power off']", done.stderr


def test_broken_packets_do_no_harm(rack, started):
    bmc, node = rack.add()
    power = started(IpmiPower)
    power.state(node)
    honest = bmc.answer
    bmc.answer = lambda datagram: honest(datagram)[:20]
    with pytest.raises(errors.BmcUnreachable):
        power._owner.ask(address.read(node), 0, 1, seconds=2)
    bmc.answer = honest
    assert power.state(node) == 'power off'


def test_sessions_are_held_kept_alive_and_closed_when_unused(rack, started, monkeypatch):
    monkeypatch.setattr('ingot.drivers.ipmi.bmc._KEEPALIVE', 0.2)
    bmc, node = rack.add()
    heard = listen(bmc)
    power = started(IpmiPower)
    power.state(node)
    logins = len(heard)
    power.state(node)
    assert len(heard) == logins + 1                                         # no new login
    assert concurrency.wait_for(lambda: len(heard) >= logins + 3, 20)       # keepalives
    monkeypatch.setattr('ingot.drivers.ipmi.bmc._UNUSED', 0.5)
    assert concurrency.wait_for(lambda: not power._owner._bmcs, 20)
    assert power.state(node) == 'power off'


def test_stop_fails_who_waits_and_start_works_again(rack, started, context):
    bmc, node = rack.add()
    power = started(IpmiPower)
    power.state(node)
    bmc.turn('silent', True)
    owner = context.service(Owner)
    with futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(owner.ask, address.read(node), 0, 1, seconds=30)
        assert concurrency.wait_for(lambda: owner._busy, 10)
        owner.stop()
        assert isinstance(waiting.exception(10), errors.Unavailable)
    with pytest.raises(errors.Unavailable, match='not running'):
        power.state(node)
    bmc.turn('silent', False)
    owner.start()
    assert power.state(node) == 'power off'


@pytest.fixture
def begin(started):
    """``begin(nodes)`` asks all of them at once; {uuid: (state, error)}, which fills as they answer."""
    power = started(IpmiPower)

    def ask(nodes):
        told = {}
        for node in nodes:
            power.begin_state(node, lambda state, error=None, node=node: told.setdefault(node['uuid'], []).append((state, error)))
        return told
    return ask


def test_many_are_asked_at_once_without_a_thread_for_each(rack, begin):
    nodes = [rack.add()[1] for _ in range(80)]
    before = threading.active_count()
    for _ in range(2):      # log in, and then on held sessions
        told = begin(nodes)
        assert threading.active_count() == before
        assert concurrency.wait_for(lambda told=told: len(told) == 80, 30)
        assert all(answers == [('power off', None)] for answers in told.values())


def test_who_cannot_be_asked_is_told_too(rack, begin):
    (dead, dead_node), (_, wrong_node) = rack.add(), rack.add(ipmi_password='wrong')
    dead.turn('silent', True)
    nowhere = {'uuid': 'nowhere', 'driver_info': {'ipmi_address': 'no such host', 'ipmi_password': 'x'}}
    told = begin([dead_node, wrong_node, nowhere, rack.add()[1]])
    assert concurrency.wait_for(lambda: len(told) == 4, 30)
    kinds = {uuid: type(error) for uuid, [(_, error)] in told.items()}
    assert [kinds[node['uuid']] for node in (dead_node, wrong_node, nowhere)] == [
        errors.BmcUnreachable, errors.BmcRefused, errors.BmcUnreachable]


def test_an_address_that_is_missing_is_refused_at_once(begin):
    with pytest.raises(errors.InvalidParameter, match='ipmi_address is missing'):
        begin([{'uuid': 'n', 'driver_info': {}}])


def test_who_is_asked_when_the_service_stops_is_told(rack, begin, context):
    bmc, node = rack.add()
    bmc.turn('silent', True)
    told = begin([node] * 3)
    context.service(Owner).stop()
    assert [type(error) for _, error in told[node['uuid']]] == [errors.Unavailable] * 3


def test_no_more_sessions_are_held_than_is_good(rack, begin, context, monkeypatch):
    """And those that are held stay held, though all are asked in turn."""
    monkeypatch.setattr('ingot.drivers.ipmi.owner._HELD', 5)
    bmcs, nodes = zip(*(rack.add() for _ in range(12)), strict=True)
    owner = context.service(Owner)
    for _ in range(2):
        for node in nodes:
            told = begin([node])
            assert concurrency.wait_for(lambda told=told: told, 30)
        assert concurrency.wait_for(lambda: len(owner._bmcs) == 5, 30)
    assert [key[0] for key in owner._bmcs] == [node['driver_info']['ipmi_address'] for node in nodes[:5]]
    assert concurrency.wait_for(lambda: [len(bmc.sessions) for bmc in bmcs] == [1] * 5 + [0] * 7, 30)


@pytest.mark.parametrize(('key', 'value', 'words'), [
    ('ipmi_address', None, 'ipmi_address is missing'),
    ('ipmi_port', 'abc', 'ipmi_port is "abc"'),
    ('ipmi_port', 65536, 'ipmi_port is "65536"'),
    ('ipmi_username', 'x' * 17, 'ipmi_username must be text of at most 16 bytes'),
    ('ipmi_password', 'ü' * 11, 'ipmi_password must be text of at most 20 bytes'),
    ('ipmi_password', 12345, 'ipmi_password must be text'),
    ('ipmi_priv_level', 'ROOT', 'ipmi_priv_level is "ROOT"; possible: USER, OPERATOR, ADMINISTRATOR'),
    ('ipmi_cipher_suite', 0, None),
    ('ipmi_cipher_suite', 1, 'ipmi_cipher_suite is "1"; possible: 3, 17'),
    ('ipmi_protocol_version', '1.5', 'ipmi_protocol_version must be 2.0'),
    ('ipmi_hex_kg_key', 'zz', 'ipmi_hex_kg_key must be 40 hexadecimal digits'),
])
def test_what_driver_info_must_be(key, value, words):
    node = {'uuid': 'n1', 'driver_info': {'ipmi_address': '10.0.0.1', key: value}}
    power = IpmiPower(base.Context(config.load()))
    if words is None:
        power.validate(node)
    else:
        with pytest.raises(errors.InvalidParameter, match=f'Node n1: driver_info/{words}'):
            power.validate(node)
