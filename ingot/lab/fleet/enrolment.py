"""The nodes of a fleet, made over the API of a running Ingot (or Ironic): one POST a node, one a port."""

import contextlib
import http.client
import json
import socket
import urllib.parse

from ingot import concurrency, errors
from ingot.lab.fleet import identity

_CLIENTS = 8          # requests at once
_VERSION = '1.31'     # newest that is needed: interfaces are left to their defaults, names and uuids are chosen


class Enrolment:
    """``run`` makes the nodes 0 to ``count`` - 1 at the API ``url``; what is there already is left as it is.

    ``patience``: seconds that an API which does not listen is waited for.
    """

    def __init__(self, url, access, count, *, seed=0, is_managed=False, patience=0):
        self._parts = urllib.parse.urlsplit(url)
        if self._parts.scheme not in ('http', 'https') or not self._parts.hostname:
            raise errors.InvalidParameter(f'"{url}" is no URL of an API, such as http://127.0.0.1:6385.')
        self._access, self._count, self._seed, self._is_managed = access, count, seed, is_managed
        self._patience = patience

    def run(self):
        """(made, found there already). Raises the first error: HardwareFailure with the API's words, or that it is away."""
        concurrency.wait_for(self._listens, self._patience)
        pool = concurrency.Pool(_CLIENTS, 'enrol')
        futures = [pool.submit(self._enrol, range(first, self._count, _CLIENTS)) for first in range(_CLIENTS)]
        made = sum(future.result() for future in futures)
        pool.close()
        return made, self._count - made

    def _listens(self):
        port = self._parts.port or (443 if self._parts.scheme == 'https' else 80)
        with contextlib.suppress(OSError), socket.create_connection((self._parts.hostname, port), timeout=5):
            return True
        return False

    def _enrol(self, numbers):
        """How many of ``numbers`` were made; one connection for all of them."""
        kind = http.client.HTTPSConnection if self._parts.scheme == 'https' else http.client.HTTPConnection
        connection, made = kind(self._parts.hostname, self._parts.port, timeout=60), 0
        for number in numbers:
            made += self._make(connection, number)
        connection.close()
        return made

    def _make(self, connection, number):
        uuid = identity.node(self._seed, number)
        if self._ask(connection, 'POST', '/v1/nodes', {
                'uuid': uuid, 'name': identity.name(number), 'driver': 'ipmi', 'resource_class': 'fleet',
                'driver_info': self._access(number)}, fine=(201, 409)) == 409:
            return 0
        self._ask(connection, 'POST', '/v1/ports', {'node_uuid': uuid, 'address': identity.mac(number)}, fine=(201, 409))
        if self._is_managed:
            self._ask(connection, 'PUT', f'/v1/nodes/{uuid}/states/provision', {'target': 'manage'}, fine=(202,))
        return 1

    def _ask(self, connection, method, path, body, *, fine):
        try:
            connection.request(method, self._parts.path.rstrip('/') + path, json.dumps(body), {
                'Content-Type': 'application/json', 'X-OpenStack-Ironic-API-Version': _VERSION})
            answer = connection.getresponse()
            words = answer.read().decode(errors='replace')
        except (OSError, http.client.HTTPException) as error:
            raise errors.HardwareFailure(f'{self._parts.netloc} does not answer: {error or type(error).__name__}.',
                                         remedy='Start it with: ingot serve') from None
        if answer.status not in fine:
            raise errors.HardwareFailure(f'{method} {path} was refused with {answer.status}: {words[:300]}')
        return answer.status
