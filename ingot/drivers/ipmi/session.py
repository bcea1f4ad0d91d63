"""pyghmi's session without its sockets, threads and waiting: bytes go in and out, nothing here ever blocks.

pyghmi keeps global tables of sessions and sockets, waits in some callbacks, and gives up by its own clock. All of that is
overridden; what is used of it is the login (IPMI 2.0 section 13), the cryptography and the message formats. A session
sends again what is not answered until somebody closes it: deadlines are its owner's.
"""

import functools
import random
import time

from pyghmi.ipmi.private import session
from pyghmi.ipmi.private.util import get_ipmi_error

_SHORTEST, _LONGEST = 0.5, 3.0       # seconds before a packet is sent again; growing, for some BMCs are that slow
_SHA1, _SHA256 = 1, 256


class Session(session.Session):
    """A login to the BMC at ``peer`` (socket address), begun at once.

    ``send(packet, peer)`` must not block. ``on_login(session, problem)`` is called once, with None or pyghmi's words.
    """

    def __new__(cls, *_args, **_kwargs):
        self = object.__new__(cls)      # pyghmi would look for an older session to the same BMC: it may be a dead one
        self.forbidsock = ()
        return self

    def __init__(self, address, peer, send, on_login):
        self.address, self._peer, self._send = address, peer, send
        self._pause = _SHORTEST * random.uniform(1, 2)      # not all at once
        self._answer = None       # what is left to do with an answer once pyghmi is done with its packet
        super().__init__(address.host, userid=address.user, password=address.password, port=address.port,
                         kg=address.kg, privlevel=address.privilege, keepalive=False,
                         onlogon=lambda answer: on_login(self, answer.get('error')))

    def ask(self, netfn, command, data, lun, answered):
        """Send one request; ``answered(response)`` gets pyghmi's dict (netfn, command, code, data). One at a time."""
        self.timeout = self._pause = _SHORTEST * random.uniform(1, 2)
        self._request(netfn, command, answered, data=data, rslun=lun)

    def receive(self, packet, peer):
        """Take a packet that came from ``peer``; what is not for us is ignored. Raises anything on a broken one."""
        packet = bytearray(packet)
        if not self.broken and len(packet) > 4 and packet[0] == 6 and packet[2:4] == b'\xff\x07':      # RMCP, IPMI
            self._handle_ipmi_packet(packet, sockaddr=peer, qent=(packet, peer, None))
            answer, self._answer = self._answer, None
            if answer:
                answer()

    def tick(self, now):
        """Send the last packet again when it is time."""
        if self.lastpayload and self.expiration <= now:
            self._pause = min(self._pause * 1.5, _LONGEST)
            self.timeout = self._pause - 1      # pyghmi adds 1 s each time, and gives up above maxtimeout
            self._timedout()

    def close(self):
        """Tell the BMC, if we are logged in, and be dead."""
        if self.broken:
            return
        self.lastpayload = self.onlogpayload = None
        self.pendingpayloads.clear()
        if self.logged and self.sessioncontext == 'ESTABLISHED':
            self.raw_command(netfn=6, command=0x3c, data=self.sessionid.to_bytes(4, 'little'), retry=False)
        self.broken, self.logged, self.logging = True, 0, False

    def logout(self, sessionok=True):
        self.close()
        return {'success': True}

    def _assignsocket(self, forbiddensockets=()):
        return None

    def _initsession(self):
        super()._initsession()
        self.sockaddr, self.timeout, self.maxtimeout = self._peer, self._pause, _LONGEST + 1
        self.localsid = random.getrandbits(31)      # answers to an older login must not fit
        if self.address.suite == 3:
            self.attemptedhash = _SHA1

    def _xmit_packet(self, retry=True, delay_xmit=None, timeout=None):
        if self.sequencenumber:
            self.sequencenumber += 1
        self._send(self.netpacket, self.sockaddr)
        if retry:
            self.expiration = time.monotonic() + self.timeout

    def _got_rmcp_response(self, data):
        # Some BMCs, pyghmi's own among them, accept suite 17 and then speak suite 3: ask for what they can do.
        if data[1] == 0 and len(data) > 16 and self.attemptedhash == _SHA256 and data[16] == 1:
            data[1] = 0x11
        if data[1] != 0 and self.attemptedhash == _SHA256 and self.address.suite == 17:
            self.onlogon({'error': 'No Cipher suite match with proposed security algorithms'})
            return None
        return super()._got_rmcp_response(data)

    def _req_priv_level(self):
        self.logged, self.logoutexpiry, self.logontries = 1, None, 0
        self._request(6, 0x3b, self._got_priv_level, data=[self.privlevel])

    def _request(self, netfn, command, answered, **kwargs):
        # pyghmi calls back before it takes the request off its list, and would take off one that we send from there.
        def keep(response):
            self._answer = functools.partial(answered, response)
        self.raw_command(netfn, command, callback=keep, **kwargs)

    def _got_priv_level(self, response):
        if response['code'] in (0x80, 0x81) and self.privlevel == 4 and self.autopriv:
            self.privlevel = 3
            self._req_priv_level()
        elif response['code']:
            self.onlogon({'error': get_ipmi_error(response, ' while requesting the privilege level')})
        else:
            self.logging = False
            self.onlogon({'success': True})

    def awaitresponse(self, retry, netfn, command):
        assert not retry, 'pyghmi wants to wait for an answer, which would stop all BMCs'

    def _cmdwait(self):
        pass
