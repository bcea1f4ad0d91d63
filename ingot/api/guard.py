"""Middleware that reads the body, within limits of size and depth, before anything else looks at it.

What passes is JSON without NaN, infinity, repeated members or stray surrogates; it waits in ``environ['ingot.body']``.
"""

import io
import json

import orjson

from ingot import errors

_KIB = 1024
DEPTH = 25
LIMIT = 1024 * _KIB
#: Larger bodies are fine where config drives and inventories come.
LIMITS = {'/states/provision': 65536 * _KIB, '/continue_inspection': 16384 * _KIB, '/report': 16384 * _KIB}
_TYPES = ('application/json', 'application/json-patch+json')


def check(app):
    """Middleware: refuse bodies and paths that nobody should have to deal with."""
    def call(environ, start_response):
        path = _path(environ)
        text = _read(environ, next((LIMITS[end] for end in LIMITS if path.endswith(end)), LIMIT))
        environ['ingot.body'] = parse(text, environ.get('CONTENT_TYPE', '')) if text else None
        environ['ingot.has_body'] = bool(text)
        environ['wsgi.input'], environ['CONTENT_LENGTH'] = io.BytesIO(), '0'
        environ['ingot.accept'], environ['HTTP_ACCEPT'] = environ.get('HTTP_ACCEPT', ''), '*/*'   # every answer is JSON
        return app(environ, start_response)
    return call


def _path(environ):
    try:
        path = environ.get('PATH_INFO', '').encode('latin-1').decode()
    except UnicodeError:
        raise errors.Invalid('The path is not UTF-8.') from None
    if '\0' in path:
        raise errors.NotFound('There is nothing at a path with NUL in it.')
    return path.rstrip('/')


def _read(environ, limit):
    length = environ.get('CONTENT_LENGTH') or '0'
    if not (length.isascii() and length.isdigit()):
        raise errors.Invalid('Content-Length is not a number.')
    if int(length) > limit:
        raise _too_large(limit)
    is_chunked = 'chunked' in environ.get('HTTP_TRANSFER_ENCODING', '').lower()
    wanted = limit + 1 if is_chunked else int(length)
    try:
        text = environ['wsgi.input'].read(wanted) if wanted else b''
    except (ValueError, OSError):
        raise errors.Invalid('The body ended early, or its chunks are broken.') from None
    if len(text) > limit:
        raise _too_large(limit)
    if not is_chunked and len(text) < int(length):
        raise errors.Invalid(f'The body has {len(text)} bytes, Content-Length said {length}.')
    return text


def _too_large(limit):
    return errors.TooLarge(f'The body is larger than {limit // _KIB} KiB.')


def parse(text, content_type):
    """The JSON document in ``text`` (bytes); Invalid, or UnsupportedMediaType for what does not claim to be JSON."""
    if content_type.partition(';')[0].strip().lower() not in _TYPES:
        raise errors.UnsupportedMediaType(f'Bodies are JSON; send "Content-Type: {_TYPES[0]}".')
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise errors.Invalid(f'The body is not JSON: {error.msg}, at line {error.lineno} column {error.colno}.') from None
    if text.count(b'{') + text.count(b'[') > DEPTH and not is_shallow(document, DEPTH):
        raise errors.Invalid(f'The body is nested deeper than {DEPTH} levels.')
    if b'{' in text:
        json.loads(text, object_pairs_hook=_members, parse_int=str, parse_float=str)
    return document


def is_shallow(document, depth):
    """True when ``document`` nests at most ``depth`` levels of objects and arrays."""
    if not isinstance(document, (dict, list)):
        return True
    inner = document.values() if isinstance(document, dict) else document
    return depth > 0 and all(is_shallow(value, depth - 1) for value in inner)


def _members(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise errors.Invalid('The body has an object with the same member twice.')
    return members
