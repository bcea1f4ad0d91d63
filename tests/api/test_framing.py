"""Where requests begin and end, on a real connection: nothing that could be read in two ways is read at all."""

import contextlib
import socket
import time

import pytest

from ingot import config
from ingot.api import app, server
from tests import databases
from tests.api.conftest import Conductor, add_conductor
from tests.fuzz.wire import Connection

NODE = b'{"driver": "fake-hardware"}'
GET = b'GET /v1/nodes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
POST = b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'


@pytest.fixture(scope='module')
def running(tmp_path_factory):
    """A server of the API on a free port, for all tests here: none of them harms it."""
    folder = tmp_path_factory.mktemp('framing')
    database = databases.empty(folder)
    add_conductor(database)
    running = server.Server(app.build(config.load(state_dir=str(folder)), database, Conductor()), '127.0.0.1', 0, 4)
    running.start()
    yield running
    running.stop()
    database.close()


def asked(running, *parts):
    """The statuses of what the server answers to ``parts``, sent one after the other."""
    connection = Connection(running.port, 30)
    for part in parts:
        connection.send(part)
    statuses = [answer.status for answer in connection.answers()]
    connection.close()
    return statuses


@pytest.mark.parametrize('headers', [
    b'Content-Length: 27\r\nContent-Length: 27', b'Content-Length: 27\r\nContent-Length: 2', b'Content-Length: 27, 27',
    b'Content-Length: +27', b'Content-Length: 2_7', b'Content-Length: -1', b'Content-Length: 0x1b', b'Content-Length:',
    b'Content-Length: 27\r\nTransfer-Encoding: chunked', b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    b'Transfer-Encoding: chunked, chunked', b'Transfer-Encoding: chunked\x0b', b'Transfer-Encoding: ', b'Content-Length : 27',
    b'X: y\r\n folded: z', b'X: \x00', b'X\x00: y', b'no colon', b': no name', b'Content-Length: 27\nX: y', b'Host: y'])
def test_a_riddle_is_refused_and_what_follows_is_not_read_as_a_request(running, headers):
    assert asked(running, POST + headers + b'\r\n\r\n' + NODE + GET) == [400]


@pytest.mark.parametrize('request_', [
    b'GET http://[::1/v1 HTTP/1.1\r\nHost: x\r\n\r\n', b'GET /v1/nodes HTTP/1.1\r\n\r\n',
    b'GET /v1/nodes HTTP/1.1\r\n folded: y\r\nHost: x\r\n\r\n',
    b'POST /v1/nodes HTTP/1.0\r\nConnection: Keep-Alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'])
def test_what_is_no_request_is_refused_in_the_shape_of_all_refusals(running, request_):
    connection = Connection(running.port, 30)
    connection.send(request_ + GET)
    [answer] = connection.answers()
    connection.close()
    assert answer.status == 400
    assert answer.headers['connection'] == 'close'
    assert b'"faultstring' in answer.body.replace(b'\\', b'')
    assert b'"code":"invalid"' in answer.body


@pytest.mark.parametrize('chunks', [b'zz\r\n', b'-1\r\n' + NODE, b'1b\r\n' + NODE + b'X\r\n0\r\n\r\n', b'\r\n', b'1b\n' + NODE,
                                    b'1b' + b';' * 5000 + b'\r\n', b'0\r\n' + b'X: y\r\n' * 200 + b'\r\n', b'0x1b\r\n' + NODE])
def test_after_broken_chunks_the_connection_ends(running, chunks):
    assert asked(running, POST + b'Transfer-Encoding: chunked\r\n\r\n' + chunks + b'\r\n\r\n' + GET) == [400]


def test_chunks_with_extensions_and_trailers_end_where_they_end(running):
    chunks = b'5;a=b\r\n' + NODE[:5] + b'\r\n16 \r\n' + NODE[5:] + b'\r\n0;z\r\nX: y\r\n\r\n'
    assert asked(running, POST + b'Transfer-Encoding: Chunked\r\n\r\n' + chunks, GET) == [201, 200]


@pytest.mark.parametrize(('version', 'status'), [(b'9.9', 406), (b'1.115', 400)])
def test_a_body_that_nobody_reads_is_no_request_of_its_own(running, version, status):
    """Refused before its body was looked at, or because of it: neither in chunks nor whole does it become the next request."""
    inner = b'DELETE /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\n\r\n'
    for body in (b'Content-Length: %d\r\n\r\n%s' % (len(inner), inner),
                 b'Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n' % (len(inner), inner)):
        assert asked(running, POST + b'X-OpenStack-Ironic-API-Version: ' + version + b'\r\n' + body, GET) == [status, 200]


def test_what_is_too_large_is_told_so_also_to_those_who_send_it_whole_first(running):
    for head in (b'Content-Length: %d\r\n\r\n' % (3 << 20), b'Transfer-Encoding: chunked\r\n\r\n%x\r\n' % (3 << 20)):
        assert asked(running, POST + head, b'x' * (3 << 20), b'\r\n0\r\n\r\n' if b'chunked' in head else b'') == [413]


def test_a_length_beyond_all_patience_costs_neither_memory_nor_time(running):
    with socket.create_connection(('127.0.0.1', running.port), timeout=30) as connection:
        connection.sendall(POST + b'Content-Length: %d\r\n\r\n' % (1 << 40))
        sent, began = 0, time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < began + 20:
                sent += connection.send(b'x' * 65536)
    assert sent < 64 << 20
