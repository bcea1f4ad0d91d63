"""``Idempotency-Key``: a request that is sent again gets the first answer again, and does nothing again.

On every POST, and on the verbs of a node. Answers that change nothing by being given another time are not kept: 5xx, 409,
and whatever says that it is retryable. Draft: draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import re

import orjson

from ingot import errors
from ingot.api import errors as told
from ingot.db import idempotency

HEADER = 'Idempotency-Key'
#: PUT is idempotent by itself, but for these: they start something.
_VERBS = ('/states/provision', '/states/power')
_KEY = re.compile(r'"([\x20-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})', re.ASCII)


def middleware(database):
    """Middleware with the answers in ``database``; a request without the header passes as it is."""
    def wrap(app):
        def call(environ, start_response):
            if 'HTTP_IDEMPOTENCY_KEY' not in environ or not is_for(environ['REQUEST_METHOD'], environ['PATH_INFO']):
                return app(environ, start_response)
            name = _name(environ['HTTP_IDEMPOTENCY_KEY'])
            first = idempotency.claim(database, name, fingerprint(environ))
            if first is None:
                return _answer(database, name, app, environ, start_response)
            status, headers, body = first
            start_response(status_line(status), [*map(tuple, headers), ('Idempotency-Replayed', 'true')])
            return [body]
        return call
    return wrap


def is_for(method, path):
    """Whether the header means something there."""
    return method == 'POST' or (method == 'PUT' and path.rstrip('/').endswith(_VERBS))


def _name(header):
    match = _KEY.fullmatch(header.strip())
    if not match:
        raise errors.Invalid(f'{HEADER} must be 1 to 255 printable ASCII characters.', remedy='A new UUID does.')
    return match[1] or match[2]


def fingerprint(environ):
    """Hex SHA-256 of what makes the request what it is: method, place, version and document."""
    path = environ['PATH_INFO'].rstrip('/').removeprefix('/v1')
    return hashlib.sha256(orjson.dumps(
        [environ['REQUEST_METHOD'], path, environ.get('QUERY_STRING', ''), environ['ingot.minor'],
         environ.get('HTTP_IF_MATCH', ''), environ['ingot.body']], option=orjson.OPT_SORT_KEYS)).hexdigest()


def _answer(database, name, app, environ, start_response):
    """The first answer, kept before it is sent."""
    told_so = {}

    def start(status, headers, *rest):
        told_so.update(status=status, headers=headers)
    try:
        body, is_final = b''.join(app(environ, start)), True
    except errors.IngotError as error:
        body, is_final = b''.join(told.answer(error, start)), not error.retryable
    except BaseException:
        idempotency.release(database, name)
        raise
    status = int(told_so['status'][:3])
    if is_final and status < 500 and status != 409:
        idempotency.keep(database, name, status, told_so['headers'], body)
    else:
        idempotency.release(database, name)
    start_response(told_so['status'], told_so['headers'])
    return [body]


def status_line(status):
    """'201 Created'"""
    return f'{status} {told.REASONS.get(status, "OK")}'
