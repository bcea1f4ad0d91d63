"""Clients that send what no client should, at once, from a fixed seed; and what must be true of every answer."""

import collections
import concurrent.futures
import contextlib
import random
import urllib.parse

import orjson

from tests.fuzz import broken, fixtures, odd
from tests.fuzz.asked import Asker, Request
from tests.fuzz.wire import Connection, Nonsense

_METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'BREW', 'x' * 300]
_VERSIONS = ['1.1', '1.10', '1.38', '1.90', 'latest', '1.116', '9.9', 'x', '', '1.' + '9' * 400]
_TYPES = ['text/plain', '', 'application/xml', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'x' * 2000]
_LONGEST_REFUSAL = 4000       # bytes: nothing is repeated at length

class Client:
    """One of them. ``statuses`` counts answers, ``closed`` connections that ended without one.

    ``wrong``: [(what is wrong with an answer, the request)].
    """

    def __init__(self, port, document, seed, number):
        self.port, self.chance, self._own = port, random.Random(f'{seed}-{number}'), fixtures.Fixtures(number)
        self.asker = Asker(document, self._own.idents, self.chance)
        self.statuses, self.closed, self.wrong, self.sent = collections.Counter(), 0, [], 0
        self._connection, self._mine, self._number = None, collections.deque(), 0

    def run(self, count):
        """Send ``count`` requests, and those that keep what they are about in place."""
        end = self.sent + count
        while self.sent < end and len(self.wrong) < 5:
            if self._number % 100 == 0:
                self._prepare()
            self._number += 1
            kind = self.chance.choices([self._one, self._pipeline, self._break], [16, 1, 3])[0]
            kind()
            self._tidy()

    def _one(self):
        request = self._request()
        protocol = self.chance.choice([b'HTTP/1.1'] * 9 + [b'HTTP/1.0'])
        self._ask(request, is_last=self.chance.random() < 0.2, protocol=protocol)

    def _request(self):
        """A whole request, with wrong content."""
        kind = self.chance.random()
        request = self.asker.one_wrong(self._number) if kind < 0.45 else self.asker.any()
        if 0.7 < kind < 0.85 and request.body:
            request.body = odd.mutate(self.chance, request.body)
        if kind > 0.95:
            request.target += ''.join('/' + self.chance.choice(odd.WORDS) for _ in range(self.chance.randrange(1, 3)))
        if kind > 0.97:
            request.method = self.chance.choice(_METHODS)
        if self.chance.random() < 0.05:
            request.headers['X-OpenStack-Ironic-API-Version'] = self.chance.choice(_VERSIONS)
        if self.chance.random() < 0.03 and request.body is not None:
            request.headers['Content-Type'] = self.chance.choice(_TYPES)
        if self.chance.random() < 0.03:
            request.body = self.chance.choice([*odd.TEXTS, b'[' * 900_000, b'{"a": "' + b'x' * 1_100_000 + b'"}'])
        return request

    def _ask(self, request, **how):
        data, is_head = request.encode(**how), request.method == 'HEAD'
        if self._connection is None or not self._connection.is_open:
            self._connect()
        found = self._get(data, is_head)
        if found is None and self._is_reused:           # the server may have closed an idle connection: RFC 9112, 9.3.1
            self._connect()
            found = self._get(data, is_head)
        self._is_reused = True
        self._note(found, data)
        return found

    def _connect(self):
        if self._connection:
            self._connection.close()
        self._connection, self._is_reused = Connection(self.port), False

    def _get(self, data, is_head):
        with self._watched(data):
            self._connection.send(data)
            return self._connection.answer(is_head=is_head)

    @contextlib.contextmanager
    def _watched(self, data):
        try:
            yield
        except (Nonsense, TimeoutError) as error:
            self.wrong.append((repr(error), data[:2000]))
            self._connection.is_open = False

    def _pipeline(self):
        """Several requests before the first answer is read."""
        requests = [self._request() for _ in range(self.chance.randint(2, 8))]
        data = b''.join(request.encode(is_last=request is requests[-1]) for request in requests)
        with contextlib.closing(Connection(self.port)) as connection, self._watched(data):
            connection.send(data)
            for request in requests:
                found = connection.answer(is_head=request.method == 'HEAD') if connection.is_open else None
                self._note(found, request.encode())

    def _break(self):
        """What breaks the rules of HTTP, and then nothing more."""
        data = broken.request(self.chance)
        with contextlib.closing(Connection(self.port)) as connection, self._watched(data):
            connection.send(data, is_last=True)
            found = list(connection.answers())
            self._note(found[0] if found else None, data)
            for more in found[1:]:
                self._judge(more, data)

    def _note(self, found, data):
        self.sent += 1
        if found is None:
            self.closed += 1
        else:
            self.statuses[found.status] += 1
            self._judge(found, data)

    def _judge(self, found, data):
        complaint = _complaint(found)
        if complaint:
            self.wrong.append((complaint, data[:2000]))
        if found.status == 201:
            self._mine.append(urllib.parse.urlsplit(found.headers['location']).path)

    def _tidy(self):
        """What was made does not stay: lists would grow, and with them all that is measured here."""
        while len(self._mine) > 20:
            path = self._mine.popleft()
            if path.startswith('/v1/nodes/'):
                self._ask(Request('PUT', f'{path}/maintenance', b'{}'))
            self._ask(Request('DELETE', path))

    def _prepare(self):
        for request in self._own.requests(self.chance):
            self._ask(request)


def _complaint(found):
    """What is wrong with an answer, or None."""
    if found.status >= 500 and found.status not in (501, 505):
        return f'{found.status} {found.body[:500]!r}'
    if found.status >= 400 and len(found.body) > _LONGEST_REFUSAL:
        return f'{found.status} with {len(found.body)} bytes'
    if found.headers.get('content-type', '').startswith('application/json') and found.body:
        try:
            told = orjson.loads(found.body)
        except orjson.JSONDecodeError as error:
            return f'{found.status} with a body that is not JSON: {error}'
        if found.status >= 400 and told.keys() != {'error_message', 'code', 'remedy', 'retryable'}:
            return f'{found.status} in another shape: {found.body[:500]!r}'
    return None

def together(clients, count):
    """Let all clients send ``count`` requests in all."""
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(lambda client: client.run(count // len(clients)), clients))
