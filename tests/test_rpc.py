"""Calls to a conductor: in one process, and over a real RabbitMQ."""

import os
import socket
import subprocess
import threading

import pytest

from ingot import concurrency, config, errors, rpc


class Conductor:
    """The other end."""

    def __init__(self):
        self.may_go = threading.Event()

    def echo(self, value):
        return {'value': value}

    def refuse(self):
        raise errors.Locked('Node n is locked by c2.', remedy='Wait.')

    def linger(self):
        self.may_go.wait(60)
        return 'done'

    def _hidden(self):
        return 'secret'


def free_port():
    with socket.socket() as channel:
        channel.bind(('127.0.0.1', 0))
        return channel.getsockname()[1]


@pytest.fixture(scope='module')
def rabbit(tmp_path_factory):
    """URL of a broker of our own."""
    folder, port = tmp_path_factory.mktemp('rabbit'), free_port()
    names = {'MNESIA_BASE': 'mnesia', 'LOG_BASE': 'log', 'PID_FILE': 'pid', 'FEATURE_FLAGS_FILE': 'flags',
             'ENABLED_PLUGINS_FILE': 'plugins'}
    environment = {**os.environ, 'HOME': str(folder), 'RABBITMQ_NODENAME': f'ingot{port}@localhost',
                   'RABBITMQ_NODE_PORT': str(port), 'RABBITMQ_NODE_IP_ADDRESS': '127.0.0.1',
                   'RABBITMQ_DIST_PORT': str(free_port()), 'ERL_EPMD_PORT': str(free_port()), 'ERL_EPMD_ADDRESS': '127.0.0.1',
                   **{f'RABBITMQ_{name}': str(folder / file) for name, file in names.items()}}
    log = folder / 'out'
    with open(log, 'wb') as out:
        broker = subprocess.Popen(['/usr/lib/rabbitmq/bin/rabbitmq-server'], env=environment, stdout=out, stderr=out,
                                  cwd=folder, start_new_session=True)
    assert concurrency.wait_for(lambda: b'completed with' in log.read_bytes() or broker.poll() is not None, 120), log.read_text()
    assert broker.poll() is None, log.read_text()
    yield f'rabbit://guest:guest@127.0.0.1:{port}/'
    os.killpg(broker.pid, 9)
    broker.wait(30)
    subprocess.run(['epmd', '-kill'], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


@pytest.fixture(params=['local', 'bus'])
def transport(request):
    conductor = Conductor()
    if request.param == 'local':
        yield rpc.Local(conductor), conductor
        return
    url = request.getfixturevalue('rabbit')
    listener = rpc.Listener(config.load(rpc__transport_url=url, host='c1'), conductor)
    listener.start()
    bus = rpc.Bus(config.load(rpc__transport_url=url))
    yield bus, conductor
    bus.close()
    listener.stop()


def test_an_answer_comes_back(transport):
    assert transport[0].call('c1', 'echo', {'value': [1, None, {'a': 'ü'}]}) == {'value': [1, None, {'a': 'ü'}]}


def test_an_error_comes_back_as_itself(transport):
    with pytest.raises(errors.Locked, match='locked by c2') as caught:
        transport[0].call('c1', 'refuse', {})
    assert (caught.value.remedy, caught.value.retryable) == ('Wait.', True)


def test_a_call_may_take_longer_than_the_monitor_waits(transport, monkeypatch):
    monkeypatch.setattr(rpc, 'MONITOR_SECONDS', 2)
    call, conductor = transport
    timer = threading.Timer(5, conductor.may_go.set)
    timer.start()
    assert call.call('c1', 'linger', {}) == 'done'


def test_nobody_there_is_told_at_once(rabbit):
    bus = rpc.Bus(config.load(rpc__transport_url=rabbit))
    with pytest.raises(errors.Unavailable, match='Conductor c9 does not answer'):
        bus.call('c9', 'echo', {'value': 1})
    bus.close()


def test_what_is_hidden_stays_hidden():
    with pytest.raises(errors.Invalid):
        rpc.unpack(rpc.pack(Conductor(), '_hidden', {}))


def test_without_a_url_the_remedy_is_told():
    with pytest.raises(errors.Invalid, match='transport_url') as caught:
        rpc.Bus(config.load())
    assert 'ingot serve' in caught.value.remedy
