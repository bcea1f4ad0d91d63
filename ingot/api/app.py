"""The WSGI applications: one for clients, one for machines. A pipeline of middlewares around Pecan."""

import uuid

import pecan
from webob.multidict import NestedMultiDict

from ingot import config
from ingot.api import errors, guard, idempotency, resource, versions
from ingot.api.v1 import agent, root


class _Request(pecan.Request):
    """Pecan must not parse what the WSME types will."""

    GET = POST = params = NestedMultiDict()
    json = {}


class _Pecan(pecan.Pecan):
    """Pecan whose handlers are found in our tree of resources."""

    def __call__(self, environ, start_response):
        try:
            return super().__call__(environ, start_response)
        finally:         # a circle through the request: it would keep every answer until the garbage collector comes
            environ.pop('pecan.locals', None)

    def route(self, request, root, path):
        return resource.find(root, request, path)

    def _handle_empty_response_body(self, state):
        """``expose`` has said already what an empty body means; Pecan would read ahead in streams to find out."""


def build(conf, database, conductor):
    """The API for clients. ``conductor``: whoever does what needs hardware (conductor.client.Client)."""
    return _pipeline(root.tree(_site(conf, database, conductor)), idempotency.middleware(database))


def build_machine_side(conf, database, conductor):
    """The API for machines in their ramdisk: docs/agent-protocol.md and nothing else."""
    return _pipeline(agent.tree(_site(conf, database, conductor)))


def _site(conf, database, conductor):
    if config.tells_placement(conf):
        database.tell_placement()
    return resource.Site(conf, database, conductor)


def _pipeline(tree, *inner):
    app = _Pecan(tree, default_renderer='json', force_canonical=False, guess_content_type_from_ext=False,
                 request_cls=_Request)
    for middleware in (*inner, guard.check, version, errors.catch, sign):
        app = middleware(app)
    return app


def version(app):
    """Middleware: the API version that the request asks for."""
    def call(environ, start_response):
        environ['ingot.minor'] = versions.negotiate(environ)
        return app(environ, start_response)
    return call


def sign(app):
    """Middleware, the outermost: every answer, errors too, carries the request's id and the versions."""
    def call(environ, start_response):
        environ['ingot.request_id'] = name = f'req-{uuid.uuid4()}'
        environ['ingot.minor'] = None

        def start(status, headers, *rest):
            ids = [('openstack-request-id', name), ('x-openstack-request-id', name)]
            return start_response(status, [*headers, *ids, *versions.headers(environ['ingot.minor'])], *rest)
        answer = app(environ, start)
        return _bodiless(answer) if environ['REQUEST_METHOD'] == 'HEAD' else answer
    return call


def _bodiless(answer):
    """HEAD is GET without the body (RFC 9110, 9.3.2)."""
    if hasattr(answer, 'close'):
        answer.close()
    return []
