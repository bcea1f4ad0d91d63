import contextlib
import http.client
import socket
import time
import urllib.parse

import pytest

from ingot import config, errors
from ingot.api import app, server


@pytest.fixture
def running(conf, database, conductor):
    """A server of the API on a free port."""
    running = server.Server(app.build(conf, database, conductor), '127.0.0.1', 0, 4)
    running.start()
    yield running
    running.stop()


def ask(running, text):
    """The raw answer to a raw request."""
    with socket.create_connection(('127.0.0.1', running.port), timeout=30) as connection:
        answer = b''
        with contextlib.suppress(ConnectionError, OSError):           # the server may hang up on what is too long
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


def test_one_connection_carries_many_requests(running):
    connection = http.client.HTTPConnection('127.0.0.1', running.port, timeout=30)
    for _ in range(3):
        connection.request('GET', '/v1/nodes')
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"nodes":[]}')
    connection.request('POST', '/v1/nodes', iter([b'{"driver":', b' "ipmi"}']), {'Content-Type': 'application/json'},
                       encode_chunked=True)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 201
    connection.request('DELETE', urllib.parse.urlsplit(answer.headers['Location']).path)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (204, b'')
    connection.close()


def test_many_connections_that_stay_open_share_few_workers(running):
    """4 workers, 12 clients that come back at once, later, and after a long time; one of them leaves without a word."""
    connections = [http.client.HTTPConnection('127.0.0.1', running.port, timeout=30) for _ in range(12)]
    for pause in (0, 0.002, 0.2):
        for number in range(3):
            for connection in connections[number:]:
                connection.request('GET', '/v1/nodes')
            for connection in connections[number:]:
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (200, b'{"nodes":[]}')
                assert connection.sock is not None, 'the server closed a connection that may stay'
                time.sleep(pause / 12)
        connections[0].sock.close()
        connections[0].close()
    for connection in connections:
        connection.close()


def test_the_port_is_free_again_after_stop(conf, database, conductor):
    first = server.Server(app.build(conf, database, conductor), '127.0.0.1', 0, 2)
    first.start()
    port = first.port
    with pytest.raises(errors.Unavailable, match=f'{port}.*in use'):
        server.Server(lambda *_: [], '127.0.0.1', port, 2).start()
    first.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', port), timeout=5)
    again = server.Server(app.build(conf, database, conductor), '127.0.0.1', port, 2)
    again.start()
    again.stop()


def test_readers_of_the_feed_do_not_hold_up_the_stop(running):
    connections = []
    for accept in ('application/json', 'text/event-stream'):
        connection = http.client.HTTPConnection('127.0.0.1', running.port, timeout=60)
        connection.request('GET', '/v1/feed?wait=60', headers={'Accept': accept})
        connections.append(connection)
    assert connections[1].getresponse().status == 200                 # it streams
    started = time.monotonic()
    running.stop()
    assert time.monotonic() - started < 20


@pytest.mark.parametrize('text', [
    b'rubbish\r\n\r\n', b'GET\r\n\r\n', b'GET /v1/nodes HTTP/9.9\r\n\r\n', b'GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n',
    b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
    b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: x\r\n\r\n{}',
    b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    b'GET /v1/nodes/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n', b'PATCH /v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n',
    b'BREW /v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n', b'GET /v1/nodes HTTP/1.1\r\nHost: x\r\nX: ' + b'y' * 200_000 + b'\r\n\r\n'])
def test_broken_requests_get_a_4xx_and_leave_the_server_well(running, text):
    answer = ask(running, text)
    assert answer[:11] in {b'HTTP/1.%d %d' % (minor, kind) for minor in (0, 1) for kind in (40, 41, 50)} or (
        not answer and len(text) > 100_000), answer[:200]
    assert b' 500 ' not in answer[:20]
    assert b'200 OK' in ask(running, b'GET /v1/nodes HTTP/1.0\r\n\r\n')


@pytest.mark.parametrize('host', ['127.0.0.1', '127.3.2.1', '::1', 'localhost'])
def test_loopback_needs_no_authentication(host):
    server.refuse_open_network(config.load(api__host=host))


@pytest.mark.parametrize('host', ['0.0.0.0', '10.0.0.1', '::', 'ingot.example', ''])
def test_a_network_does_unless_the_operator_insists(host):
    with pytest.raises(errors.Invalid) as caught:
        server.refuse_open_network(config.load(api__host=host))
    assert 'allow_unauthenticated_network' in caught.value.remedy
    server.refuse_open_network(config.load(api__host=host, api__allow_unauthenticated_network=True))
