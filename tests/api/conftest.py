"""The API in process, on a database of its own, with a conductor that only takes notes."""

import time

import orjson
import pytest
import webob

from ingot import config, errors, rpc
from ingot.api import app
from ingot.conductor import client
from ingot.conductor.service import Service
from ingot.db import models
from ingot.db.engine import now
from ingot.drivers import registry
from tests import databases

INTERFACES = {'fake-hardware': {'power': ['fake'], 'management': ['fake'], 'boot': ['fake', 'other'], 'deploy': ['fake'],
                                'inspect': ['agent', 'fake']},
              'ipmi': {'power': ['ipmitool'], 'management': ['ipmitool'], 'boot': ['ipxe'], 'deploy': ['iscsi']}}
PROPERTIES = {'fake-hardware': {}, 'ipmi': {'ipmi_address': 'Address of the BMC.'}}


class Conductor:
    """Takes notes of what it is asked for; raises ``error`` when it is set."""

    def __init__(self):
        self.calls, self.error, self.answers = [], None, {}     # answers: {(kind, method): what ask and order give}

    def _note(self, *call):
        self.calls.append(call)
        if self.error:
            raise self.error

    def provision(self, node, verb, arguments):
        self._note('provision', node['uuid'], verb, arguments)

    def power(self, node, target, timeout):
        self._note('power', node['uuid'], target, timeout)

    def ask(self, uuid, kind, method, **arguments):
        self._note('ask', uuid, kind, method, arguments)
        return self.answers.get((kind, method))

    def order(self, uuid, kind, method, **arguments):
        self._note('order', uuid, kind, method, arguments)
        return self.answers.get((kind, method))

    def boot_device(self, uuid):
        self._note('boot_device', uuid)
        return {'boot_device': 'pxe', 'persistent': False}

    def set_boot_device(self, uuid, device, is_persistent):
        self._note('set_boot_device', uuid, device, is_persistent)

    def boot_devices(self, uuid):
        self._note('boot_devices', uuid)
        return ['pxe', 'disk']

    def validate(self, uuid):
        self._note('validate', uuid)
        return {'power': {'result': True}, 'deploy': {'result': False, 'reason': 'no image_source'}}

    def vendor_call(self, uuid, method, http_method, arguments):
        self._note('vendor_call', uuid, method, http_method, arguments)
        return self.answers[method]

    def driver_call(self, driver, method, http_method, arguments):
        self._note('driver_call', driver, method, http_method, arguments)
        return self.answers[method]

    def driver_methods(self, driver):
        self._note('driver_methods', driver)
        return {'count': {'http_methods': ['GET']}}

    def continue_operation(self, uuid):
        self._note('continue_operation', uuid)


class Client:
    """Sends requests to a WSGI application; bodies are documents, or bytes as they are."""

    def __init__(self, app):
        self.app = app

    def __call__(self, method, path, body=None, *, version='1.115', **headers):
        request = webob.Request.blank(path, method=method)
        if version:
            request.headers['X-OpenStack-Ironic-API-Version'] = version
        if body is not None:
            request.body = body if isinstance(body, bytes) else orjson.dumps(body)
            request.content_type = 'application/json'
        for name, value in headers.items():
            request.headers[name.replace('_', '-')] = value
        answer = request.get_response(self.app)
        if answer.status_code == 204:
            assert answer.body == b''
        return answer

    def get(self, path, **kwargs):
        return self('GET', path, **kwargs)

    def post(self, path, body, **kwargs):
        return self('POST', path, body, **kwargs)

    def patch(self, path, body, **kwargs):
        return self('PATCH', path, body, **kwargs)

    def put(self, path, body=None, **kwargs):
        return self('PUT', path, body, **kwargs)

    def delete(self, path, **kwargs):
        return self('DELETE', path, **kwargs)

    def node(self, **values):
        """A new node, as the API shows it."""
        answer = self.post('/v1/nodes', {'driver': 'fake-hardware', **values})
        assert answer.status_code == 201, answer.text
        return answer.json


def fault(answer):
    """The text of an error."""
    return orjson.loads(answer.json['error_message'])['faultstring']


def add_conductor(database, hostname='c1', seconds=1000.0):
    with database.write() as connection:
        connection.execute(models.conductors.insert().values(
            hostname=hostname, drivers=orjson.dumps(list(INTERFACES)).decode(), alive_until=time.time() + seconds,
            interfaces=orjson.dumps(INTERFACES).decode(), properties=orjson.dumps(PROPERTIES).decode(), created_at=now()))
    database.forget('ring', 'drivers')


def set_columns(database, uuid, **values):
    """Change a node behind the API's back, as a conductor does."""
    with database.write() as connection:
        connection.execute(models.nodes.update().where(models.nodes.c.uuid == uuid).values(**values))


@pytest.fixture
def database(tmp_path):
    database = databases.empty(tmp_path)
    add_conductor(database)
    yield database
    database.close()


@pytest.fixture
def conductor():
    return Conductor()


@pytest.fixture
def conf(tmp_path):
    return config.load(state_dir=str(tmp_path))


@pytest.fixture
def api(conf, database, conductor):
    return Client(app.build(conf, database, conductor))


@pytest.fixture
def house(tmp_path):
    """A conductor that works, with fake machines: ``house.api`` is the API, in process."""
    database = databases.empty(tmp_path)
    conf = config.load(state_dir=str(tmp_path), host='here', workers=4, conductor__enabled_drivers=['fake-hardware'])
    service = Service(conf, database, registry.load(conf))
    service.start()
    service.api = Client(app.build(conf, database, client.Client(rpc.Local(service), database)))
    yield service
    service.stop()
    database.close()


@pytest.fixture
def whole(house):
    """The API with a conductor that works."""
    return house.api


@pytest.fixture
def locked():
    return errors.Locked('Node n is locked by c1 for "deploy" since 3 s.')
