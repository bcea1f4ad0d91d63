"""The configuration for a site's own nginx: golden, and with a real nginx."""

import http.client
import os
import socket
import subprocess

import pytest

from ingot import concurrency, config, programs
from ingot.drivers import base
from ingot.drivers.pxe import nginx
from ingot.drivers.pxe.boot import PxeBoot
from ingot.drivers.pxe.server import BootServer

from .conftest import MAC, NODE
from .test_boot import kernel_line, publish

GOLDEN = '''# Written by Ingot at each start: change [boot] of ingot.conf, not this file.
server {
    listen [fd00::1]:8080;
    server_name _;
    root "/var/lib/ingot/http";
    autoindex off;
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    types { text/plain ipxe; application/efi efi; }
    location ~ /\\. { return 404; }
    location ~ \\.ipxe$ { add_header Cache-Control no-store; }
    location ~ ^/(files|ipxe)/ { }
    location / { return 404; }
}
'''


def test_the_configuration():
    assert nginx.configuration(config.load(state_dir='/var/lib/ingot', boot__host='fd00::1', boot__port=8080)) == GOLDEN


@pytest.fixture
def served(conf, tmp_path):
    """The interface of a conductor whose boot files a real nginx serves."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        conf.set_override('port', probe.getsockname()[1], 'boot')
    conf.set_override('server', 'nginx', 'boot')
    context = base.Context(conf)
    boot = PxeBoot(context)
    context.service(BootServer).start()
    site = tmp_path / 'nginx.conf'
    user = 'user root;\n' if os.geteuid() == 0 else ''
    temporary = ''.join(f'{name}_temp_path {tmp_path}/{name};' for name in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    site.write_text(f'{user}daemon off; worker_processes 1; pid {tmp_path}/pid; error_log stderr;\n'
                    f'events {{}}\nhttp {{ access_log off; {temporary} include {conf.state_dir}/nginx.conf; }}\n')
    process = subprocess.Popen([programs.find('nginx'), '-p', tmp_path, '-c', site], stderr=subprocess.PIPE, text=True)
    try:
        assert concurrency.wait_for(lambda: process.poll() is not None or is_open(conf.boot.port), 30)
        assert process.poll() is None, process.stderr.read()
        yield boot
    finally:
        process.terminate()
        process.communicate(timeout=30)


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


def test_a_real_nginx_serves_records_and_files_and_nothing_else(served, conf):
    publish(served, conf)
    with open(os.path.join(conf.state_dir, 'http/.hidden'), 'w') as hidden:
        hidden.write('hush')
    connection = http.client.HTTPConnection('127.0.0.1', conf.boot.port, timeout=30)

    def ask(path, **headers):
        connection.request('GET', path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    assert ask('/boot.ipxe')[1].startswith(b'#!ipxe')
    assert ask('/boot/52-54-00-aa-bb-cc.ipxe')[0] == 200
    kernel = kernel_line(conf)[0].removeprefix('..')
    assert ask(kernel) == (200, b'K' * 70000)
    assert ask(kernel, Range='bytes=1-2') == (206, b'KK')
    for path in ('/', '/boot/', '/files/', '/.hidden', '/../nginx.conf', '/boot/%2e%2e/%2e%2e/nginx.conf', '/boot/nothing.ipxe'):
        assert ask(path)[0] in (400, 403, 404), path
    served.withdraw(NODE, [MAC])
    assert ask('/boot/52-54-00-aa-bb-cc.ipxe')[0] == 404
    connection.close()
    assert served.last_seen(MAC) is None
