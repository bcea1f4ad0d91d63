"""A boot interface with its server on a free port, a made-up kernel and ramdisk, and a plain HTTP client."""

import http.client

import pytest

from ingot import config
from ingot.drivers import base
from ingot.drivers.pxe.boot import PxeBoot
from ingot.drivers.pxe.server import BootServer

MAC = '52:54:00:aa:bb:cc'
NODE = {'uuid': '6b1e0a5c-0000-4000-8000-000000000009', 'driver_info': {}}


@pytest.fixture
def conf(tmp_path):
    conf = config.load(state_dir=str(tmp_path / 'state'), boot__port=0)
    for name, content in (('kernel', b'K' * 70000), ('ramdisk', b'R' * 300001)):
        path = tmp_path / f'my-{name}'
        path.write_bytes(content)
        conf.set_override(name, str(path), 'boot')
    return conf


@pytest.fixture
def context(conf):
    return base.Context(conf)


@pytest.fixture
def boot(context):
    return PxeBoot(context)


@pytest.fixture
def server(boot, context):
    service = context.service(BootServer)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def ask(server):
    """ask(path, method, **headers) -> the answer, its body in ``.body``; one connection for all."""
    connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=30)

    def ask(path, method='GET', **headers):
        connection.request(method, path, headers={name.replace('_', '-'): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.body = answer.read()
        return answer
    yield ask
    connection.close()
