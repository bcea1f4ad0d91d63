"""Vendor methods: with the lock and without, now and later, of nodes and of drivers."""

import pytest

from ingot import concurrency, errors

SECONDS = 30


@pytest.fixture
def service(house):
    return house.service()


class Special:
    """A vendor interface of somebody else, with a method that sends a file and methods of the driver."""

    _ABOUT = {'http_methods': ['GET', 'POST'], 'async': False, 'attach': False, 'require_exclusive_lock': False,
              'description': ''}

    def validate(self, node):
        pass

    def methods(self, node):
        return {'log': {**self._ABOUT, 'attach': True}}

    def check(self, node, method, arguments):
        pass

    def call(self, node, method, http_method, arguments):
        return f'{method} of {node["uuid"]} by {http_method}'

    def driver_methods(self):
        return {'count': self._ABOUT, 'later': {**self._ABOUT, 'async': True}}

    def driver_call(self, method, http_method, arguments):
        return {'method': method, 'by': http_method, **arguments}


def test_a_synchronous_method_answers_and_holds_the_lock_meanwhile(house, service):
    node, held = house.node(), []
    house.world.before = lambda kind, method, row: held.append(house.row(node)['lock_purpose']) if method == 'call' else None
    assert service.vendor_call(node, 'third_method_sync', 'POST', {'bar': 'meow'}) == {
        'async': False, 'attach': False, 'answer': True}
    assert held == ['vendor method third_method_sync']
    assert house.row(node)['lock_owner'] is None


def test_an_asynchronous_method_goes_on_under_the_lock(house, service):
    node = house.node(driver_info={'fake': {'vendor.call': {'hang': True}}})
    assert service.vendor_call(node, 'second_method', 'POST', {'bar': 'kazoo'})['answer'] is None
    with pytest.raises(errors.Locked, match='vendor method second_method'):
        service.vendor_call(node, 'third_method_sync', 'POST', {'bar': 'meow'})
    assert house.let_go(service, node)['lock_owner'] is None
    assert house.row(node)['last_error'] is None


def test_what_goes_wrong_later_is_told_in_last_error(house, service):
    node = house.node(driver_info={'fake': {'vendor.call': {'fail': 'no answer'}}})
    service.vendor_call(node, 'second_method', 'POST', {'bar': 'kazoo'})
    row = house.settle(service, node)
    assert (row['lock_owner'], 'no answer' in row['last_error']) == (None, True)


def test_what_goes_wrong_now_is_raised_and_the_lock_let_go(house, service):
    node = house.node(driver_info={'fake': {'vendor.call': {'fail': 'no answer'}}})
    with pytest.raises(errors.HardwareFailure, match='no answer'):
        service.vendor_call(node, 'third_method_sync', 'POST', {'bar': 'meow'})
    assert house.row(node)['lock_owner'] is None


def test_a_method_that_shares_the_lock_does_not_wait_for_it(house, service):
    node = house.node(driver_info={'fake': {'power.set': {'hang': True}}})
    service.power(node, 'power on')
    assert service.vendor_call(node, 'fourth_method_shared_lock', 'POST', {'bar': 'woof'})['async']
    assert concurrency.wait_for(lambda: ('vendor', 'call', node) in house.world.calls, SECONDS)
    assert house.row(node)['lock_purpose'] == 'power on'
    house.let_go(service, node)


@pytest.mark.parametrize(('method', 'http', 'arguments'), [
    ('first_method', 'POST', {'bar': 'baz'}), ('second_method', 'PUT', {'bar': 'x'}), ('second_method', 'POST', {}),
    ('second_method', 'POST', {'bar': ''}), ('second_method', 'POST', {'bar': 'x', 'y': 1})])
def test_what_is_wrong_is_refused_before_anything_is_done(house, service, method, http, arguments):
    node = house.node()
    with pytest.raises(errors.Invalid, match=node):
        service.vendor_call(node, method, http, arguments)
    assert ('vendor', 'call', node) not in house.world.calls
    assert house.row(node)['lock_owner'] is None


def test_an_interface_without_methods_has_none(house, service):
    node = house.node(vendor_interface='no-vendor')
    assert service.vendor_methods(node) == {}
    with pytest.raises(errors.Invalid, match='it has: none'):
        service.vendor_call(node, 'second_method', 'POST', {'bar': 'kazoo'})


def test_files_and_methods_of_a_driver(house, service):
    hardware = house.drivers.hardware['fake-hardware']
    known = hardware.interfaces['vendor']
    hardware.interfaces['vendor'] = {'special': Special(), **known}
    try:
        node = house.node(vendor_interface='special')
        assert service.vendor_call(node, 'log', 'GET', {}) == {
            'async': False, 'attach': True, 'answer': f'log of {node} by GET'}
        assert service.driver_methods('fake-hardware').keys() == {'count', 'later'}
        assert service.driver_call('fake-hardware', 'count', 'POST', {'a': 1})['answer'] == {
            'method': 'count', 'by': 'POST', 'a': 1}
        assert service.driver_call('fake-hardware', 'later', 'GET', {}) == {'async': True, 'attach': False, 'answer': None}
        with pytest.raises(errors.Invalid, match='does not take PUT'):
            service.driver_call('fake-hardware', 'count', 'PUT', {})
    finally:
        hardware.interfaces['vendor'] = known
    assert service.driver_methods('fake-hardware') == {}
    with pytest.raises(errors.NotFound, match='redfish'):
        service.driver_methods('redfish')
