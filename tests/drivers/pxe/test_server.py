"""The boot file server: HTTP as machines speak it, and what it remembers of them."""

import os
import pathlib
import socket
import urllib.parse

import pytest

from ingot import concurrency, config, errors
from ingot.drivers import base
from ingot.drivers.pxe.boot import PxeBoot
from ingot.drivers.pxe.server import BootServer

from .conftest import MAC, NODE
from .test_boot import kernel_line, publish


@pytest.fixture
def file(boot, conf, server):
    """Path of the published kernel: 70000 x K, made to differ at each place."""
    pathlib.Path(conf.boot.kernel).write_bytes(bytes(range(256)) * 300)
    publish(boot, conf)
    return '/' + kernel_line(conf)[0].split('../')[1].partition('?')[0]


BYTES = bytes(range(256)) * 300


def test_the_entry_and_a_record(boot, conf, ask):
    publish(boot, conf)
    for path in ('/boot.ipxe', '/boot/52-54-00-aa-bb-cc.ipxe', '/boot/none.ipxe'):
        answer = ask(path)
        assert (answer.status, answer.body[:7]) == (200, b'#!ipxe\n')
        assert answer.headers['Cache-Control'] == 'no-store'


def test_a_whole_file(ask, file):
    answer = ask(file)
    assert (answer.status, answer.body) == (200, BYTES)
    assert answer.headers['Content-Length'] == str(len(BYTES))
    assert answer.headers['Accept-Ranges'] == 'bytes'


def test_the_head_alone(ask, file):
    answer = ask(file, 'HEAD')
    assert (answer.status, answer.body, answer.headers['Content-Length']) == (200, b'', str(len(BYTES)))


@pytest.mark.parametrize(('wanted', 'expected'), [
    ('bytes=0-0', slice(0, 1)), ('bytes=100-355', slice(100, 356)), ('bytes=76700-', slice(76700, None)),
    ('bytes=-10', slice(-10, None)), ('bytes=0-9999999', slice(0, None)), ('bytes=-9999999', slice(0, None))])
def test_a_range(ask, file, wanted, expected):
    answer = ask(file, Range=wanted)
    first = range(len(BYTES))[expected][0]
    last = range(len(BYTES))[expected][-1]
    assert (answer.status, answer.body) == (206, BYTES[expected])
    assert answer.headers['Content-Range'] == f'bytes {first}-{last}/{len(BYTES)}'


@pytest.mark.parametrize('wanted', ['bytes=99999999-', 'bytes=5-4', 'bytes=-0'])
def test_a_range_that_is_not_there(ask, file, wanted):
    answer = ask(file, Range=wanted)
    assert (answer.status, answer.body) == (416, b'')
    assert answer.headers['Content-Range'] == f'bytes */{len(BYTES)}'


@pytest.mark.parametrize('wanted', ['bytes=0-1,5-6', 'lines=1-2', 'bytes=-', 'bytes=a-b'])
def test_what_is_no_single_range_gets_the_whole(ask, file, wanted):
    assert ask(file, Range=wanted).status == 200


def test_etags(ask, file):
    etag = ask(file).headers['ETag']
    assert ask(file, If_None_Match=etag).status == 304
    assert ask(file, If_None_Match='"other"').status == 200
    assert ask(file, Range='bytes=0-1', If_Range=etag).status == 206
    assert ask(file, Range='bytes=0-1', If_Range='"other"').body == BYTES


def test_a_new_record_has_a_new_etag(boot, conf, ask):
    publish(boot, conf)
    first = ask('/boot/52-54-00-aa-bb-cc.ipxe').headers['ETag']
    publish(boot, conf)
    assert ask('/boot/52-54-00-aa-bb-cc.ipxe').headers['ETag'] != first


@pytest.mark.parametrize('path', [
    '/', '/boot', '/boot/', '/files/', '/../ingot.sqlite', '/boot/../../secret', '/%2e%2e/secret', '/boot/%2e%2e/%2e%2e/secret',
    '//etc/passwd', '/etc/passwd', '/.hidden', '/boot/.hidden', '/link', '/boot.ipxe%00', '/boot.ipxe/', '/boot//none.ipxe',
    '/..%2fsecret', '/pipe', '/folder/secret'])
def test_nothing_else_comes_out(conf, ask, path):
    state = pathlib.Path(conf.state_dir)
    (state / 'secret').write_text('hush')
    (state / 'http/.hidden').write_text('hush')
    (state / 'http/boot/.hidden').write_text('hush')
    (state / 'http/link').symlink_to(state / 'secret')
    (state / 'http/folder').symlink_to(state)
    os.mkfifo(state / 'http/pipe')
    answer = ask(path)
    assert (answer.status, answer.body) == (404, b'')


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE'])
def test_only_reading(ask, method):
    assert ask('/boot.ipxe', method).status == 501


def test_how_far_a_machine_came(boot, conf, server, ask):
    publish(boot, conf)
    assert boot.last_seen(MAC) is None
    kernel = kernel_line(conf)[0].removeprefix('..')
    for path, stage in (('/boot/52-54-00-aa-bb-cc.ipxe', 'record sent'), (kernel, 'kernel sent')):
        ask(path)
        assert concurrency.wait_for(lambda stage=stage: (server.last_seen(MAC) or [''])[0] == stage, 10)
    ask(urllib.parse.urljoin('/boot/', kernel.replace('/kernel', '/initrd')))       # not there: no stage
    boot.withdraw(NODE, [MAC])
    ask('/boot/52-54-00-aa-bb-cc.ipxe')
    assert concurrency.wait_for(lambda: server.last_seen(MAC)[0] == 'no record', 10)
    assert boot.last_seen(MAC.upper()).startswith('no record ')


def test_only_so_many_machines_are_remembered(server, monkeypatch):
    monkeypatch.setattr('ingot.drivers.pxe.server._REMEMBERED', 3)
    for number in range(5):
        server._note('::1', f'boot/52-54-00-00-00-0{number}.ipxe', {}, 200)
    assert [bool(server.last_seen(f'52:54:00:00:00:0{number}')) for number in range(5)] == [False, False, True, True, True]


def test_many_slow_machines_do_not_keep_others_waiting(server, ask, file):
    slow = [socket.create_connection(('127.0.0.1', server.port)) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(b'GET /boot.ipxe HTT')
        assert ask(file).body == BYTES
    finally:
        for connection in slow:
            connection.close()


def test_a_taken_port_keeps_only_netboot_from_working(conf):
    with socket.create_server(('127.0.0.1', 0)) as holder:
        conf.set_override('port', holder.getsockname()[1], 'boot')
        context = base.Context(conf)
        boot, server = PxeBoot(context), context.service(BootServer)
        server.start()
        with pytest.raises(errors.Unavailable, match='Address already in use'):
            boot.validate(NODE)
        with pytest.raises(errors.Unavailable, match='Address already in use'):
            publish(boot, conf)
        assert boot.published() == []
    try:
        publish(boot, conf)
        assert boot.published() == [MAC]
        with socket.create_connection(('127.0.0.1', conf.boot.port)):
            pass
    finally:
        server.stop()


def test_the_next_conductor_serves_what_is_published(boot, conf, server):
    publish(boot, conf)
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', server.port))
    successor = PxeBoot(base.Context(conf))
    assert successor.published() == [MAC]


def test_stop_without_start(tmp_path):
    BootServer(config.load(state_dir=str(tmp_path))).stop()


def test_a_machine_whose_record_is_elsewhere_is_led_there(ask, server):
    server.elsewhere = {MAC: 'http://10.0.0.1:8080'}.get
    answer = ask('/boot/52-54-00-aa-bb-cc.ipxe')
    assert (answer.status, answer.headers['Cache-Control']) == (200, 'no-store')
    assert b'chain --replace --autofree http://10.0.0.1:8080/boot/52-54-00-aa-bb-cc.ipxe ||' in answer.body
    assert ask('/boot/52-54-00-aa-bb-cc.ipxe', 'HEAD').body == b''
    assert ask('/boot/52-54-00-aa-bb-dd.ipxe').status == 404
    assert ask('/files/52-54-00-aa-bb-cc.ipxe').status == 404


def test_a_record_of_our_own_comes_first(ask, boot, conf, server):
    server.elsewhere = {MAC: 'http://10.0.0.1:8080'}.get
    publish(boot, conf)
    assert b'http://10.0.0.1' not in ask('/boot/52-54-00-aa-bb-cc.ipxe').body
