"""A connection that sends bytes as they are, and reads HTTP answers strictly (RFC 9112)."""

import contextlib
import dataclasses
import re
import socket

_STATUS = re.compile(rb'HTTP/1\.[01] ([1-5][0-9][0-9]) [^\r\n]*\r\n')


class Nonsense(Exception):
    """What came is no HTTP answer."""


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict      # names in lower case
    body: bytes


class Connection:
    """One TCP connection to ``port`` of this machine; whatever takes longer than ``seconds`` raises TimeoutError."""

    def __init__(self, port, seconds=60):
        self._socket = socket.create_connection(('127.0.0.1', port), seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile('rb')
        self.is_open = True

    def send(self, data, *, is_last=False):
        """Send ``data``, as far as the server wants it; ``is_last``: nothing comes after it."""
        try:
            self._socket.sendall(data)
            if is_last:
                self._socket.shutdown(socket.SHUT_WR)
        except (ConnectionError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise

    def answer(self, *, is_head=False):
        """The next Answer, or None when the server has closed the connection instead."""
        try:
            found = self._answer(is_head)
            while found and found.status < 200:
                found = self._answer(is_head)
        except ConnectionError:
            found = None
        if found is None or found.headers.get('connection', '').lower() == 'close':
            self.is_open = False
        return found

    def answers(self):
        """All Answers until the server closes."""
        while found := self.answer():
            yield found

    def close(self):
        self.is_open = False
        with contextlib.suppress(OSError):
            self._file.close()
        self._socket.close()

    def _answer(self, is_head):
        line = self._file.readline(65536)
        if not line:
            return None
        match = _STATUS.fullmatch(line)
        if not match:
            raise Nonsense(f'no status line: {line[:80]!r}')
        status, headers = int(match[1]), self._headers()
        has_body = not is_head and status >= 200 and status not in (204, 304)
        return Answer(status, headers, self._body(headers) if has_body else b'')

    def _headers(self):
        headers = {}
        while (line := self._file.readline(65536)) != b'\r\n':
            name, colon, value = line.partition(b':')
            if not colon or not line.endswith(b'\r\n'):
                raise Nonsense(f'no header: {line[:80]!r}')
            headers[name.decode('latin-1').lower()] = value.strip().decode('latin-1')
        return headers

    def _body(self, headers):
        if headers.get('transfer-encoding', '').lower() == 'chunked':
            return b''.join(self._chunks())
        if 'content-length' not in headers:
            return self._file.read()
        text = self._file.read(int(headers['content-length']))
        if len(text) < int(headers['content-length']):
            raise Nonsense(f'{len(text)} bytes instead of {headers["content-length"]}')
        return text

    def _chunks(self):
        while size := int(self._file.readline(100), 16):
            yield self._file.read(size)
            self._file.read(2)
        self._file.readline(100)
