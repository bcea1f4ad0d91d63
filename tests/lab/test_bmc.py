"""One BMC without a network: commands, privileges, knobs, and noise."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingot import errors
from ingot.lab import commands, rmcp, session
from ingot.lab.bmc import Bmc
from ingot.lab.boot import BootFlags
from ingot.lab.simulated import SimulatedMachine

OUTSIDE = {(6, 0x37), (6, 0x38), (6, 0x54)}


def ask_outside(bmc, netfn, command, data=b'', *, is_plus=True):
    head, body = bytes((0x20, netfn << 2)), bytes((0x81, 4, command)) + data
    payload = head + bytes((rmcp.checksum(head),)) + body + bytes((rmcp.checksum(body),))
    answer = bmc.answer(rmcp.frame(rmcp.IPMI, payload) if is_plus else rmcp.frame_old(payload))
    return answer[(16 if is_plus else 14) + 6]


@pytest.mark.parametrize('is_plus', [True, False])
def test_outside_of_a_session_only_the_questions_before_a_login_are_answered(bmc, machine, every_command, is_plus):
    for netfn, command in every_command:
        code = ask_outside(bmc, netfn, command, b'\x01' * 8, is_plus=is_plus)
        assert code == (0 if (netfn, command) in OUTSIDE else commands.NO_PRIVILEGE)
    assert machine.history == []


@pytest.mark.parametrize(('privilege', 'refused'), [
    (2, {(6, 2), (6, 3), (0, 2), (0, 4), (0, 8), (0, 9)}), (3, {(6, 2), (6, 3)}), (4, set())])
def test_privileges(bmc, console, every_command, privilege, refused):
    talker = console(role=privilege).login(privilege)
    codes = {key: talker.call(*key, b'\0' * 8)[0] for key in every_command if key not in {(6, 2), (6, 3), (6, 0x3C)}}
    assert {key for key, code in codes.items() if code == commands.NO_PRIVILEGE} == refused - {(6, 2), (6, 3)}
    assert (talker.call(6, 2)[0] == commands.NO_PRIVILEGE) == ((6, 2) in refused)


def test_a_session_starts_as_user_and_rises_to_its_role_only(console):
    talker = console(role=3)
    assert (talker.open(), talker.meet(), talker.prove()) == (0, 0, 0)
    assert talker.call(0, 2, b'\x01')[0] == commands.NO_PRIVILEGE
    assert talker.call(6, 0x3B, b'\x00') == (0, b'\x02')
    assert talker.call(6, 0x3B, b'\x04')[0] == 0x81
    assert talker.call(6, 0x3B, b'\x03') == (0, b'\x03')
    assert talker.call(0, 2, b'\x01')[0] == 0


def test_every_command_copes_with_short_data(console, every_command):
    talker = console().login()
    for key in sorted(set(every_command) - {(6, 2), (6, 3)}):
        for size in range(8):
            code = talker.call(*key, bytes(size))[0]
            assert code in (0, 0x80, 0x87, commands.TOO_SHORT, commands.NOT_PRESENT, commands.OUT_OF_RANGE), (key, size)


def test_power(machine, console):
    talker = console().login()
    for byte, expected in ((1, True), (2, True), (3, True), (5, False), (1, True), (0, False)):
        assert talker.call(0, 2, bytes((byte,)))[0] == 0
        assert machine.is_on == expected
        assert talker.call(0, 1)[1][0] & 1 == expected
    assert [action for action, _ in machine.history] == ['on', 'cycle', 'reset', 'soft off', 'on', 'off']
    assert talker.call(0, 2, b'\x02')[0] == talker.call(0, 2, b'\x03')[0] == commands.NOT_IN_STATE
    assert talker.call(0, 2, b'\x04')[0] == talker.call(0, 2, b'\x09')[0] == commands.BAD_FIELD
    assert not machine.is_on


def test_a_one_shot_boot_device_is_spent_by_the_next_start_and_a_persistent_one_is_not(machine, console):
    talker = console().login()
    talker.call(0, 8, bytes((5, 0x80, 1 << 2, 0, 0, 0)))
    assert (machine.boot.device, machine.boot.is_persistent) == ('pxe', False)
    talker.call(0, 2, b'\x01')
    assert machine.boot.device is None
    talker.call(0, 2, b'\x02')
    talker.call(0, 8, bytes((5, 0xE0, 2 << 2, 0, 0, 0)))
    assert talker.call(0, 9, b'\x05\0\0') == (0, bytes((1, 5, 0xE0, 2 << 2, 0, 0, 0)))
    talker.call(0, 2, b'\x03')
    talker.call(0, 2, b'\x02')
    assert machine.history == [('on', 'pxe'), ('cycle', None), ('reset', 'disk'), ('cycle', 'disk')]
    talker.call(0, 8, bytes((5, 0, 1 << 2, 0, 0, 0)))
    assert machine.boot.device is None
    assert talker.call(0, 9, b'\x05\0\0')[1] == bytes((1, 5, 0, 0, 0, 0, 0))


@given(st.binary(min_size=2, max_size=5))
def test_boot_flags_come_back_as_they_were_set(data):
    flags, again = BootFlags(), BootFlags()
    flags.decode(data)
    again.decode(flags.encode())
    assert (again.device, again.is_persistent, again.is_uefi) == (flags.device, flags.is_persistent, flags.is_uefi) or (
        flags.device is None and not flags.is_persistent)


def test_other_boot_parameters_are_kept_until_the_bmc_is_reset(bmc, console):
    talker = console().login()
    assert talker.call(0, 8, b'\x03\x1f')[0] == 0
    assert talker.call(0, 9, b'\x03\0\0') == (0, b'\x01\x03\x1f')
    assert talker.call(0, 9, b'\x60\0\0')[0] == talker.call(0, 8, b'\x60\0')[0] == commands.NOT_SUPPORTED_PARAMETER
    assert talker.call(6, 2)[0] == 0
    assert talker.call(6, 1) is None
    assert console().login().call(0, 9, b'\x03\0\0') == (0, b'\x01\x03\x00')


def test_closing_a_session_ends_it_and_no_other(console):
    first, second = console().login(), console().login()
    assert first.call(6, 0x3C, first.bmc_id.to_bytes(4, 'little'))[0] == 0
    assert first.call(6, 1) is None
    assert second.call(6, 0x3C, b'\x01\x02\x03\x04')[0] == 0x87
    assert second.call(6, 1)[0] == 0


def test_only_an_administrator_closes_the_sessions_of_others(console):
    first, user = console().login(), console(role=2).login(2)
    assert user.call(6, 0x3C, first.bmc_id.to_bytes(4, 'little'))[0] == commands.NO_PRIVILEGE
    assert first.call(6, 0x3C, user.bmc_id.to_bytes(4, 'little'))[0] == 0
    assert user.call(6, 1) is None


def test_knob_lie_and_stuck(bmc, machine, console):
    talker = console().login()
    bmc.turn('lie', 'on')
    assert talker.call(0, 1)[1][0] & 1
    assert not machine.is_on
    bmc.turn('lie', None)
    bmc.turn('stuck', True)
    assert talker.call(0, 2, b'\x01')[0] == 0
    assert machine.history == []
    bmc.turn('stuck', False)
    talker.call(0, 2, b'\x01')
    assert machine.is_on


def test_knob_refuse(bmc, console):
    talker = console().login()
    bmc.turn('refuse', True)
    assert talker.call(6, 1)[0] == 0
    stranger = console()
    assert (stranger.open(), stranger.meet(), stranger.is_bmc_genuine) == (0, 0, False)
    assert stranger.prove() == session.BAD_CODE
    bmc.turn('refuse', False)
    console().login()


def test_knob_reset_drops_every_session(bmc, machine, console):
    talker = console().login()
    talker.call(0, 2, b'\x01')
    bmc.turn('reset', 0)
    assert talker.call(6, 1) is None
    assert machine.is_on
    console().login()
    bmc.turn('reset', 100)
    assert bmc.is_deaf


@pytest.mark.parametrize(('name', 'value'), [('dealy', 1), ('delay', -1), ('delay', '1'), ('delay', True), ('loss', 1.5),
                                             ('silent', 1), ('lie', 'maybe'), ('lie', True)])
def test_a_knob_says_what_it_takes(bmc, name, value):
    with pytest.raises(errors.InvalidParameter, match=name):
        bmc.turn(name, value)


@settings(max_examples=300)
@given(st.binary(max_size=200), st.sampled_from([b'', rmcp.HEADER, rmcp.HEADER + b'\x06', rmcp.HEADER + b'\0' * 9]))
def test_noise_never_raises_and_never_moves_power(noise, start):
    machine = SimulatedMachine()
    Bmc(machine, 'admin', 'secret').answer(start + noise)
    assert machine.history == []


@settings(max_examples=300)
@given(st.sampled_from([rmcp.OPEN, rmcp.RAKP1, rmcp.RAKP3, rmcp.IPMI, 0x01, 0x3F]), st.binary(max_size=100))
def test_noise_in_well_formed_packets_never_raises_and_never_moves_power(kind, payload):
    machine = SimulatedMachine()
    bmc = Bmc(machine, 'admin', 'secret')
    bmc.answer(rmcp.frame(kind, payload))
    assert machine.history == []
    assert bmc.sessions.keys(1) is None


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_half_a_login_and_a_changed_power_command_never_move_power(console, data):
    """A power command whose session is not proven, or whose bytes were touched, is not heard."""
    machine = SimulatedMachine()
    bmc = Bmc(machine, 'admin', 'a secret of 20 bytes')
    talker = console(bmc.answer).login()
    packet = bytearray(talker.packet(0, 2, b'\x01'))
    index = data.draw(st.integers(4, len(packet) - 1))
    packet[index] ^= data.draw(st.integers(1, 255))
    assert bmc.answer(bytes(packet)) is None
    half = console(bmc.answer)
    assert (half.open(), half.meet()) == (0, 0)
    half.keys = talker.keys
    assert bmc.answer(half.packet(0, 2, b'\x01')) is None
    assert machine.history == []


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 63), st.integers(0, 255), st.binary(max_size=40))
def test_no_authenticated_command_raises(console, netfn, command, data):
    talker = console(Bmc(SimulatedMachine(), 'admin', 'a secret of 20 bytes').answer).login()
    assert talker.call(netfn & ~1, command, data) is not None
