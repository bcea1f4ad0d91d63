"""Packets: what is sealed can be opened by the one with the keys, and nothing else gets through."""

import os

from hypothesis import given
from hypothesis import strategies as st

from ingot.lab import rakp, rmcp

KEYS = [rmcp.Keys(suite.digest, suite.code_size, os.urandom(20), os.urandom(16)) for suite in rakp.SUITES]


@given(st.binary(max_size=300), st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from(KEYS))
def test_a_sealed_packet_comes_out_as_it_went_in(payload, session, sequence, keys):
    packet = rmcp.parse(rmcp.seal(rmcp.IPMI, payload, session, sequence, keys), {session: keys}.get)
    assert packet == (rmcp.IPMI, session, sequence, payload, True)


@given(st.binary(max_size=60), st.data(), st.sampled_from(KEYS))
def test_any_changed_bit_is_noticed(payload, data, keys):
    sealed = bytearray(rmcp.seal(rmcp.IPMI, payload, 7, 1, keys))
    bit = data.draw(st.integers(8 * 4, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    assert rmcp.parse(bytes(sealed), lambda session: keys) is None


@given(st.binary(max_size=60), st.data(), st.sampled_from(KEYS))
def test_a_packet_that_was_cut_is_noticed(payload, data, keys):
    sealed = rmcp.seal(rmcp.IPMI, payload, 7, 1, keys)
    assert rmcp.parse(sealed[:data.draw(st.integers(0, len(sealed) - 1))], lambda session: keys) is None


def test_inside_of_a_session_nothing_goes_unprotected():
    for flags in (0, rmcp.AUTHENTICATED, rmcp.ENCRYPTED):
        plain = bytearray(rmcp.frame(rmcp.IPMI, b'x' * 32))
        plain[5], plain[6] = flags, 7
        assert rmcp.parse(bytes(plain), lambda session: KEYS[0]) is None


@given(st.binary(max_size=120))
def test_noise_is_no_packet_and_no_error(noise):
    for start in (b'', rmcp.HEADER, rmcp.HEADER + b'\x06', rmcp.HEADER + b'\x06\xc0\x07\0\0\0'):
        packet = rmcp.parse(start + noise, lambda session: KEYS[0])
        assert packet is None or not packet.session


def test_messages_with_a_wrong_checksum_or_for_somebody_else_are_dropped():
    good = bytes.fromhex('2018c88104388e04b1')       # Get Channel Authentication Capabilities, as ipmitool sends it
    assert rmcp.parse_message(good) == (6, 0x38, b'\x8e\x04', 0x81, 1, (0, 0))
    for index in range(len(good)):
        bad = bytearray(good)
        bad[index] ^= 1
        assert rmcp.parse_message(bytes(bad)) is None
    assert rmcp.parse_message(good[:6]) is None


def test_an_answer_has_checksums_and_goes_back_to_the_requester():
    request = rmcp.Message(6, 0x38, b'', 0x81, 5, (1, 2))
    answer = rmcp.build_answer(request, 0xC1, b'data')
    assert sum(answer[:3]) % 256 == 0
    assert sum(answer[3:]) % 256 == 0
    assert (answer[0], answer[1], answer[4], answer[5], answer[6]) == (0x81, 7 << 2 | 2, 5 << 2 | 1, 0x38, 0xC1)
