"""A web server for the files of one folder: GET and HEAD, ranges, ETags; no directory lists, no way out of the folder.

Source: RFC 9110, sections 8.8.3 (ETag), 13.1 (conditions), 14 (ranges).
"""

import contextlib
import http.server
import logging
import os
import re
import socket
import socketserver
import stat
import urllib.parse

from ingot import concurrency

LOG = logging.getLogger(__name__)
_SAFE = re.compile(r'(?:[A-Za-z0-9][\w.-]*/)*[A-Za-z0-9][\w.-]*', re.ASCII)
_RANGE = re.compile(r'bytes=(\d*)-(\d*)')
_TYPES = {'.ipxe': 'text/plain', '.efi': 'application/efi'}
_BLOCK = 1 << 18


class Server(socketserver.TCPServer):
    """Serves ``folder`` at ``address`` (host, port) once it is started; ``note(client, path, query, status)`` hears of each
    GET that was answered to its end. ``instead(path)`` gives the text to answer with when there is no such file, or None.
    A thread a connection: machines in the hundreds, for seconds.
    Raises OSError when the address cannot be had.
    """

    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, folder, address, note, instead=lambda path: None):
        self.folder, self.note, self.instead = os.path.realpath(folder), note, instead
        self.address_family = socket.AF_INET6 if ':' in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        self.port = self.server_address[1]

    def start(self):
        concurrency.spawn(self.serve_forever, 0.1, name='boot-files')

    def stop(self):
        self.shutdown()
        self.server_close()

    def process_request(self, request, client_address):
        concurrency.spawn(self._serve, request, client_address, name='boot-file')

    def _serve(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except OSError as error:      # it went away, or is stuck
            LOG.debug('%s: %s', client_address[0], error)
        finally:
            self.shutdown_request(request)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    server_version, sys_version = 'Ingot', ''
    timeout = 60
    disable_nagle_algorithm = True

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer()

    def _answer(self):
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path).removeprefix('/')
        query = dict(urllib.parse.parse_qsl(url.query))
        file = self._open(path)
        with file or contextlib.nullcontext():
            status = self._send(file, path) if file else self._send_instead(path)
            if file and self.command == 'GET' and status < 300:
                self._copy(file)
            if self.command == 'GET':
                self.server.note(self.client_address[0], path, query, status)

    def _open(self, path):
        """The file, or None when there is none that we serve."""
        full = os.path.join(self.server.folder, path)
        if not _SAFE.fullmatch(path) or os.path.realpath(full) != full:
            return None
        try:      # O_NONBLOCK: a pipe must not hold us
            file = open(os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), 'rb')  # noqa: SIM115
        except OSError:
            return None
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        file.close()
        return None

    def _send(self, file, path):
        """Send the head of the answer and return its status; ``_left`` bytes of ``file`` are to follow."""
        found = os.fstat(file.fileno())
        etag = f'"{found.st_mtime_ns:x}-{found.st_ino:x}-{found.st_size:x}"'
        if etag in (self.headers.get('If-None-Match') or ''):
            return self._head(304, {'ETag': etag})
        first, last, status = self._range(found.st_size, etag)
        if status == 416:
            return self._refuse(416, {'Content-Range': f'bytes */{found.st_size}'})
        file.seek(first)
        self._left = last + 1 - first
        head = {'Content-Type': _TYPES.get(os.path.splitext(path)[1], 'application/octet-stream'), 'ETag': etag,
                'Content-Length': self._left, 'Accept-Ranges': 'bytes',
                'Last-Modified': self.date_time_string(found.st_mtime)}
        if path.endswith('.ipxe'):
            head['Cache-Control'] = 'no-store'
        if status == 206:
            head['Content-Range'] = f'bytes {first}-{last}/{found.st_size}'
        return self._head(status, head)

    def _send_instead(self, path):
        """What is answered where there is no file; the status of it."""
        text = self.server.instead(path) if _SAFE.fullmatch(path) else None
        if text is None:
            return self._refuse(404)
        status = self._head(200, {'Content-Type': 'text/plain', 'Content-Length': len(text), 'Cache-Control': 'no-store'})
        if self.command == 'GET':
            self.wfile.write(text.encode())
        return status

    def _range(self, size, etag):
        """(first byte, last byte, status). More than one range, or one that is not understood, gets the whole file."""
        wanted = _RANGE.fullmatch((self.headers.get('Range') or '').strip())
        if not wanted or not any(wanted.groups()) or self.headers.get('If-Range', etag) != etag:
            return 0, size - 1, 200
        if not wanted[1]:
            first, last = max(size - int(wanted[2]), 0), size - 1
        else:
            first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
        return (first, last, 206) if first <= last and first < size else (0, 0, 416)

    def _refuse(self, status, head=None):
        return self._head(status, {'Content-Length': 0, **(head or {})})

    def _head(self, status, head):
        self.send_response(status)
        for name, value in head.items():
            self.send_header(name, str(value))
        self.end_headers()
        return status

    def _copy(self, file):
        while self._left and (block := file.read(min(_BLOCK, self._left))):
            self.wfile.write(block)
            self._left -= len(block)

    def log_message(self, format, *args):
        LOG.debug('%s ' + format, self.client_address[0], *args)
