"""Logins: who gets in, who does not, and what is heard twice."""

import pytest

from ingot.lab import rmcp, session


@pytest.mark.parametrize('suite', [3, 17])
def test_both_suites_lead_to_a_session(console, suite):
    assert console(suite=suite).login().call(0, 1)[0] == 0


@pytest.mark.parametrize(('byte', 'value'), [(12, 2), (20, 2), (28, 0), (12, 3)])
def test_other_algorithms_are_no_cipher_suite(bmc, console, byte, value):
    """MD5, MD5-128, no encryption, and SHA256 with the integrity of SHA1."""
    sent = console(bmc.answer, suite=3)
    sent.exchange = lambda packet: bmc.answer(packet[:16 + byte] + bytes((value,)) + packet[17 + byte:])
    assert sent.open() == session.NO_SUITE
    assert len(bmc.sessions) == 0


def test_a_wrong_password_is_noticed_by_both_sides(bmc, console):
    stranger = console(password='wrong')
    assert (stranger.open(), stranger.meet()) == (0, 0)
    assert not stranger.is_bmc_genuine
    assert stranger.prove() == session.BAD_CODE
    assert len(bmc.sessions) == 0


@pytest.mark.parametrize('user', ['', 'admi', 'admin2', 'ADMIN'])
def test_an_unknown_user_is_refused(console, user):
    stranger = console(user=user)
    assert (stranger.open(), stranger.meet()) == (0, session.BAD_NAME)


def test_rakp_3_before_rakp_1_is_no_session(bmc):
    answer = bmc.answer(rmcp.frame(rmcp.RAKP3, b'\x09\0\0\0' + b'\x01\0\0\0' + bytes(32)))
    assert answer[17] == session.NO_SUCH_SESSION


def test_repeated_set_up_messages_get_the_same_answers(bmc, console):
    """UDP may lose the answer to RAKP 1 or 3: the console says it again, and must not be locked out."""
    said = []

    def twice(packet):
        said.append((bmc.answer(packet), bmc.answer(packet)))
        return said[-1][0]

    talker = console(twice)
    assert talker.open() == 0
    assert (talker.meet(), talker.prove()) == (0, 0)
    for first, second in said[1:]:
        assert first == second


def test_a_session_ends_after_a_minute_of_silence(bmc, console, monkeypatch):
    now = 1000.0
    monkeypatch.setattr('ingot.lab.session.time.monotonic', lambda: now)
    monkeypatch.setattr('ingot.lab.bmc.time.monotonic', lambda: now)
    talker = console().login()
    for _ in range(4):
        now += session.INACTIVITY_SECONDS - 1
        assert talker.call(6, 1)[0] == 0
    now += session.INACTIVITY_SECONDS + 1
    assert talker.call(6, 1) is None
    assert len(bmc.sessions) == 0


def test_a_flood_of_logins_pushes_out_no_session(bmc, console):
    talker = console().login()
    for _ in range(3 * session.MOST):
        console().open()
    assert len(bmc.sessions) == session.MOST
    assert talker.call(6, 1)[0] == 0


def test_each_sequence_number_is_accepted_once_and_late_ones_within_the_window():
    login = session.Session(1, 2, None)
    assert [login.accept(number) for number in (1, 2, 2, 1, 5, 4, 3, 3, 5)] == [
        True, True, False, False, True, True, True, False, False]
    assert login.accept(100)
    assert login.accept(100 - session.WINDOW + 1)
    assert not login.accept(100 - session.WINDOW)
    assert not login.accept(0)


def test_a_replayed_command_is_answered_but_not_done_again(machine, console):
    talker = console().login()
    packet = talker.packet(0, 2, b'\x01')
    first = talker.exchange(packet)
    assert talker.exchange(packet) == first
    talker.call(6, 1)
    assert talker.exchange(packet) is None
    assert machine.history == [('on', None)]
