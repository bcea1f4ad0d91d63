"""The server's own streams: whole lines and bodies in whatever pieces they come, answers in whatever pieces they go."""

import socket

import pytest

from ingot.api import stream


class Pieces:
    """A socket that gives ``pieces`` and takes at most ``most`` bytes at a time."""

    def __init__(self, *pieces, most=3):
        self.pieces, self.most, self.sent = list(pieces), most, b''

    def recv(self, size):
        piece = self.pieces.pop(0) if self.pieces else b''
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]

    def send(self, data):
        self.sent += bytes(data[:self.most])
        return min(len(data), self.most)


def test_lines_come_whole_however_they_are_cut():
    reader = stream.Reader(Pieces(b'GET / HT', b'TP/1.1\r', b'\nHost: x\r\n\r\nrest'))
    assert [reader.readline() for _ in range(3)] == [b'GET / HTTP/1.1\r\n', b'Host: x\r\n', b'\r\n']
    assert reader.has_data()
    assert reader.read(4) == b'rest'
    assert not reader.has_data()
    assert reader.bytes_read == 31


def test_a_line_is_cut_at_its_limit():
    reader = stream.Reader(Pieces(b'0123456789\n'))
    assert [reader.readline(4), reader.readline(256), reader.readline(256)] == [b'0123', b'456789\n', b'']


def test_a_line_without_an_end_is_given_out_in_parts():
    reader = stream.Reader(Pieces(*[b'x' * 10_000] * 20))
    assert 64 * 1024 <= len(reader.readline()) < 100_000


@pytest.mark.parametrize('size', [7, None, -1])
def test_a_body_is_read_to_its_end(size):
    reader = stream.Reader(Pieces(b'ab', b'cd', b'efg'))
    assert reader.read(size) == b'abcdefg'
    assert reader.read(5) == b''


def test_no_byte_of_the_next_request_is_taken():
    reader = stream.Reader(Pieces(b'line\nbody', b'GET /'))
    assert (reader.readline(), reader.read(4), reader.readline()) == (b'line\n', b'body', b'GET /')


def test_a_timeout_of_the_socket_is_told():
    ours, theirs = socket.socketpair()
    ours.settimeout(0.01)
    with ours, theirs, pytest.raises(TimeoutError):
        stream.Reader(ours).readline()


def test_an_answer_goes_out_whole():
    pieces = Pieces()
    writer = stream.Writer(pieces)
    assert writer.write(b'0123456789') == 10
    assert (pieces.sent, writer.bytes_written) == (b'0123456789', 10)
