"""Packets of RMCP+ and IPMI messages: bytes to values and back, with integrity and encryption.

Anything malformed, unprotected or wrongly signed becomes None: a BMC drops it without a word.
Source: IPMI 2.0 rev 1.1, 13.6 (packets, table 13-8), 13.28 (integrity), 13.29 (AES-CBC-128), 13.8 (LAN messages).
"""

import hmac
import os
import struct
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

HEADER = b'\x06\x00\xff\x07'      # RMCP 1.0, no acknowledge, class IPMI (13.1.3)
PLUS = 0x06                       # authentication type that marks RMCP+ (13.6)
AUTHENTICATED, ENCRYPTED = 0x40, 0x80
IPMI, OPEN, OPEN_ANSWER, RAKP1, RAKP2, RAKP3, RAKP4 = 0x00, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15   # payload types, 13.27.3
BMC_ADDRESS = 0x20


class Keys(NamedTuple):
    """What protects one session: digest name, bytes of its code that are sent, K1, and the first 16 bytes of K2."""

    digest: str
    code_size: int
    integrity: bytes
    encryption: bytes


class Packet(NamedTuple):
    kind: int                     # payload type
    session: int                  # id at the receiver, 0 outside of a session
    sequence: int
    payload: bytes
    is_plus: bool                 # False: IPMI 1.5 framing, which is only for what comes before a session


class Message(NamedTuple):
    netfn: int
    command: int
    data: bytes
    requester: int = 0x81
    sequence: int = 0
    luns: tuple = (0, 0)          # of the responder, of the requester


def parse(datagram, keys_of):
    """The packet in ``datagram``, checked and decrypted, or None. ``keys_of(session id)`` -> Keys or None."""
    if len(datagram) < 14 or datagram[0] != HEADER[0] or datagram[3] != HEADER[3]:
        return None
    if datagram[4] != PLUS:
        return _parse_old(datagram)
    if len(datagram) < 16:
        return None
    kind, session, sequence, size = struct.unpack_from('<BIIH', datagram, 5)
    flags, kind = kind & 0xC0, kind & 0x3F
    payload = datagram[16:16 + size]
    if len(payload) != size:
        return None
    if session:
        keys = keys_of(session)
        if keys is None or flags != AUTHENTICATED | ENCRYPTED or not _is_genuine(datagram, size, keys):
            return None
        payload = _decrypt(payload, keys)
    elif flags:
        return None
    return None if payload is None else Packet(kind, session, sequence, payload, True)


def _parse_old(datagram):
    authentication, sequence, session, size = struct.unpack_from('<BIIB', datagram, 4)
    if authentication or session or len(datagram) < 14 + size:
        return None
    return Packet(IPMI, 0, sequence, datagram[14:14 + size], False)


def _is_genuine(datagram, size, keys):
    """Whether the trailer (pad, pad length, next header, code) is well formed and the code is ours (13.28.4)."""
    pad = len(datagram) - 16 - size - 2 - keys.code_size
    signed, code = datagram[4:-keys.code_size], datagram[-keys.code_size:]
    expected = hmac.digest(keys.integrity, signed, keys.digest)[:keys.code_size]
    return pad >= 0 and hmac.compare_digest(code, expected) and signed[-2] == pad


def frame(kind, payload):
    """A packet outside of a session."""
    return HEADER + struct.pack('<BBIIH', PLUS, kind, 0, 0, len(payload)) + payload


def frame_old(payload):
    """A packet outside of a session in IPMI 1.5 framing."""
    return HEADER + struct.pack('<BIIB', 0, 0, 0, len(payload)) + payload


def seal(kind, payload, session, sequence, keys):
    """A packet inside of a session: encrypted, padded so that the signed part is a multiple of 4, signed."""
    body = _encrypt(payload, keys)
    head = struct.pack('<BBIIH', PLUS, kind | AUTHENTICATED | ENCRYPTED, session, sequence, len(body))
    pad = -(len(head) + len(body) + 2) % 4
    signed = head + body + b'\xff' * pad + bytes((pad, 0x07))
    return HEADER + signed + hmac.digest(keys.integrity, signed, keys.digest)[:keys.code_size]


def _encrypt(payload, keys):
    pad = -(len(payload) + 1) % 16
    vector = os.urandom(16)
    worker = Cipher(algorithms.AES(keys.encryption), modes.CBC(vector)).encryptor()
    return vector + worker.update(payload + bytes(range(1, pad + 1)) + bytes((pad,))) + worker.finalize()


def _decrypt(body, keys):
    if len(body) < 32 or len(body) % 16:
        return None
    worker = Cipher(algorithms.AES(keys.encryption), modes.CBC(body[:16])).decryptor()
    plain = worker.update(body[16:]) + worker.finalize()
    pad = plain[-1]
    return plain[:-1 - pad] if pad < 16 else None


def checksum(data):
    """Two's complement checksum of 13.8: bytes and checksum add up to 0 modulo 256."""
    return -sum(data) & 0xFF


def parse_message(payload):
    """The request in an IPMI payload, or None when it is too short, not for the BMC or has a wrong checksum."""
    if len(payload) < 7 or payload[0] != BMC_ADDRESS:
        return None
    if sum(payload[:3]) & 0xFF or sum(payload[3:]) & 0xFF:
        return None
    return Message(payload[1] >> 2, payload[5], payload[6:-1], payload[3], payload[4] >> 2, (payload[1] & 3, payload[4] & 3))


def build_answer(request, code, data=b''):
    """The IPMI payload that answers ``request`` with a completion code and data."""
    head = bytes((request.requester, (request.netfn + 1) << 2 & 0xFF | request.luns[1]))
    body = bytes((BMC_ADDRESS, request.sequence << 2 | request.luns[0], request.command, code)) + data
    return head + bytes((checksum(head),)) + body + bytes((checksum(body),))
