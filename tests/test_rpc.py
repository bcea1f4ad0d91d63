"""Calls to a conductor: in one process, and over a real RabbitMQ."""

import queue
import threading
import time

import pytest

from ingot import config, errors, rpc
from ingot.cli import stage
from tests.rabbit import broker


class Conductor:
    """The other end."""

    def __init__(self):
        self.may_go, self.heard = threading.Event(), queue.Queue()

    def echo(self, value):
        return {'value': value}

    def refuse(self):
        raise errors.Locked('Node n is locked by c2.', remedy='Wait.')

    def hear(self, value):
        self.heard.put(value)

    def linger(self):
        self.may_go.wait(60)
        return 'done'

    def _hidden(self):
        return 'secret'


@pytest.fixture(scope='module')
def rabbit(tmp_path_factory):
    """URL of a broker of our own."""
    with broker(tmp_path_factory.mktemp('rabbit')) as url:
        yield url


@pytest.fixture(params=['local', 'bus'])
def transport(request):
    conductor = Conductor()
    if request.param == 'local':
        yield rpc.Local(conductor), conductor
        return
    url = request.getfixturevalue('rabbit')
    listener = rpc.Listener(config.load(rpc__transport_url=url, host='c1'), conductor, time.time)
    listener.start()
    bus = rpc.Bus(config.load(rpc__transport_url=url), time.time)
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


def test_who_is_told_hears_it_and_nobody_waits_for_who_is_not_there(rabbit):
    conductor = Conductor()
    listener = rpc.Listener(config.load(rpc__transport_url=rabbit, host='c7'), conductor, time.time)
    listener.start()
    bus = rpc.Bus(config.load(rpc__transport_url=rabbit), time.time)
    for host in ('c8', 'c7'):
        bus.tell(host, 'hear', {'value': host})
    assert conductor.heard.get(timeout=30) == 'c7'
    bus.close()
    listener.stop()


def test_who_listens_has_an_exchange_of_its_own_whatever_was_connected_before(rabbit):
    """Two connections of one configuration, as a conductor has them, and one of another."""
    conf, conductor = config.load(rpc__transport_url=rabbit, host='c6'), Conductor()
    first, listener = rpc.Bus(conf, time.time), rpc.Listener(conf, conductor, time.time)
    listener.start()
    for bus in (first, rpc.Bus(config.load(rpc__transport_url=rabbit), time.time)):
        assert bus.call('c6', 'echo', {'value': 1}) == {'value': 1}
        bus.close()
    listener.stop()


def test_nobody_there_is_told_at_once(rabbit):
    bus = rpc.Bus(config.load(rpc__transport_url=rabbit), time.time)
    with pytest.raises(errors.Unavailable, match='Conductor c9 does not listen'):
        bus.call('c9', 'echo', {'value': 1})
    bus.close()


def test_a_bus_that_is_away_is_told_too():
    bus = rpc.Bus(config.load(rpc__transport_url=f'rabbit://guest:guest@127.0.0.1:{stage.free_ports(1)[0]}/'), time.time)
    with pytest.raises(errors.Unavailable, match=r'The message bus does not answer \(echo for conductor c1\)') as caught:
        bus.call('c1', 'echo', {'value': 1})
    assert 'transport_url' in caught.value.remedy
    bus.close()


def test_what_is_hidden_stays_hidden():
    with pytest.raises(errors.OtherRelease):
        rpc.unpack(rpc.pack(Conductor(), '_hidden', {}))


def test_without_a_url_the_remedy_is_told():
    with pytest.raises(errors.Invalid, match='transport_url') as caught:
        rpc.Bus(config.load(), time.time)
    assert 'ingot serve' in caught.value.remedy
