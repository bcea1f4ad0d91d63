"""One JSON call to the API: an HTTP/1.0 POST (RFC 1945) on a connection of its own, so that nothing is left half open.

Written on a bare socket, because http.client imports the e-mail package, ssl and 30 modules more.
"""

import json
import re
import socket

_LONGEST = 128 * 2 ** 20      # of an answer: a plan may hold a config drive of 64 MiB, in base64
_URL = re.compile(r'http://(\[[^\]]+\]|[^:/]+)(?::(\d+))?(/.*)?')


def post(base, path, body, session=None, *, timeout=15):
    """(status, JSON body of the answer; {} where it is no JSON object). OSError or ValueError: there was no answer.

    :param base: the URL before ``path``, http only. :param timeout: seconds without any byte until it gives up.
    """
    place, content = request(base, path, body, session)
    answer = Answer()
    with socket.create_connection(place, timeout=timeout) as channel:
        channel.sendall(content)
        while not answer.take(channel.recv(1 << 20)):
            pass
    return answer.status(), answer.json()


def request(base, path, body, session=None):
    """((host, port), the bytes to send there) of a call; ValueError when ``base`` is not http."""
    host, port, prefix = parse(base)
    content = json.dumps(body).encode()
    lines = [f'POST {prefix}{path} HTTP/1.0', f'Host: {host}:{port}', 'Content-Type: application/json',
             'Accept: application/json', f'Content-Length: {len(content)}']
    lines += [f'Authorization: Bearer {session}'] if session else []
    return (host.strip('[]'), port), '\r\n'.join([*lines, '', '']).encode() + content


def parse(base):
    """(host, port, path prefix) of a URL; ValueError when it is not http."""
    match = _URL.fullmatch(base)
    if match is None:
        raise ValueError(f'"{base}" is not an http URL')
    host, port, prefix = match.groups()
    return host, int(port or 80), (prefix or '').rstrip('/')


class Answer:
    """An answer as it comes in: whole when its Content-Length says so, or else at the end of the stream."""

    def __init__(self):
        self._bytes, self._start, self._end = bytearray(), None, _LONGEST

    def take(self, piece):
        """One more piece (empty: the stream has ended); True when nothing more is to come."""
        self._bytes += piece
        if self._start is None and b'\r\n\r\n' in self._bytes:
            self._start = self._bytes.index(b'\r\n\r\n') + 4
            length = re.search(rb'\r\ncontent-length: *(\d+)', self._bytes[:self._start].lower())
            self._end = min(_LONGEST, self._start + int(length.group(1))) if length else _LONGEST
        return not piece or (self._start is not None and len(self._bytes) >= self._end)

    def status(self):
        """The status; ValueError when the answer is none, or ended too early."""
        if self._start is None or len(self._bytes) < self._end < _LONGEST:
            raise ValueError('the answer ended too early')
        status = re.match(rb'HTTP/1\.\d (\d{3})', self._bytes)
        if status is None:
            raise ValueError('the answer is no HTTP')
        return int(status.group(1))

    def body(self):
        """The bytes behind the head."""
        return bytes(self._bytes[self._start:self._end])

    def json(self):
        """The JSON object of the body; {} where it is none."""
        try:
            content = json.loads(self.body())
        except ValueError:
            content = None
        return content if isinstance(content, dict) else {}
