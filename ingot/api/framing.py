"""Where an HTTP request begins and ends, read strictly (RFC 9112), so that no two readers of one connection can disagree.

cheroot takes the last of two Content-Lengths, lets Transfer-Encoding win over one, goes on with a connection whose body nobody
has read, and reads what is left of a body, or a chunk, into memory whole. Here such requests are refused, and what is not read
costs no memory.
"""

import contextlib
import re

from cheroot.server import HTTPRequest

from ingot import errors
from ingot.api import errors as told

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb'[\x00-\x08\x0a-\x1f\x7f]')
_SIZE = re.compile(rb'([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\r\n')
#: Headers of which two would be a riddle.
_SINGLE = frozenset({b'Content-Length', b'Transfer-Encoding', b'Host', b'Content-Type', b'Idempotency-Key'})
_JOINED = frozenset({b'Accept', b'Connection', b'If-Match', b'Expect', b'X-Forwarded-For'})
_LINE = 4096
_PIECE = 64 * 1024
#: Bytes of an unwanted body that are read all the same, so that its sender comes to see the answer.
_PATIENCE = 8 * 1024 * 1024


class Request(HTTPRequest):
    """One request, and the answer to it."""

    def header_reader(self, file, headers):
        """Put the lines of ``file`` into ``headers``; ValueError for what is no header."""
        while (line := file.readline()) != b'\r\n':
            name, colon, value = line.partition(b':')
            if not colon or not line.endswith(b'\r\n') or not _TOKEN.fullmatch(name) or _CONTROL.search(value[:-2]):
                raise ValueError('A header is "Name: value" on one line, without control characters.')
            name, value = name.title(), value.strip(b' \t\r\n')
            if name in headers and name in _SINGLE:
                raise ValueError(f'There is more than one {name.decode()}.')
            if b'_' not in name:          # to WSGI, X_Y and X-Y are the same
                headers[name] = b', '.join((headers[name], value)) if name in headers and name in _JOINED else value

    def read_request_line(self):
        try:
            return super().read_request_line()
        except ValueError:
            return self._refuse('The request line has no URL that can be read.')

    def read_request_headers(self):
        if not super().read_request_headers():
            return False
        length, coding = (self.inheaders.get(name) for name in (b'Content-Length', b'Transfer-Encoding'))
        if length is not None and not re.fullmatch(b'[0-9]{1,18}', length):
            return self._refuse('Content-Length is not a number.')
        if coding is not None and (length is not None or coding.lower() != b'chunked' or not self.chunked_read):
            return self._refuse('Transfer-Encoding can be "chunked" only, in HTTP/1.1, and without Content-Length.')
        if b'Host' not in self.inheaders and self.request_protocol == b'HTTP/1.1':
            return self._refuse('A request of HTTP/1.1 needs a Host header.')
        if b'close' in self.inheaders.get(b'Connection', b'').lower():
            self.close_connection = True
        return True

    def respond(self):
        source = self.conn.rfile
        self.rfile = Chunks(source) if self.chunked_read else Body(source, int(self.inheaders.get(b'Content-Length', 0)))
        self.server.gateway(self).respond()
        if self.ready:
            self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b'0\r\n\r\n')

    def send_headers(self):
        if not self.rfile.discard(_PATIENCE):
            self.close_connection = True
        super().send_headers()

    def simple_response(self, status, msg=''):
        """The refusal of what is no request: in the shape of all refusals; the connection ends with it."""
        text = told.body(_error(int(status[:3]), msg or f'{status[4:]}.'))
        self.close_connection = True
        self.conn.wfile.write(f'{self.server.protocol} {status}\r\nContent-Type: application/json\r\nConnection: close\r\n'
                              f'Content-Length: {len(text)}\r\n\r\n'.encode() + text)

    def _refuse(self, words):
        self.simple_response('400 Bad Request', words)
        return False


def _error(status, words):
    error = (errors.IngotError if status == 500 else errors.Invalid)(words)
    error.status = status
    return error


class Body:
    """A body of ``remaining`` bytes."""

    def __init__(self, source, remaining):
        self._source, self.remaining = source, remaining
        self._is_broken = False

    def read(self, size):
        """At most ``size`` bytes; fewer when the body is over, or the connection. ValueError for what is no body, OSError."""
        try:
            return self._read(size)
        except (ValueError, OSError):
            self._is_broken = True
            raise

    def discard(self, most):
        """Read what nobody wanted, ``most`` bytes at most; whether the next request can follow."""
        with contextlib.suppress(ValueError, OSError):
            while self.remaining != 0 and not self._is_broken and most > 0 and (piece := self.read(_PIECE)):
                most -= len(piece)
        return self.remaining == 0 and not self._is_broken

    def _read(self, size):
        data = self._source.read(min(size, self.remaining)) if self.remaining else b''
        self.remaining -= len(data)
        return data


class Chunks(Body):
    """A body in chunks (RFC 9112, 7.1). ``remaining`` is what is left of the present one, None between two."""

    def __init__(self, source):
        super().__init__(source, None)

    def _read(self, size):
        parts = []
        while size > 0 and self.remaining != 0:
            if self.remaining is None:
                self._begin()
            else:
                parts.append(super()._read(size))
                size -= len(parts[-1])
                self._end(parts[-1])
        return b''.join(parts)

    def _begin(self):
        match = _SIZE.fullmatch(self._source.readline(_LINE))
        if not match:
            raise ValueError('a chunk without size')
        self.remaining = int(match[1], 16)
        if not self.remaining:
            self._skip_trailers()

    def _end(self, data):
        if not data:
            raise ValueError('the last chunk is missing')
        if not self.remaining:
            self.remaining = None
            if self._source.read(2) != b'\r\n':
                raise ValueError('a chunk without end')

    def _skip_trailers(self):
        for _ in range(100):
            line = self._source.readline(_LINE)
            if line == b'\r\n':
                return
            if not line.endswith(b'\r\n'):
                break
        raise ValueError('trailers without end')
