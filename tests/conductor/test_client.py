"""The API's way to a conductor."""

import time
from types import SimpleNamespace

import pytest

from ingot import errors, rpc
from ingot.conductor import members
from ingot.conductor.client import Client
from ingot.db import conductor


@pytest.fixture
def client(house):
    service = house.service()
    members.join(service.conf, house.database, house.drivers)
    return Client(rpc.Local(service), house.database)


def test_each_method_reaches_the_conductor(house, client):
    node = house.node(name='n1')
    assert client.boot_device('n1') == {'boot_device': 'disk', 'persistent': True}
    client.set_boot_device(node, 'pxe', False)
    assert client.boot_device(node) == {'boot_device': 'pxe', 'persistent': False}
    assert 'pxe' in client.boot_devices(node)
    assert client.validate(node)['boot'] == {'result': True}
    assert client.bmc_info(node)['guid'] == node
    assert client.sensors(node)
    client.power(node, 'power on')
    [service] = house.services
    assert house.settle(service, node)['power_state'] == 'power on'
    operation = client.provision(node, 'active', {})['operation']
    assert house.settle(service, node)['provision_state'] == 'active'
    client.continue_operation(operation)


def test_errors_of_the_conductor_arrive(house, client):
    with pytest.raises(errors.InvalidState):
        client.provision(house.node(), 'rebuild')


def test_no_conductor(house, client):
    conductor.leave(house.database, 'here')
    with pytest.raises(errors.Unavailable, match='No conductor that serves'):
        client.validate(house.node())


def test_no_conductor_for_a_driver(house, client):
    with pytest.raises(errors.NotFound, match='driver "ipmi"'):
        client.validate(house.node(driver='ipmi'))


class Hosts:
    """A transport to conductors by their names; those that are not there do what ``trouble`` says."""

    def __init__(self, services, trouble):
        self.services, self.trouble, self.asked = services, trouble, []

    def call(self, host, method, arguments):
        self.asked.append(host)
        if host not in self.services:
            raise self.trouble
        return getattr(self.services[host], method)(**arguments)


@pytest.fixture
def cluster(house):
    """(a Client for conductors c1, c2, c3, of which only the last of its node is there, the node, the hosts in order)."""
    def make(trouble):
        services = {host: house.service(host) for host in ('c1', 'c2', 'c3')}
        for service in services.values():
            members.join(service.conf, house.database, house.drivers)
        node = house.node()
        row = house.row(node)
        hosts = conductor.ring(house.database).hosts(row['slot'], '', 'fake-hardware')
        return Client(Hosts({hosts[2]: services[hosts[2]]}, trouble), house.database), node, hosts
    return make


def test_each_node_goes_to_whom_it_belongs(house, client):
    conductor.register(house.database, 'there', house.drivers.describe(), seconds=1000)
    rows = [house.row(house.node()) for _ in range(40)]
    assert {client.host(row) for row in rows} == {'here', 'there'}
    conductor.leave(house.database, 'there')
    assert {client.host(row) for row in rows} == {'here'}


def test_a_group_has_its_own_conductors(house, client):
    node = house.node(conductor_group='west')
    with pytest.raises(errors.NotFound, match='conductor group "west" and driver "fake-hardware"'):
        client.validate(node)
    conductor.register(house.database, 'there', house.drivers.describe(), group='west', seconds=1000)
    assert client.host(house.row(node)) == 'there'


@pytest.mark.parametrize('trouble', [errors.NotBegun('gone'), errors.NoAnswer('silent')])
def test_a_question_goes_to_the_next_until_one_answers(cluster, trouble):
    client, node, hosts = cluster(trouble)
    assert client.validate(node)['power'] == {'result': True}
    assert client._transport.asked == hosts


def test_an_order_that_was_not_begun_goes_to_the_next(cluster, house):
    client, node, hosts = cluster(errors.NotBegun('gone'))
    client.power(node, 'power on')
    assert client._transport.asked == hosts
    assert house.settle(client._transport.services[hosts[2]], node)['power_state'] == 'power on'


def test_an_order_that_may_have_begun_is_not_given_twice(cluster, house):
    client, node, hosts = cluster(errors.NoAnswer('silent'))
    with pytest.raises(errors.NoAnswer):
        client.power(node, 'power on')
    assert client._transport.asked == hosts[:1]
    assert house.row(node)['power_state'] == 'power off'


def test_who_gave_no_sign_of_life_is_not_asked_for_some_seconds(cluster, house, monkeypatch):
    """One request has waited for it; those that follow are answered at once, changes too."""
    client, node, hosts = cluster(errors.NoAnswer('silent'))
    assert client.validate(node)['power'] == {'result': True}
    client.power(node, 'power on')
    assert client._transport.asked == [*hosts, hosts[2]]
    assert house.settle(client._transport.services[hosts[2]], node)['power_state'] == 'power on'
    monkeypatch.setattr('ingot.conductor.client.time', SimpleNamespace(monotonic=lambda: time.monotonic() + 6))
    client.validate(node)
    assert client._transport.asked[4:] == hosts


def test_where_all_gave_no_sign_of_life_all_are_asked_again(cluster, house):
    client, node, hosts = cluster(errors.NoAnswer('silent'))
    services, client._transport.services = client._transport.services, {}
    with pytest.raises(errors.Unavailable):
        client.validate(node)
    client._transport.services = services
    assert client.validate(node)['power'] == {'result': True}
    assert client._transport.asked == [*hosts, *hosts]


def test_everybody_is_dead(cluster):
    client, node, hosts = cluster(errors.NotBegun('gone'))
    client._transport.services.clear()
    with pytest.raises(errors.Unavailable, match='No conductor that serves'):
        client.validate(node)
    assert client._transport.asked == hosts
