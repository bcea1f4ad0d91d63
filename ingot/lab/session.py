"""Logins and sessions of one BMC: from Open Session to keys, sequence numbers, privilege and expiry.

Nothing here answers a command; ``Sessions.negotiate`` takes the four set-up payloads, ``Sessions.admit`` says whether a
protected packet may be heard. Source: IPMI 2.0 rev 1.1, 13.17-13.23, 6.12.8-6.12.14 (sequence numbers), 6.12.15 (timeouts).
"""

import hmac
import os
import secrets
import struct
import time

from ingot.lab import rakp, rmcp

INACTIVITY_SECONDS = 60
MOST = 64                         # logins and sessions a BMC keeps; the one that is idle longest makes room
WINDOW = 16                       # how far back a sequence number may still arrive (6.12.13)
USER, OPERATOR, ADMINISTRATOR = 2, 3, 4
# Status codes of table 13-15.
OK, FULL, NO_SUCH_SESSION, BAD_ROLE, BAD_NAME, BAD_CODE, NO_SUITE = 0x00, 0x01, 0x02, 0x09, 0x0D, 0x0F, 0x11


class Session:
    """One login: ``keys`` is None until RAKP 3 proved the password; ``privilege`` starts at user."""

    __slots__ = ('bmc_id', 'console_id', 'exchange', 'keys', 'last', 'privilege', 'received', 'seen', 'sent', 'suite',
                 'touched')

    def __init__(self, bmc_id, console_id, suite):
        self.bmc_id, self.console_id, self.suite = bmc_id, console_id, suite
        self.exchange = self.keys = self.last = None
        self.privilege = USER
        self.received = self.seen = self.sent = 0
        self.touched = time.monotonic()

    @property
    def most_privilege(self):
        return (self.exchange.role & 0x0F) or ADMINISTRATOR

    def accept(self, sequence):
        """Whether this sequence number is new; remembers it. Only for packets whose code was right."""
        ahead = sequence - self.received
        if ahead > 0:
            self.seen = (self.seen << ahead | 1) & ((1 << WINDOW) - 1) if ahead < WINDOW else 1
            self.received = sequence
            return True
        bit = 1 << -ahead
        if not sequence or -ahead >= WINDOW or self.seen & bit:
            return False
        self.seen |= bit
        return True

    def seal(self, payload):
        self.sent += 1
        return rmcp.seal(rmcp.IPMI, payload, self.console_id, self.sent, self.keys)


class Sessions:
    """Every session of one BMC with the one user that it knows.

    ``most``: logins and sessions beyond so many are refused; None: the one that is idle longest makes room.
    """

    __slots__ = ('_sessions', 'guid', 'is_refusing', 'most', 'password', 'user')

    def __init__(self, guid, user, password):
        self.guid, self.user, self.password = guid, user.encode(), password.encode()
        self.is_refusing, self.most = False, None
        self._sessions = {}

    def __len__(self):
        return len(self._sessions)

    def keys(self, session_id):
        session = self.active(session_id)
        return session and session.keys

    def active(self, session_id):
        """The session that is logged in under this id, or None."""
        session = self._sessions.get(session_id)
        if session is not None and time.monotonic() - session.touched > INACTIVITY_SECONDS:
            self.close(session_id)
            return None
        return session if session is not None and session.keys else None

    def close(self, session_id):
        """Forget a session; whether there was one."""
        return self._sessions.pop(session_id, None) is not None

    def clear(self):
        self._sessions.clear()

    def negotiate(self, kind, payload):
        """(payload type, payload) of the answer to a set-up message, or None when it deserves no answer."""
        answer, size, step = _STEPS.get(kind, (None, 0, None))
        if step is None or len(payload) < size:
            return None
        return answer, step(self, payload)

    def _open(self, payload):
        tag, _, console_id = struct.unpack_from('<BB2xI', payload)
        suite = _offered_suite(payload)
        if suite is None:
            return _refuse(tag, NO_SUITE, console_id)
        if self.most is not None and not self._has_room():
            return _refuse(tag, FULL, console_id)
        session = Session(self._new_id(), console_id, suite)
        self._sessions[session.bmc_id] = session
        return struct.pack('<BBBxII', tag, OK, ADMINISTRATOR, console_id, session.bmc_id) + _offer(suite)

    def _has_room(self):
        """Whether there is one less than ``most``, what has been idle for too long forgotten."""
        if len(self._sessions) >= self.most:
            oldest = time.monotonic() - INACTIVITY_SECONDS
            self._sessions = {number: session for number, session in self._sessions.items() if session.touched > oldest}
        return len(self._sessions) < self.most

    def _new_id(self):
        if len(self._sessions) >= MOST:
            self.close(min(list(self._sessions.values()), key=lambda session: (session.keys is not None, session.touched)).bmc_id)
        while True:
            number = secrets.randbits(32)
            if number and number not in self._sessions:
                return number

    def _meet(self, payload):
        """RAKP 1 -> RAKP 2 (13.20, 13.21)."""
        tag, bmc_id = struct.unpack_from('<B3xI', payload)
        session = self._sessions.get(bmc_id)
        if session is None or session.keys:
            return _refuse(tag, NO_SUCH_SESSION, 0)
        role, user = payload[24], payload[28:28 + payload[27]]
        if role & 0x0F > ADMINISTRATOR:
            return _refuse(tag, BAD_ROLE, session.console_id)
        if not hmac.compare_digest(user, self.user):
            return _refuse(tag, BAD_NAME, session.console_id)
        known = session.exchange        # a repeated RAKP 1 gets the same random number: the first answer may still arrive
        fresh = known is None or (known.console_random, known.role, known.user) != (payload[8:24], role, user)
        exchange = session.exchange = known if not fresh else rakp.Exchange(
            session.suite, session.console_id, bmc_id, payload[8:24], os.urandom(16), self.guid, role, user)
        head = struct.pack('<BBxxI', tag, OK, session.console_id)
        return head + exchange.bmc_random + self.guid + exchange.bmc_code(self._secret())

    def _prove(self, payload):
        """RAKP 3 -> RAKP 4 (13.22, 13.23)."""
        tag, status, bmc_id = struct.unpack_from('<BBxxI', payload)
        session = self._sessions.get(bmc_id)
        if session is not None and session.last and session.last[0] == payload:
            return session.last[1]      # RAKP 4 was lost on its way
        if session is None or session.exchange is None or session.keys:
            return _refuse(tag, NO_SUCH_SESSION, 0)
        exchange, password = session.exchange, self._secret()
        if status or not hmac.compare_digest(payload[8:], exchange.console_code(password)):
            self.close(bmc_id)
            return _refuse(tag, BAD_CODE, session.console_id)
        key = exchange.session_key(password)
        session.keys, session.touched = exchange.keys(key), time.monotonic()
        answer = struct.pack('<BBxxI', tag, OK, session.console_id) + exchange.final_code(key)
        session.last = payload, answer
        return answer

    def _secret(self):
        return os.urandom(16) if self.is_refusing else self.password


#: Payload type of a set-up message -> (that of its answer, its least size, what makes the answer).
_STEPS = {rmcp.OPEN: (rmcp.OPEN_ANSWER, 32, Sessions._open), rmcp.RAKP1: (rmcp.RAKP2, 28, Sessions._meet),
          rmcp.RAKP3: (rmcp.RAKP4, 8, Sessions._prove)}


def _refuse(tag, status, console_id):
    return struct.pack('<BBxxI', tag, status, console_id)


def _offered_suite(payload):
    """The suite for the three algorithms that an Open Session request proposes (table 13-9)."""
    wanted = []
    for number, offset in enumerate((8, 16, 24)):
        kind, size, algorithm = payload[offset], payload[offset + 3], payload[offset + 4] & 0x3F
        if kind != number or size not in (0, 8):
            return None
        wanted.append(algorithm if size else None)
    return rakp.choose_suite(*wanted)


def _offer(suite):
    algorithms = (suite.authentication, suite.integrity, suite.confidentiality)
    return b''.join(bytes((kind, 0, 0, 8, algorithm, 0, 0, 0)) for kind, algorithm in enumerate(algorithms))
