"""One JSON call to the API: an HTTP/1.0 POST (RFC 1945) on a connection of its own, so that nothing is left half open.

Written on a bare socket, because http.client imports the e-mail package, ssl and 30 modules more.
"""

import json
import re
import socket

_LONGEST = 64 * 2 ** 20       # of an answer; a plan with a config drive has some MiB
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
        return _parse_answer(_receive(channel))


def parse(base):
    """(host, port, path prefix) of a URL; ValueError when it is not http."""
    match = _URL.fullmatch(base)
    if match is None:
        raise ValueError(f'"{base}" is not an http URL')
    host, port, prefix = match.groups()
    return host, int(port or 80), (prefix or '').rstrip('/')


def _receive(channel):
    answer = bytearray()
    while piece := channel.recv(65536):
        answer += piece
        if len(answer) > _LONGEST:
            raise ValueError('the answer is too long')
        if _is_whole(answer):
            break
    return bytes(answer)


def _is_whole(answer):
    """Has the answer all its bytes? Only with a Content-Length can that be known before the end of the stream."""
    head, blank, body = answer.partition(b'\r\n\r\n')
    length = re.search(rb'\r\ncontent-length: *(\d+)', head.lower()) if blank else None
    return length is not None and len(body) >= int(length.group(1))


def _parse_answer(answer):
    head, blank, body = answer.partition(b'\r\n\r\n')
    status = re.match(rb'HTTP/1\.\d (\d{3})', head)
    length = re.search(rb'\r\ncontent-length: *(\d+)', head.lower())
    if not blank or status is None or (length and len(body) < int(length.group(1))):
        raise ValueError('the answer ended too early')
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    return int(status.group(1)), content if isinstance(content, dict) else {}
