"""A network that can be cut: what comes in on a port goes to another one, until ``cut``."""

import contextlib
import socket
import threading

from ingot import concurrency

_BLOCK = 1 << 16


class Proxy:
    """From ``port`` to ``target``. While it is cut connections stay, nothing passes, and nothing is lost, as where packets are
    dropped and sent again; new connections are not answered."""

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(('127.0.0.1', 0), backlog=200)
        self.port = self._listener.getsockname()[1]
        self._is_open, self._is_over = threading.Event(), False
        self._is_open.set()

    def start(self):
        concurrency.spawn(self._accept, name='proxy')

    def stop(self):
        self._is_over = True
        self._is_open.set()
        self._listener.close()

    def cut(self):
        self._is_open.clear()

    def mend(self):
        self._is_open.set()

    def _accept(self):
        with contextlib.suppress(OSError):
            while not self._is_over:
                near, _ = self._listener.accept()
                concurrency.spawn(self._connect, near, name='proxy')

    def _connect(self, near):
        self._is_open.wait()
        with contextlib.suppress(OSError), near, socket.create_connection(self._target) as far:
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = concurrency.spawn(self._forward, far, near, name='proxy')
            self._forward(near, far)
            back.join()

    def _forward(self, source, target):
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK):
                self._is_open.wait()
                target.sendall(block)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
