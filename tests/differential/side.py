"""Side: one of the two servers; asks it, and tells its answers without what cannot be equal: ids, times, where it is."""

import contextlib
import dataclasses
import http.client
import json
import re
import urllib.parse

from ingot import concurrency

HEADER = 'X-OpenStack-Ironic-API-Version'
#: Headers that clients read. Whether there is a request id counts, not which.
_COMPARED = ('x-openstack-ironic-api-version', 'x-openstack-ironic-api-minimum-version',
             'x-openstack-ironic-api-maximum-version', 'location', 'content-type', 'allow')
_IDS = ('openstack-request-id', 'x-openstack-request-id')
_UUID = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?')       # Ironic shows microseconds where its database has them
_NAME = re.compile(r'\$(\w+)')
_PATIENCE = 15


@dataclasses.dataclass
class Told:
    """An answer, comparable: ``body`` is parsed JSON, text when it is none, or None."""

    status: int
    headers: dict
    body: object
    raw: object = None           # parsed, but as it came


class Side:
    """The server at ``url``; ``names``: {name: id here} of what requests have called so."""

    def __init__(self, url):
        self.url, self.names, self.made = url.rstrip('/'), {}, []
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)

    def ask(self, request):
        """The answer to a corpus.Request."""
        literal = {*_UUID.findall(f'{request.path} {request.body}')}
        path, body = self._filled(request.path), request.body and self._filled(request.body)
        status, headers, text = self._send(request.method, path, self._headers(request, body), body)
        raw = _parsed(text)
        if status == 201 and 'location' in headers:
            self.made.append(urllib.parse.urlsplit(headers['location']).path)
        if request.name and status < 400:
            self._name(request, raw)
        return Told(status, {name: self._told(value, literal) for name, value in _compared(headers).items()},
                    _parsed(self._told(text, literal)), raw)

    def wait(self, wait):
        """None when it has come true, or the words that say how it is instead."""
        path = f'/v1/nodes/{self._filled(wait.ident)}?fields={wait.name},provision_state,reservation,last_error'

        def is_so():
            node = self._get(path)
            return str(node.get(wait.name)) == wait.value and node.get('reservation') is None
        return None if concurrency.wait_for(is_so, _PATIENCE, every=0.1) else f'{wait} is not so: {self._get(path)}'

    def tidy(self, since=0):
        """Delete what was made, the newest first, so that the next file finds nothing."""
        for path in reversed(self.made[since:]):
            if path.startswith('/v1/nodes/'):
                self._send('PUT', f'{path}/maintenance', _LATEST, '{}')
                self._send('PATCH', path, _LATEST, '[{"op": "replace", "path": "/protected", "value": false}]')
                self._send('DELETE', f'{path}/vifs/none', _LATEST, None)
            self._send('DELETE', path, _LATEST, None)
        del self.made[since:]

    def _name(self, request, answer):
        value = answer
        for member in request.member.split('.'):
            value = value[int(member)] if isinstance(value, list) else value[member]
        self.names[request.name] = value

    def _get(self, path):
        return _parsed(self._send('GET', path, _LATEST, None)[2])

    def _filled(self, text):
        return _NAME.sub(lambda match: self.names.get(match[1], match[0]), text)

    def _told(self, text, literal):
        names = {value: name for name, value in self.names.items()}
        text = _UUID.sub(lambda match: f'${names[match[0]]}' if match[0] in names else
                         match[0] if match[0] in literal else '<uuid>', text)
        return _TIME.sub('<time>', text).replace(self.url, 'http://server')

    @staticmethod
    def _headers(request, body):
        version = {} if request.version == '-' else {HEADER: request.version}
        return version | ({'Content-Type': 'application/json'} if body is not None else {}) | dict(request.headers)

    def _send(self, method, path, headers, body):
        """(status, headers in lower case, text)."""
        for is_last in (False, True):
            try:
                self.connection.request(method, path, body and body.encode(), headers)
                answer = self.connection.getresponse()
                return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
            except (ConnectionError, http.client.HTTPException):
                self.connection.close()
                if is_last:
                    raise
        return None


_LATEST = {HEADER: 'latest', 'Content-Type': 'application/json'}


def _compared(headers):
    return {name: headers[name] for name in _COMPARED if name in headers} | {name: '<id>' for name in _IDS if name in headers}


def _parsed(text):
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text or None
