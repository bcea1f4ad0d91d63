"""Requests that break the rules of HTTP itself: lengths that lie, chunks that are none, headers and lines without end."""

_JSON = b'Content-Type: application/json\r\n'
_NODE = b'{"driver": "fake-hardware"}'
_LENGTHS = [b'-1', b'x', b'1e3', b'+27', b'0x1b', b'27, 27', b'', b'\xd9\xa3', b'9' * 30, b'99999', b'1', b'26', b'28',
            b'1073741824']
_CODINGS = [b'chunked', b'gzip', b'identity', b'chunked, chunked', b'gzip, chunked', b'Chunked', b'x', b'', b'chunked\x0b']
_CHUNKS = [b'zz\r\n', b'-1\r\n{}\r\n0\r\n\r\n', b'ffffffffffffffff\r\n{}', b'1b\r\n' + _NODE + b'\r\n',
           b'1b\r\n' + _NODE + b'\r\n0\r\n\r\n', b'5\r\n{"dri', b'0\r\n\r\n',
           b'1b;x=' + b'y' * 9000 + b'\r\n' + _NODE + b'\r\n0\r\n\r\n', b'2\r\n{}{}\r\n0\r\n\r\n', b'\r\n\r\n',
           b'1b\n' + _NODE + b'\n0\n\n', b'1b\r\n' + _NODE + b'\r\n0\r\nX: y\r\n\r\n',
           b'0' * 5000 + b'1b\r\n' + _NODE + b'\r\n0\r\n\r\n']
_LINES = [b'', b'GET', b'GET /v1/nodes', b'GET /v1/nodes HTTP/9.9', b'GET /v1/nodes HTTP/1.1 x', b'GET /v1/nodes http/1.1',
          b'GET /v1/nodes HTTP/2', b'GET /v1/nodes FTP/1.1', b'GET  /v1/nodes  HTTP/1.1', b'\tGET /v1/nodes HTTP/1.1',
          b'GET v1/nodes HTTP/1.1', b'GET * HTTP/1.1', b'OPTIONS * HTTP/1.1', b'CONNECT x:443 HTTP/1.1',
          b'GET //v1//nodes HTTP/1.1', b'GET http://x/v1/nodes HTTP/1.1', b'GET http:///v1 HTTP/1.1',
          b'GET http://[::1/v1 HTTP/1.1', b'GET /v1/nodes#x HTTP/1.1', b'GET /v1/nodes/\x00 HTTP/1.1',
          b'GET /v1/nodes/\xff HTTP/1.1', b'GET /v1/nodes/%00 HTTP/1.1', b'GET /v1/nodes/%ff HTTP/1.1',
          b'GET /v1/nodes/%zz HTTP/1.1', b'GET /v1/nodes?% HTTP/1.1', b'GET /v1/nodes?\xff=\x00 HTTP/1.1',
          b'get /v1/nodes HTTP/1.1', b'G\xffT /v1/nodes HTTP/1.1', b'TRACE /v1/nodes HTTP/1.1',
          b'X' * 9000 + b' /v1/nodes HTTP/1.1', b'GET /v1/nodes/' + b'a' * 70_000 + b' HTTP/1.1',
          b'GET /v1/nodes?name=' + b'a' * 70_000 + b' HTTP/1.1', b'GET /' + b'../' * 1000 + b'etc/passwd HTTP/1.1',
          b'GET /v1/' + b'nodes/' * 3000 + b' HTTP/1.1', b'PRI * HTTP/2.0', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03']
_HEADERS = [b'X: ' + b'y' * 200_000, b'X: y\r\n' * 5000, b'no colon', b': no name', b'X\x00: y', b'X: \x00', b'X: \xff',
            b'X : y', b'X: y\n\n', b' folded: y', b'X: y\r\n  and more', b'Host: ', b'Host: x\r\nHost: y', b'Host: a b"<>',
            b'Expect: 100-continue', b'Expect: luck', b'Upgrade: h2c\r\nConnection: Upgrade', b'Connection: close, keep-alive',
            b'Connection: \xff', b'Range: bytes=0-', b'Idempotency-Key: ' + b'k' * 300, b'Idempotency-Key: \x01',
            b'If-Match: ' + b'"1",' * 5000, b'If-Match: "\xff"', b'X-OpenStack-Ironic-API-Version: ' + b'9' * 5000,
            b'X-OpenStack-Ironic-API-Version: 1.\xb2', b'X-OpenStack-Ironic-API-Version: 1.1, 1.2',
            b'OpenStack-API-Version: baremetal', b'Accept: \xff', b'Accept: ' + b'a/b,' * 5000, b'Content-Type: \xff',
            b'Content-Type: application/json; charset=utf-16', b'Content-Encoding: gzip', b'Cookie: ' + b'a=b;' * 5000,
            b'X-Forwarded-For: ' + b'1,' * 2000, b'X-HTTP-Method-Override: DELETE', b'Authorization: Basic \xff']


def request(chance):
    """The bytes of a request, or of what might have become one; nothing follows it on its connection."""
    kind = chance.choice([_length, _coding, _line, _header, _cut, _noise])
    return kind(chance)


def _post(headers, body):
    return b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\n' + _JSON + headers + b'\r\n\r\n' + body


def _length(chance):
    more = b'\r\nContent-Length: 27' if chance.random() < 0.2 else b''
    return _post(b'Content-Length: ' + chance.choice(_LENGTHS) + more, _NODE)


def _coding(chance):
    more = b'\r\nContent-Length: 5' if chance.random() < 0.3 else b''
    return _post(b'Transfer-Encoding: ' + chance.choice([b'chunked', chance.choice(_CODINGS)]) + more, chance.choice(_CHUNKS))


def _line(chance):
    return chance.choice([b'', b'', b'\r\n', b'\n', b'\r\n' * 50]) + chance.choice(_LINES) + b'\r\nHost: x\r\n\r\n'


def _header(chance):
    host = chance.choice([b'Host: x\r\n', b'Host: x\r\n', b''])
    return b'GET /v1/nodes HTTP/1.1\r\n' + host + b'\r\n'.join(chance.choice(_HEADERS) for _ in range(2)) + b'\r\n\r\n'


def _cut(chance):
    whole = _post(b'Content-Length: 27', _NODE)
    return whole[:chance.randrange(1, len(whole))]


def _noise(chance):
    return chance.randbytes(chance.randint(1, 3000)) + chance.choice([b'', b'\r\n\r\n'])
