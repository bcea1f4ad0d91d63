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
    host, port, prefix = parse(base)
    content = json.dumps(body).encode()
    lines = [f'POST {prefix}{path} HTTP/1.0', f'Host: {host}:{port}', 'Content-Type: application/json',
             'Accept: application/json', f'Content-Length: {len(content)}']
    lines += [f'Authorization: Bearer {session}'] if session else []
    with socket.create_connection((host.strip('[]'), port), timeout=timeout) as channel:
        channel.sendall('\r\n'.join([*lines, '', '']).encode() + content)
        return _parse_answer(*_receive(channel))


def parse(base):
    """(host, port, path prefix) of a URL; ValueError when it is not http."""
    match = _URL.fullmatch(base)
    if match is None:
        raise ValueError(f'"{base}" is not an http URL')
    host, port, prefix = match.groups()
    return host, int(port or 80), (prefix or '').rstrip('/')


def _receive(channel):
    """(head, body) of the answer, whole: as long as its Content-Length says, or else up to the end of the stream."""
    answer, start, end = bytearray(), None, _LONGEST
    while start is None or len(answer) < end:
        piece = channel.recv(1 << 20)
        if not piece:
            break
        answer += piece
        if start is None and b'\r\n\r\n' in answer:
            start = answer.index(b'\r\n\r\n') + 4
            length = re.search(rb'\r\ncontent-length: *(\d+)', answer[:start].lower())
            end = min(end, start + int(length.group(1))) if length else end
    if start is None or len(answer) < end < _LONGEST:
        raise ValueError('the answer ended too early')
    return bytes(answer[:start]), bytes(answer[start:end])


def _parse_answer(head, body):
    status = re.match(rb'HTTP/1\.\d (\d{3})', head)
    if status is None:
        raise ValueError('the answer is no HTTP')
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    return int(status.group(1)), content if isinstance(content, dict) else {}
