"""Takes notes of every request that the YAML files send, and of its answer, to hold them against the OpenAPI document."""

import re

import jsonschema
import orjson

from ingot.api import openapi
from ingot.api.resource import Site
from ingot.api.v1 import root


class Recorder:
    """A WSGI middleware; ``seen`` has (path, method, status, content type, body) of each request."""

    def __init__(self):
        self.seen = []

    def wrap(self, app):
        def call(environ, start_response):
            told = {}

            def start(status, headers, *rest):
                told.update(status=int(status[:3]), kind=dict(headers).get('Content-Type', ''))
                return start_response(status, headers, *rest)
            path, method = environ['PATH_INFO'], environ['REQUEST_METHOD']
            body = b''.join(app(environ, start))
            self.seen.append((path, method, told['status'], told['kind'].partition(';')[0], body))
            return [body]
        return call


class Declared:
    """The OpenAPI document, asked for one answer at a time."""

    def __init__(self):
        self.document = openapi.describe(root.tree(Site(_Conf, None, None)))
        self._patterns = [(path, re.compile(re.sub(r'\\{[a-z0-9_]+\\}', '[^/]+', re.escape(path))))
                          for path in sorted(self.document['paths'], key=lambda path: path.count('{'))]

    def path(self, asked):
        """The template of a path, or None."""
        asked = asked.removesuffix('/') or '/'
        for wanted in (asked, f'/v1{asked}', asked.removesuffix('.json')):
            for path, pattern in self._patterns:
                if pattern.fullmatch(wanted):
                    return path
        return None

    def complaint(self, asked, method, status, kind, body):
        """What the document does not know of this answer, or None."""
        path, method = self.path(asked), {'HEAD': 'get'}.get(method, method.lower())
        known = self.document['paths'].get(path, {})
        if method == 'options' or (method not in known and status in (400, 404, 405, 406, 413, 415)):
            return None
        if method not in known:
            return f'{method} {asked} is not declared, and answers {status}'
        answer = known[method]['responses'].get(str(status))
        if answer is None:
            return f'{method} {path}: status {status} is not declared'
        if '$ref' in answer:
            answer = self.document['components']['responses'][answer['$ref'].rpartition('/')[2]]
        return self._wrong(answer, kind, body) and f'{method} {path} {status}: {self._wrong(answer, kind, body)}'

    def _wrong(self, answer, kind, body):
        if not body:
            return None
        schema = answer.get('content', {}).get(kind)
        if schema is None:
            return f'a body of {kind} is not declared'
        if kind != 'application/json':
            return None
        checker = jsonschema.Draft202012Validator({**schema['schema'], 'components': self.document['components']})
        return '; '.join(f'{error.json_path}: {error.message[:200]}' for error in checker.iter_errors(orjson.loads(body))) or None

    def operations(self):
        """{(method, path)} of everything declared."""
        return {(method.upper(), path) for path, known in self.document['paths'].items() for method in known}


class _Conf:
    """What the tree asks of a configuration when it is made."""

    class api:       # noqa: N801
        threads = 2
