"""The secrets of a login: cipher suites, key exchange codes and the keys that come out of them.

Source: IPMI 2.0 rev 1.1, 13.20-13.23 (RAKP 1-4), 13.28-13.32 (algorithms, keys), table 22-20 (cipher suites).
"""

import hmac
import struct
from typing import NamedTuple

from ingot.lab import rmcp


class Suite(NamedTuple):
    number: int
    authentication: int
    integrity: int
    confidentiality: int
    digest: str
    code_size: int


#: RAKP-HMAC-SHA1 with HMAC-SHA1-96, RAKP-HMAC-SHA256 with HMAC-SHA256-128; both with AES-CBC-128.
SUITES = (Suite(3, 1, 1, 1, 'sha1', 12), Suite(17, 3, 4, 1, 'sha256', 16))


class Exchange(NamedTuple):
    """What both sides know once RAKP 1 and 2 have been said; ``role`` is the byte as it was sent (table 13-11)."""

    suite: Suite
    console_id: int
    bmc_id: int
    console_random: bytes
    bmc_random: bytes
    guid: bytes
    role: int
    user: bytes

    @property
    def _who(self):
        return bytes((self.role, len(self.user))) + self.user

    def bmc_code(self, password):
        """Proof in RAKP 2 that the BMC knows the password."""
        ids = struct.pack('<II', self.console_id, self.bmc_id)
        return self._sign(password, ids + self.console_random + self.bmc_random + self.guid + self._who)

    def console_code(self, password):
        """Proof in RAKP 3 that the console knows it."""
        return self._sign(password, self.bmc_random + struct.pack('<I', self.console_id) + self._who)

    def session_key(self, password):
        """SIK (13.31); K_G is not set on our BMCs, so the password stands for it."""
        return self._sign(password, self.console_random + self.bmc_random + self._who)

    def final_code(self, session_key):
        """Integrity check value of RAKP 4, as long as the codes of the suite."""
        text = self.console_random + struct.pack('<I', self.bmc_id) + self.guid
        return self._sign(session_key, text)[:self.suite.code_size]

    def keys(self, session_key):
        """K1 and K2 (13.32), of which AES takes the first 16 bytes."""
        first, second = (self._sign(session_key, constant * 20) for constant in (b'\x01', b'\x02'))
        return rmcp.Keys(self.suite.digest, self.suite.code_size, first, second[:16])

    def _sign(self, key, text):
        return hmac.digest(key, text, self.suite.digest)


def choose_suite(authentication, integrity, confidentiality):
    """The suite with these algorithms (None: any will do), or None."""
    wanted = (authentication, integrity, confidentiality)
    for suite in SUITES:
        offered = (suite.authentication, suite.integrity, suite.confidentiality)
        if all(want in (None, have) for want, have in zip(wanted, offered, strict=True)):
            return suite
    return None
