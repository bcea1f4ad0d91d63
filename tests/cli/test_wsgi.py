"""The WSGI entry point in real servers: gunicorn with several processes, cheroot; and nobody from afar without authentication."""

import contextlib
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
import webob
from cheroot import wsgi as cheroot

from ingot import concurrency, config
from ingot.cli import wsgi
from ingot.db import schema
from ingot.db.engine import Database


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """INGOT_CONFIG of an empty database and a bus that nobody has to answer on."""
    file = tmp_path / 'ingot.conf'
    file.write_text(f'[DEFAULT]\nstate_dir = {tmp_path}\n[rpc]\ntransport_url = fake://\n')
    database = Database(config.database_url(config.load([file])))
    schema.upgrade(database)
    database.close()
    monkeypatch.setenv('INGOT_CONFIG', str(file))
    wsgi._parts.cache_clear()
    wsgi._make.cache_clear()
    yield file
    wsgi._parts.cache_clear()
    wsgi._make.cache_clear()


def free_port():
    with contextlib.closing(socket.create_server(('127.0.0.1', 0))) as server:
        return server.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(f'http://127.0.0.1:{port}/healthcheck', timeout=10).status == 200


def test_gunicorn_serves_it(configured):
    port = free_port()
    server = subprocess.Popen([sys.executable, '-m', 'gunicorn', '--workers', '2', '--threads', '4',
                               '--bind', f'127.0.0.1:{port}', 'ingot.cli.wsgi:application'],
                              env={**os.environ, 'INGOT_CONFIG': str(configured), 'HOME': str(configured.parent)},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        concurrency.wait_for(lambda: server.poll() is not None or answers(port), 60)
        assert answers(port), server.poll()
        for _ in range(8):       # either process
            with urllib.request.urlopen(f'http://127.0.0.1:{port}/v1/nodes', timeout=10) as answer:
                assert answer.read() == b'{"nodes":[]}'
                assert answer.headers['X-OpenStack-Ironic-API-Version'] == '1.1'
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f'http://127.0.0.1:{port}/v1/nodes', data=b'{}', timeout=10)
        assert caught.value.code == 415
    finally:
        server.terminate()
        assert server.wait(25) == 0, 'a process that hangs would be killed after 30 s'


def test_cheroot_serves_it(configured):
    server = cheroot.Server(('127.0.0.1', 0), wsgi.application, numthreads=2)
    server.prepare()
    thread = concurrency.spawn(server.serve, name='cheroot')
    try:
        assert answers(server.bind_addr[1])
    finally:
        server.stop()
        thread.join(20)


@pytest.mark.parametrize(('address', 'status'), [('127.0.0.1', 200), ('::1', 200), ('', 200), ('10.0.0.7', 403), ('evil', 403)])
def test_who_is_not_near_is_not_answered(configured, address, status):
    request = webob.Request.blank('/v1/nodes', environ={'REMOTE_ADDR': address})
    answer = request.get_response(wsgi.application)
    assert answer.status_code == status
    assert status == 200 or answer.json['code'] == 'not-permitted'


def test_the_operator_may_insist(configured):
    configured.write_text(configured.read_text() + '[api]\nallow_unauthenticated_network = true\n')
    request = webob.Request.blank('/v1/nodes', environ={'REMOTE_ADDR': '10.0.0.7'})
    assert request.get_response(wsgi.application).status_code == 200


def test_machines_have_a_door_of_their_own(configured):
    for path, status in (('/v1/nodes', 404), ('/v1/agent/x/hello', 405)):
        request = webob.Request.blank(path, environ={'REMOTE_ADDR': '10.0.0.7'})
        assert request.get_response(wsgi.machines).status_code == status


@pytest.mark.parametrize(('server', 'status'), [
    ({'uwsgi.version': b'2.0.31', 'CONTENT_LENGTH': ''}, 400), ({'uwsgi.version': b'2.0.31'}, 415), ({}, 415)])
def test_a_body_that_the_server_keeps_to_itself_is_not_taken_for_none(configured, server, status):
    """PUT .../states/raid without a body forgets the wish of before."""
    request = webob.Request.blank('/v1/nodes/n1/states/raid', method='PUT', body=b'{}')
    request.environ |= {'REMOTE_ADDR': '127.0.0.1', 'HTTP_TRANSFER_ENCODING': 'chunked', **server}
    assert request.get_response(wsgi.application).status_code == status
