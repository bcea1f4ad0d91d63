"""Many BMCs on one UDP socket: the address that a datagram was sent to says which one is meant.

All of 127.0.0.0/8 is local, so a rack of any size needs no configuration of the network (IP_PKTINFO, ip(7)).
"""

import heapq
import ipaddress
import itertools
import logging
import random
import select
import socket
import struct
import time

from ingot import concurrency, errors
from ingot.lab import bmc

LOG = logging.getLogger(__name__)
IP_PKTINFO = getattr(socket, 'IP_PKTINFO', 8)       # the constant came with Python 3.14
_INFO = struct.Struct('=i4s4s')                     # struct in_pktinfo: interface, local address, destination
_BATCH = 256                                        # datagrams between two looks at the clock


class BmcServer:
    """UDP socket on ``address``:``port`` (0: any free one; see ``port``) with BMCs behind its addresses.

    ``address`` '0.0.0.0' serves all of 127.0.0.0/8; what is sent to an address without a BMC is ignored. ``seed``: of the
    dice that the knob ``loss`` throws.
    """

    def __init__(self, address='0.0.0.0', port=0, *, seed=None):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        try:
            self._socket.bind((address, port))
        except OSError as error:
            self._socket.close()
            raise errors.HardwareFailure(f'BMCs cannot listen on UDP {address}:{port}: {error.strerror}.') from None
        self.port = self._socket.getsockname()[1]
        self._bmcs, self._dice = {}, random.Random(seed)
        self._timers, self._order = [], itertools.count()
        self._ear, self._mouth = socket.socketpair()
        self._thread = None

    def add(self, address, machine, user, password):
        """Put a BMC in front of ``machine`` (see Bmc) at ``address``; returns it. Duplicate when the address is taken."""
        key = ipaddress.IPv4Address(address).packed
        if key in self._bmcs:
            raise errors.Duplicate(f'Address {address} has a BMC already.')
        self._bmcs[key] = bmc.Bmc(machine, user, password, later=self.later)
        return self._bmcs[key]

    def remove(self, address):
        """Take the BMC at ``address`` away; fine when there is none."""
        self._bmcs.pop(ipaddress.IPv4Address(address).packed, None)

    def start(self):
        self._thread = concurrency.spawn(self._serve, name='bmc')

    def stop(self):
        """End the service and close its socket; sessions and delayed commands are lost."""
        self._mouth.send(b'x')
        if self._thread is not None:
            self._thread.join(5)
        for channel in (self._socket, self._ear, self._mouth):
            channel.close()

    def later(self, seconds, function):
        """Run ``function`` in the thread of the service, not before it is done with the present datagram.

        Called in that thread, or before ``start``.
        """
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), function))

    def _serve(self):
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._ear, select.POLLIN)
        while True:
            wait = max(0.0, self._timers[0][0] - time.monotonic()) * 1000 + 1 if self._timers else None
            if any(channel == self._ear.fileno() for channel, _ in poll.poll(wait)):
                return
            for _ in range(_BATCH):
                if not self._receive():
                    break
                self._run_due()
            self._run_due()

    def _run_due(self):
        while self._timers and self._timers[0][0] <= time.monotonic():
            function = heapq.heappop(self._timers)[2]
            try:
                function()
            except Exception:
                LOG.exception('A delayed command of a BMC failed')

    def _receive(self):
        """Take and answer one datagram; False when none waits."""
        try:
            datagram, extra, _, sender = self._socket.recvmsg(2048, 64)
        except BlockingIOError:
            return False
        except OSError as error:              # an ICMP error of something sent before
            LOG.debug('BMC socket: %s', error)
            return True
        for level, kind, data in extra:
            if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                address = _INFO.unpack_from(data)[2]
                if address in self._bmcs:
                    self._answer(self._bmcs[address], address, datagram, sender)
        return True

    def _answer(self, target, address, datagram, sender):
        loss = target.knobs.loss
        if target.is_deaf or (loss and self._dice.random() < loss):
            return
        try:
            reply = target.answer(datagram)
        except Exception:                     # one machine's fault must not silence the whole rack
            LOG.exception('The BMC at %s failed', socket.inet_ntoa(address))
            return
        if reply is None or (loss and self._dice.random() < loss):
            return
        if target.knobs.delay:
            self.later(target.knobs.delay, lambda: self._send(reply, address, sender))
        else:
            self._send(reply, address, sender)

    def _send(self, reply, address, receiver):
        info = [(socket.IPPROTO_IP, IP_PKTINFO, _INFO.pack(0, address, bytes(4)))]
        try:
            self._socket.sendmsg([reply], info, 0, receiver)
        except OSError as error:              # a full buffer loses datagrams, as networks do
            LOG.debug('BMC at %s: %s', socket.inet_ntoa(address), error)
