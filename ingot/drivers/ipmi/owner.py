"""The one thread that owns all BMC sessions; everybody else hands it a request and waits for the answer.

One socket an address family carries all BMCs. A dead BMC costs the thread a packet now and then, and nobody else anything.
"""

import contextlib
import logging
import selectors
import socket
import time

from pyghmi.ipmi.private.util import get_ipmi_error

from ingot import concurrency, errors, fence
from ingot.drivers.ipmi import bmc
from ingot.drivers.ipmi.session import Session

_TICK, _SWEEP = 0.05, 1.0      # seconds: BMCs with a request under way are looked at, and all others
_NAMES = 4                     # threads for BMCs that are known by name: a resolver may take its time
_HELD = 10_000                 # sessions that are kept open, of 10 KiB each; later ones are closed when they are not in use
_BUSY = {0xc0, 0xc3, 0xcf, 0xd2}     # completion codes that pass (IPMI 2.0 table 5-2): busy, timeout, duplicate, booting
LOG = logging.getLogger(__name__)


class Owner:
    """A service of base.Context: ``start``, ``ask`` from any thread, ``stop``."""

    def __init__(self, conf):
        self._seconds = conf.ipmi.command_timeout
        self._inbox = concurrency.Queue()
        self._bmcs, self._busy = {}, set()       # (host, port) -> bmc.Bmc
        self._sockets = {}                       # address family -> socket
        self._names = concurrency.Pool(_NAMES, 'ipmi-names')
        self._rings = False
        self._swept_at = self._ticked_at = 0.0
        self._thread = None

    def start(self):
        if self._thread is None:
            self._bell, self._ringer = socket.socketpair()
            self._selector = selectors.DefaultSelector()
            self._listen(self._bell)
            self._ringer.setblocking(False)
            self._rings = False
            self._thread = concurrency.spawn(self._run, name='ipmi-owner')

    def stop(self):
        """End all sessions and the thread; who still waits gets Unavailable."""
        if self._thread is not None:
            self._put(None)
            self._thread.join(10)
            self._thread = None

    def ask(self, address, netfn, command, data=(), *, seconds=None):
        """Data of the answer (bytes). ``seconds`` is the limit for all of it, login included; default: command_timeout.

        Raises BmcUnreachable, or BmcRefused for a login or a request that the BMC does not like.
        """
        return _data(address, netfn, command, self.exchange(address, netfn, command, data, seconds=seconds))

    def exchange(self, address, netfn, command, data=(), *, lun=0, seconds=None):
        """As ``ask``, but the whole answer: a dict with netfn, command, code and data, whatever the code is."""
        seconds = self._seconds if seconds is None else seconds
        request = self._request(address, netfn, command, data, lun, seconds)
        self._hand_over(request, _resolve(address))
        try:
            return request.future.result(seconds + 5)
        except TimeoutError:
            raise errors.Unavailable(f'{address} cannot be asked: the IPMI service does not respond.') from None

    def begin(self, address, netfn, command, answered, data=()):
        """As ``ask``, without waiting: ``answered(data, None)`` or ``answered(None, error)`` is called once, by any thread.

        It must not block. For those who ask thousands: nothing here needs a thread of its own.
        """
        request = self._request(address, netfn, command, data, 0, self._seconds)
        request.future.add_done_callback(lambda future: answered(*_outcome(address, netfn, command, future)))
        peer = _numeric(address)
        if peer:
            self._hand_over(request, peer)
        else:
            self._names.submit(self._resolve_and_hand_over, request)

    def _request(self, address, netfn, command, data, lun, seconds):
        if self._thread is None:
            raise errors.Unavailable(f'{address} cannot be asked: the IPMI service is not running.')
        return bmc.Request(address, None, netfn, command, bytes(data), lun, seconds, time.monotonic(), fence.current())

    def _resolve_and_hand_over(self, request):
        try:
            self._hand_over(request, _resolve(request.address))
        except errors.BmcUnreachable as error:
            request.future.set_exception(error)

    def _hand_over(self, request, peer):
        request.peer = peer
        self._put(request)

    def _put(self, request):
        self._inbox.put(request)
        if not self._rings:           # else it has not been heard yet, and all that is in the inbox will be read
            self._rings = True
            with contextlib.suppress(OSError):      # it rings already, or has just ended
                self._ringer.send(b'!')

    def _run(self):
        is_running = True
        while is_running:
            try:
                is_running = self._turn()
            except Exception:
                LOG.exception('the IPMI owner goes on after an error')
        self._refuse(errors.Unavailable('The IPMI service was stopped.'))
        for channel in (*self._sockets.values(), self._bell, self._ringer, self._selector):
            channel.close()
        self._bmcs, self._busy, self._sockets = {}, set(), {}

    def _refuse(self, error):
        """End all sessions; who waits for an answer, or is in line, gets ``error``."""
        for one in self._bmcs.values():
            one.close(error)
        while not self._inbox.empty():
            request = self._inbox.get()
            if request:
                request.future.set_exception(error)

    def _turn(self):
        """Wait for something to do and do it; False when it is time to end."""
        for key, _ in self._selector.select(_TICK if self._busy else _SWEEP):
            if key.fileobj is self._bell:
                self._bell.recv(4096)
                self._rings = False       # before the inbox is read
            else:
                self._receive(key.fileobj)
        while not self._inbox.empty():
            request = self._inbox.get()
            if request is None:
                return False
            self._submit(request)
        self._tick()
        return True

    def _submit(self, request):
        key = request.peer[:2]
        if key not in self._bmcs:
            self._bmcs[key] = bmc.Bmc(self._connect)
        self._busy.add(self._bmcs[key])
        self._bmcs[key].submit(request)

    def _tick(self):
        now = time.monotonic()
        if now - self._ticked_at < _TICK:       # thousands may be silent while others answer
            return
        self._ticked_at = now
        is_sweep = now - self._swept_at >= _SWEEP
        if is_sweep:
            self._swept_at = now
        for one in list(self._bmcs.values() if is_sweep else self._busy):
            one.tick(now)
            (self._busy.add if one.is_busy else self._busy.discard)(one)
        if is_sweep:
            self._sweep()

    def _sweep(self):
        """Forget who has nothing to do; close sessions beyond _HELD, the newest: those of who is asked in turn stay held."""
        held = [one for one in self._bmcs.values() if one.is_connected]
        for one in held[_HELD:]:
            if not one.is_busy:
                one.close()
        self._bmcs = {key: one for key, one in self._bmcs.items() if one.is_busy or one.is_connected}

    def _connect(self, address, peer, on_login):
        family = socket.AF_INET if len(peer) == 2 else socket.AF_INET6
        if family not in self._sockets:
            self._sockets[family] = channel = socket.socket(family, socket.SOCK_DGRAM)
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            channel.bind(('', 0))
            self._listen(channel)
        return Session(address, peer, lambda packet, to: _send(self._sockets[family], packet, to), on_login)

    def _listen(self, channel):
        channel.setblocking(False)
        self._selector.register(channel, selectors.EVENT_READ)

    def _receive(self, channel):
        while True:
            try:
                packet, peer = channel.recvfrom(4096)
            except OSError:           # nothing more
                return
            if peer[:2] in self._bmcs:
                self._bmcs[peer[:2]].receive(packet, peer)


def _send(channel, packet, to):
    with contextlib.suppress(OSError):     # no route, or the buffer is full: as good as lost, and sent again
        channel.sendto(packet, to)


def _data(address, netfn, command, response):
    """The data of pyghmi's ``response`` (bytes); BmcRefused, or BmcUnreachable when it passes by itself."""
    if response['code']:
        kind = errors.BmcUnreachable if response['code'] in _BUSY else errors.BmcRefused
        raise kind(f'{address} refused request {netfn:02x} {command:02x}: {get_ipmi_error(response)} '
                   f'(0x{response["code"]:02x}).', remedy='Check ipmi_priv_level, and what this BMC supports.')
    return bytes(response['data'])


def _outcome(address, netfn, command, future):
    """(data, None) or (None, error) of a request that is over."""
    try:
        return _data(address, netfn, command, future.result()), None
    except errors.IngotError as error:
        return None, error


def _numeric(address):
    """The socket address of a BMC that is known by its number, or None."""
    try:
        socket.inet_pton(socket.AF_INET, address.host)
    except OSError:
        return None
    return address.host, address.port


def _resolve(address):
    numeric = _numeric(address)
    if numeric:
        return numeric
    try:
        return socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0][4]
    except OSError as error:
        raise errors.BmcUnreachable(f'{address} is not found: {error.strerror or error}.') from None
