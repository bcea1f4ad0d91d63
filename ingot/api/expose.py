"""``expose``: a handler's query and body are declared as WSME types, read strictly, and its answer is written by orjson."""

import functools
import inspect
import re
import weakref

import orjson
import pecan
import pecan.core
import pecan.routing

from ingot import errors
from ingot.api import links
from ingot.api.types import document
from ingot.db import conductor

_TAG = re.compile(r'\s*(?:W/)?"([0-9]{1,18})"\s*', re.ASCII)


class Call:
    """One request, as handlers see it: ``minor`` of its API version, ``query`` (dict), ``base`` of links, ``environ``."""

    __slots__ = ('_site', 'base', 'environ', 'minor', 'query')

    def __init__(self, site, environ, query):
        self._site, self.environ, self.query = site, environ, query
        self.base, self.minor = links.base(site.conf, environ), environ['ingot.minor']

    @property
    def ring(self):
        """Which conductor a node belongs to."""
        return conductor.ring(self._site.database)

    @property
    def generations(self):
        """The generations that If-Match allows, or None when anything goes."""
        header = self.environ.get('HTTP_IF_MATCH', '*').strip()
        return None if header == '*' else {int(match[1]) for match in map(_TAG.fullmatch, header.split(',')) if match}


class Answer:
    """An answer with more to it than a body: status, and headers such as Location and ETag."""

    __slots__ = ('body', 'headers', 'status')

    def __init__(self, body=None, status=None, **headers):
        self.body, self.status = body, status
        self.headers = {name.replace('_', '-'): value for name, value in headers.items()}


def expose(*, query=None, body=None, status=200, is_optional=False, noun=None, patched=None, answer=None, also=()):
    """Make a method a handler ``(self, call, [body,] *idents)`` that returns a document, an Answer, or None for no body.

    :param query: WSME type of the query string. :param body: WSME type of the body, or a function that reads it.
    :param is_optional: no body at all counts as {}. What only documents: ``noun`` (views.Noun) or ``answer`` (WSME type, or a
        JSON schema as a dict) is what answers show; ``patched`` is the WSME type that a patch applies to; ``also`` are other
        statuses of good answers.
    """
    def decorate(function):
        @functools.wraps(function)
        def handler(self, *idents):
            environ = pecan.core.state.request.environ
            call = Call(self.site, environ, document.query(query, environ.get('QUERY_STRING')))
            given = () if body is None else (_read(body, environ, is_optional),)
            return _write(function(self, call, *given, *idents), status)
        del handler.__wrapped__
        handler.declared = {'idents': _idents(function, body), 'query': query, 'body': body, 'status': status,
                            'is_optional': is_optional, 'noun': noun, 'patched': patched, 'answer': answer,
                            'also': also}
        return _exposed(handler)
    return decorate


def _idents(function, body):
    """The names of a handler's idents: what comes after self, call and the body."""
    return tuple(inspect.signature(function).parameters)[2 if body is None else 3:]


def _exposed(handler):
    handler = pecan.expose(content_type='application/json', template=None)(handler)
    handler._pecan['argspec'] = _spec(handler)
    return handler


def _read(body, environ, is_optional):
    if not environ['ingot.has_body']:
        if is_optional:
            return {}
        raise errors.Invalid('The request needs a body, a JSON document.')
    given = environ['ingot.body']
    return document.read(body, given) if inspect.isclass(body) else body(given)


def _write(answer, status):
    response = pecan.core.state.response
    if not isinstance(answer, Answer):
        answer = Answer(answer)
    response.status = answer.status or status
    response.headers.update(answer.headers)
    if answer.body is None:
        response.content_type = None
    elif inspect.isgenerator(answer.body):
        response.app_iter = answer.body
    else:
        response.body = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
        if 'Content-Type' not in answer.headers:
            response.content_type = 'application/json'
    return pecan.response


_memo = weakref.WeakKeyDictionary()
_spec_of = pecan.util.getargspec


def _spec(method):
    """Pecan asks for the arguments of a method seven times a request, and makes a class for each answer: ask once."""
    function = getattr(method, '__func__', method)
    if function not in _memo:
        _memo[function] = _spec_of(function)
    return _memo[function]


for _module in (pecan.core, pecan.routing, pecan.util):
    _module.getargspec = _spec
