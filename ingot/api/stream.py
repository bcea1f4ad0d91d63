"""What cheroot reads requests from and writes answers to: its own streams copy the rest of an answer at every send, and
read byte by byte in Python; these do neither.
"""

from cheroot.server import HTTPConnection

from ingot.api import framing

_CHUNK = 64 * 1024
#: Bytes of a line that nobody gave a limit for (RFC 9112 asks for 8000 at least).
_LINE = 64 * 1024
_ALL = 1 << 62
#: Seconds that a worker waits for the next request of a connection before it turns to others, and the share of workers who may.
_LINGER, _LINGERERS = 0.01, 0.75


class Connection(HTTPConnection):
    """A connection without TLS on our streams, with requests that are read strictly."""

    RequestHandlerClass = framing.Request

    def __init__(self, server, sock, makefile):
        super().__init__(server, sock, makefile if server.ssl_adapter else _open)

    def communicate(self):
        """Answer requests while the next one comes at once; True when the connection is to be watched for a later one.

        To hand it over to be watched, and back, costs a third of a small request.
        """
        while super().communicate():
            pool = self.server.requests
            if self.rfile.has_data() or pool.idle <= (1 - _LINGERERS) * pool.min or self.server.ssl_adapter:
                return True
            came = self.rfile.wait(_LINGER)
            if not came:
                return came is None
        return False


def _open(sock, mode, _size):
    return Reader(sock) if 'r' in mode else Writer(sock)


class Reader:
    """Buffered bytes from a socket; raises what the socket raises, its timeout too."""

    def __init__(self, sock):
        self._sock, self._recv = sock, sock.recv
        self._buffer, self._at = b'', 0
        self.bytes_read, self.closed = 0, False

    def has_data(self):
        """Whether bytes are here that nobody has read yet: those of the next request."""
        return len(self._buffer) > self._at

    def wait(self, seconds):
        """True when bytes came, False when the connection ended, None when neither happened within ``seconds``."""
        usual = self._sock.gettimeout()
        self._sock.settimeout(seconds)
        try:
            return self._fill()
        except TimeoutError:
            return None
        finally:
            self._sock.settimeout(usual)

    def readline(self, size=None):
        """Bytes up to the end of the line, at most ``size``; fewer when the connection ends."""
        most = _LINE if size is None or size < 0 else size
        while True:
            end = self._buffer.find(b'\n', self._at, self._at + most) + 1
            if end or len(self._buffer) - self._at >= most or not self._fill():
                return self._take((end or len(self._buffer)) - self._at, most)

    def read(self, size=None):
        """``size`` bytes (None: all); fewer when the connection ends."""
        missing = _ALL if size is None or size < 0 else size
        parts = [self._take(len(self._buffer) - self._at, missing)]
        missing -= len(parts[0])
        while missing > 0 and (part := self._recv(min(missing, 16 * _CHUNK))):
            parts.append(part)
            self.bytes_read += len(part)
            missing -= len(part)
        return b''.join(parts)

    def close(self):
        self.closed = True

    def _fill(self):
        more = self._recv(_CHUNK)
        self._buffer, self._at = self._buffer[self._at:] + more, 0
        return bool(more)

    def _take(self, size, most):
        start, self._at = self._at, self._at + min(size, most)
        self.bytes_read += self._at - start
        return self._buffer[start:self._at]


class Writer:
    """Bytes to a socket, at once; its timeout counts from send to send, not for an answer in all."""

    def __init__(self, sock):
        self._send = sock.send
        self.bytes_written, self.closed = 0, False

    def write(self, data):
        rest = memoryview(data)
        while rest:
            rest = rest[self._send(rest):]
        self.bytes_written += len(data)
        return len(data)

    def flush(self):
        """Nothing is held back."""

    def close(self):
        self.closed = True
