"""The API's way to a conductor."""

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
    with pytest.raises(errors.Unavailable, match='No conductor is running'):
        client.validate(house.node())


def test_no_conductor_for_a_driver(house, client):
    with pytest.raises(errors.NotFound, match='driver "ipmi"'):
        client.validate(house.node(driver='ipmi'))


def test_the_newest_sign_of_life_is_chosen(house, client):
    row = house.row(house.node())
    conductor.register(house.database, 'there', house.drivers.describe())
    assert client.host(row) == 'there'
    conductor.touch(house.database, 'here')
    assert client.host(row) == 'here'
