"""HTTP as simulated machines speak it: a request, a connection; thousands of them on one event loop."""

import asyncio
import collections

from ingot.ramdisk.agent.api import Answer


class Wire:
    """``ask`` sends a request, and calls ``done(answer, reason)`` in the loop: an ``agent.api.Answer``, or None and why not.

    :param most: connections at once; more requests wait in line.
    """

    def __init__(self, loop, most=500):
        self._loop, self._free, self._line = loop, most, collections.deque()

    def ask(self, place, content, done, seconds, *, longest=None):
        """:param place: (host, port). :param seconds: for a connection, and then for each piece of the answer.

        :param longest: bytes of the answer after which it is enough.
        """
        self._line.append((place, _Exchange(self._loop, content, done, seconds, longest, self._end)))
        self._go_on()

    def _go_on(self):
        while self._free and self._line:
            self._free -= 1
            place, exchange = self._line.popleft()
            exchange.begin(place)

    def _end(self):
        self._free += 1
        self._go_on()


class _Exchange(asyncio.Protocol):
    """One request and its answer."""

    def __init__(self, loop, content, done, seconds, longest, end):
        self._loop, self._content, self._done, self._seconds = loop, content, done, seconds
        self._longest, self._end = longest, end
        self._answer, self._taken, self._transport, self._timer = Answer(), 0, None, None

    def begin(self, place):
        self._connecting = self._loop.create_task(self._loop.create_connection(lambda: self, *place))
        self._connecting.add_done_callback(self._connected)
        self._wait()

    def _connected(self, task):
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._finish(None, str(error))

    def connection_made(self, transport):
        self._transport = transport
        if self._done is None:                # too late
            transport.abort()
            return
        transport.write(self._content)
        self._wait()

    def data_received(self, data):
        self._taken += len(data)
        if self._done is None:
            return
        if self._answer.take(data) or (self._longest and self._taken >= self._longest):
            self._finish(self._answer, None)
        else:
            self._wait()

    def connection_lost(self, error):
        self._answer.take(b'')
        self._finish(self._answer if self._taken else None, str(error or 'the connection was closed without an answer'))

    def _wait(self):
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._seconds, self._finish, None, f'no answer within {self._seconds:g} s')

    def _finish(self, answer, reason):
        if self._done is None:
            return
        done, self._done = self._done, None
        self._timer.cancel()
        self._connecting.cancel()
        if self._transport:
            self._transport.abort()
        self._end()
        done(answer, reason)
