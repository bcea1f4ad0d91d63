"""Clients that fall silent in the middle of a request: they are cut off, and others are served meanwhile."""

import contextlib
import time

from tests.fuzz.asked import Request
from tests.fuzz.wire import Connection

_HALVES = [b'GET /v1/nodes HTT', b'GET /v1/nodes HTTP/1.1\r\nHost: x\r\nX-Sl', b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\n'
           b'Content-Type: application/json\r\nContent-Length: 27\r\n\r\n{"driver"', b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\n'
           b'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"d']
_SECONDS = 90


def complaints(port, *, each=2):
    """What goes wrong while ``each`` clients hang at each place of a request."""
    found = []
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(contextlib.closing(Connection(port, _SECONDS))) for _ in _HALVES * each]
        for connection, half in zip(silent, _HALVES * each, strict=True):
            connection.send(half)
        began = time.monotonic()
        other = stack.enter_context(contextlib.closing(Connection(port, 20)))
        other.send(Request('GET', '/v1/nodes?limit=1').encode(is_last=True))
        if other.answer().status != 200:
            found.append('others are not served')
        for connection, half in zip(silent, _HALVES * each, strict=True):
            answer = connection.answer()
            if answer and not 400 <= answer.status < 500:
                found.append(f'{half[-20:]!r}: {answer.status}')
        if time.monotonic() - began > _SECONDS:
            found.append(f'it took {time.monotonic() - began:.0f} s to cut them off')
    return found
