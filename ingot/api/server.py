"""HTTP servers: cheroot with threads."""

import ipaddress

from cheroot import wsgi

from ingot import concurrency, errors
from ingot.api import stream

#: Seconds that a client may keep a connection without sending anything.
_IDLE_SECONDS = 30
_HEADER_BYTES = 64 * 1024
#: Connections that are kept open for their next request; what comes beyond them is answered and closed. A waiting one costs a
#: descriptor, of which processes have 1024 by default.
_KEPT_CONNECTIONS = 512


class Server:
    """Serves a WSGI application until ``stop``; ``port`` 0 takes a free one, which ``port`` then tells."""

    def __init__(self, app, host, port, threads):
        self._stopping = concurrency.Event()
        self._server = wsgi.Server((host, port), self._tell(app), numthreads=threads, server_name='ingot', timeout=_IDLE_SECONDS,
                                   request_queue_size=128, shutdown_timeout=2)
        self._server.max_request_header_size = _HEADER_BYTES
        self._server.keep_alive_conn_limit = _KEPT_CONNECTIONS
        self._server.ConnectionClass = stream.Connection
        self._thread = None

    @property
    def port(self):
        return self._server.bind_addr[1]

    def start(self):
        """Return once connections are accepted; Unavailable when the address is taken, or not ours."""
        try:
            self._server.prepare()
        except OSError as error:
            host, port = self._server.bind_addr
            raise errors.Unavailable(
                f'No HTTP server at {host}:{port}: {error}.',
                remedy='Set host and port of [api] (or --host and --port), or of [agent], to a free address of this '
                       'machine.') from None
        self._thread = concurrency.spawn(self._server.serve, name=f'http-{self.port}')

    def stop(self):
        """Finish what is being answered, then return; the port is free again."""
        self._stopping.set()
        if self._thread is not None:
            self._server.stop()
            self._thread.join(10)

    def _tell(self, app):
        """Whoever keeps a client waiting asks ``environ['ingot.is_stopping']`` now and then."""
        def call(environ, start_response):
            environ['ingot.is_stopping'] = self._stopping.is_set
            return app(environ, start_response)
        return call


def refuse_open_network(conf):
    """Invalid when the API would listen on a network without asking anybody who they are."""
    if not conf.api.allow_unauthenticated_network and not is_loopback(conf.api.host):
        raise errors.Invalid(
            f'The API would listen on {conf.api.host} without authentication.',
            remedy='Listen on 127.0.0.1 behind an authenticating proxy, or set [api] allow_unauthenticated_network = true.')


def is_loopback(host):
    """True for an address that only this machine has."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
