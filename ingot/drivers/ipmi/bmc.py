"""One BMC as the owner thread sees it: requests in line, one session that is held, one request under way.

All methods run in the owner thread and none blocks. A session that was held and falls silent (the BMC was reset) is made
anew once for a request; everything else ends at the deadline of the request.
"""

import collections
import dataclasses
import time

from ingot import concurrency, errors
from ingot.drivers.ipmi.address import Address

_KEEPALIVE = 40.0      # seconds of silence until a packet is sent: BMCs end sessions after 60 +/- 3 s (IPMI 2.0, 6.12.15)
_UNUSED = 300.0        # seconds after which a session is closed: BMCs have few


@dataclasses.dataclass(eq=False)
class Request:
    """One IPMI request; ``future`` gets pyghmi's answer (dict with code and data) or an error."""

    address: Address
    peer: tuple | None     # socket address, once it is known
    netfn: int
    command: int
    data: bytes
    lun: int
    seconds: float         # allowed, from ``asked_at`` on (monotonic)
    asked_at: float
    fence: object = None   # called right before it is sent; raises when that may not be any more
    is_keepalive: bool = False
    has_new_session: bool = False
    future: concurrency.Future = dataclasses.field(default_factory=concurrency.Future)

    @property
    def deadline(self):
        return self.asked_at + self.seconds

    def forbidden(self):
        """The error, when whoever asked must not touch the machine any more."""
        try:
            return self.fence and self.fence()
        except errors.IngotError as error:
            return error

    @property
    def patience(self):
        """Seconds that a held session may be silent before it is made anew."""
        return self.seconds / 4


class Bmc:
    """``connect(address, peer, on_login)`` gives a session (session.Session)."""

    def __init__(self, connect):
        self._connect = connect
        self._waiting = collections.deque()
        self._active = self._session = None
        self._is_ready = False
        self._problem = None                       # what was wrong with the last packet
        self._sent_at = self._heard_at = self._used_at = time.monotonic()

    @property
    def is_busy(self):
        return bool(self._active or self._waiting)

    @property
    def is_connected(self):
        return self._session is not None

    def submit(self, request):
        self._waiting.append(request)
        self._advance()

    def receive(self, packet, peer):
        if self._session:
            self._guard(self._session.receive, packet, peer)

    def tick(self, now):
        """Deadlines, packets to send again, keepalives."""
        for request in [request for request in self._waiting if request.deadline <= now]:
            self._waiting.remove(request)
            self._fail_silent(request)
        if self._active and (error := self._active.forbidden()):       # nothing of it is sent again
            request, self._active = self._active, None
            self.close()
            request.future.set_exception(error)
        if self._active:
            self._check_active(now)
        elif self._session and not self._waiting:
            self._check_idle(now)
        if self._session:
            self._guard(self._session.tick, now)
        self._advance()

    def _guard(self, function, *args):
        try:
            function(*args)
        except Exception as error:      # struct.error, TypeError, IndexError ...: pyghmi on a packet that is broken
            self._problem = f'{type(error).__name__}: {error}'

    def close(self, error=None):
        """End the session; fail all requests with ``error``, if there is one."""
        if self._session:
            session, self._session = self._session, None
            self._guard(session.close)
        self._is_ready = False
        if error:
            for request in [*filter(None, [self._active]), *self._waiting]:
                request.future.set_exception(error)
            self._waiting.clear()
            self._active = None

    def _advance(self):
        if self._active or not self._waiting:
            return
        request = self._waiting[0]
        if error := request.forbidden():
            self._waiting.popleft().future.set_exception(error)
            self._advance()
            return
        if self._session and self._session.address != request.address:      # other credentials for the same BMC
            self.close()
        if self._session is None:
            request.has_new_session = True
            self._guard(self._login, request)
        elif self._is_ready:
            self._active = self._waiting.popleft()
            self._guard(self._send, self._active)

    def _login(self, request):
        self._session = self._connect(request.address, request.peer, self._logged_in)

    def _send(self, request):
        self._sent_at = time.monotonic()
        if not request.is_keepalive:
            self._used_at = self._sent_at
        session = self._session
        session.ask(request.netfn, request.command, request.data, request.lun,
                    lambda response: self._answered(session, request, response))

    def _logged_in(self, session, problem):
        if session is not self._session:
            return
        if problem is None:
            self._is_ready, self._heard_at, self._problem = True, time.monotonic(), None
        else:
            self.close()
            refused = [request for request in self._waiting if request.address == session.address]
            for request in refused:
                self._waiting.remove(request)
                request.future.set_exception(_login_error(request.address, problem))
        self._advance()

    def _answered(self, session, request, response):
        if session is not self._session or request is not self._active:
            return
        self._active, self._heard_at = None, time.monotonic()
        request.future.set_result(response)
        self._advance()

    def _check_active(self, now):
        request = self._active
        if request.deadline <= now:
            self._active = None
            self.close()
            self._fail_silent(request)
        elif not request.has_new_session and now - self._sent_at > request.patience:
            self._active = None
            self.close()
            self._waiting.appendleft(request)

    def _check_idle(self, now):
        address, peer = self._session.address, self._session.sockaddr
        if not self._is_ready or now - self._used_at > _UNUSED:      # nobody waits for the login any more, or for long
            self.close()
        elif now - self._heard_at > _KEEPALIVE:
            self.submit(Request(address, peer, 6, 1, b'', 0, seconds=3, asked_at=now, is_keepalive=True,
                                has_new_session=True))

    def _fail_silent(self, request):
        heard = f' (last packet not understood: {self._problem})' if self._problem else ''
        request.future.set_exception(errors.BmcUnreachable(
            f'{request.address} did not answer within {request.seconds:.3g} s{heard}.'))


def _login_error(address, problem):
    """What pyghmi's ``problem`` at a login becomes."""
    if 'nsufficient resources' in problem:
        return errors.BmcUnreachable(f'{address} has no session left: {problem}.',
                                     remedy='Wait a minute for old sessions to end, or reset the BMC.')
    if 'ipher suite' in problem or 'algorithm' in problem:
        return errors.BmcRefused(f'{address} refused the login: {problem}.',
                                 remedy='Set ipmi_cipher_suite in driver_info to one that the BMC has enabled.')
    return errors.BmcRefused(f'{address} refused the login: {problem}.')
