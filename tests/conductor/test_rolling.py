"""Two releases side by side: what the last one sent is understood, what it does not understand is refused and not begun."""

import copy
import inspect

import pytest

from ingot import errors, rpc
from ingot.conductor import members
from ingot.conductor.client import Client
from tests import rpc_surface

#: What the last release sends of each parameter that is no node.
SAMPLES = {'verb': 'manage', 'target': 'power on', 'timeout': 30, 'kind': 'management', 'method': 'boot_devices', 'device': 'pxe',
           'is_persistent': True, 'operation': '00000000-0000-4000-8000-000000000000', 'driver': 'fake-hardware',
           'http_method': 'GET', 'arguments': {}}
SPECIAL = {'order': {'method': 'inject_nmi'}}


class LastRelease:
    """A conductor that understands what is written down, and not a word more."""

    def __init__(self, service):
        for name, parameters in rpc_surface.recorded()['methods'].items():
            setattr(self, name, self._method(getattr(service, name), parameters))

    @staticmethod
    def _method(method, parameters):
        def call(**arguments):
            return method(**arguments)
        call.__signature__ = inspect.Signature([
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=inspect.Parameter.empty if kind == 'needed' else None)
            for name, kind in parameters.items()])
        return call


class Wire:
    """The bus, without a broker: {host: service}."""

    def __init__(self, services):
        self.services, self.asked = services, []

    def call(self, host, method, arguments):
        self.asked.append((host, method))
        return rpc.unpack(rpc.pack(self.services[host], method, arguments))


def test_nothing_that_was_sent_is_refused_now():
    surface = rpc_surface.recorded()
    assert len(surface['methods']) > 10
    assert [words for key, words in rpc_surface.broken(surface, rpc_surface.present()) if key not in surface['gone']] == []


@pytest.mark.parametrize(('spoil', 'key'), [
    (lambda new: new['methods'].pop('power'), 'power'),
    (lambda new: new['methods']['power'].pop('timeout'), 'power.timeout'),
    (lambda new: new['methods']['power'].update(reason='needed'), 'power.reason'),
    (lambda new: new['methods']['power'].update(timeout='needed'), 'power.timeout'),
    (lambda new: new['ask'].remove('raid.check'), 'ask.raid.check'),
    (lambda new: new['errors'].pop('Locked'), 'Locked'),
    (lambda new: new['errors'].update(Locked=['busy', 409]), 'Locked')])
def test_what_would_break_it_is_seen(spoil, key):
    old = rpc_surface.present()
    new = copy.deepcopy(old)
    new['methods']['new method'] = {'whatever': 'needed'}
    new['methods']['power']['more'] = 'optional'
    assert list(rpc_surface.broken(old, new)) == []
    spoil(new)
    assert [found for found, _ in rpc_surface.broken(old, new)] == [key]


@pytest.mark.parametrize('method', rpc_surface.recorded()['methods'])
@pytest.mark.parametrize('has_all', [True, False])
def test_an_old_api_and_a_new_conductor(house, method, has_all):
    """Each request that the last release can send is carried out, or refused for a reason that it can tell."""
    service, node = house.service(), house.node('manageable')
    samples = {**SAMPLES, 'node': node, **SPECIAL.get(method, {})}
    parameters = rpc_surface.recorded()['methods'][method]
    sent = {name: samples[name] for name, kind in parameters.items() if has_all or kind == 'needed'}
    reply = rpc.pack(service, method, sent)
    house.settle(service, node)
    known = rpc_surface.recorded()['errors']
    assert 'answer' in reply or (reply['error'][0] in known and reply['error'][0] != 'OtherRelease'), reply
    assert 'answer' in reply or method in ('provision', 'vendor_call', 'driver_call', 'continue_operation'), reply


@pytest.fixture
def old(house):
    """(Client of this release, the node, its Wire) with one conductor of the last release."""
    service, node = house.service('old'), house.node('manageable')
    members.join(service.conf, house.database, house.drivers)
    wire = Wire({'old': LastRelease(service)})
    return Client(wire, house.database), node, wire


def test_a_new_api_and_an_old_conductor(house, old):
    client, node, wire = old
    assert client.validate(node)['power'] == {'result': True}
    client.set_boot_device(node, 'pxe', True)
    assert client.boot_device(node) == {'boot_device': 'pxe', 'persistent': True}
    assert client.ask(node, 'management', 'boot_modes') == ['bios', 'uefi']
    client.order(node, 'management', 'inject_nmi')
    client.power(node, 'power on', 20)
    house.settle(house.services[0], node)
    assert client.provision(node, 'provide')['operation']
    assert house.settle(house.services[0], node)['provision_state'] == 'available'
    assert client.boot_devices(node)
    assert client.sensors(node)
    assert client.bmc_info(node)
    assert client.vendor_methods(node) is not None
    assert client.driver_methods('fake-hardware') is not None
    called = {name for name in vars(Client) if not name.startswith('_') and name != 'host'}
    assert called - {method for _, method in wire.asked} == {'vendor_call', 'driver_call', 'continue_operation'}


@pytest.mark.parametrize('ask', [
    lambda client, node: client._call(node, 'boot_device', flavour='sweet'),
    lambda client, node: client._call(node, 'read_thoughts')])
def test_what_an_old_conductor_does_not_know_is_refused_with_a_reason(house, old, ask):
    client, node, _ = old
    with pytest.raises(errors.OtherRelease, match='knows no') as caught:
        ask(client, node)
    assert (caught.value.status, caught.value.remedy) == (503, 'Upgrade all conductors, then send the request again.')


def test_what_an_old_conductor_does_not_know_a_new_one_does(house, old, monkeypatch):
    """Whoever the node belongs to: what was not begun goes to the next."""
    client, _, wire = old
    service = house.service('new')
    members.join(service.conf, house.database, house.drivers)
    house.database.forget('ring')
    monkeypatch.setattr(service, 'read_thoughts', lambda node: f'of {node}', raising=False)
    wire.services['new'] = service
    nodes = [house.node() for _ in range(20)]
    assert [client._call(node, 'read_thoughts') for node in nodes] == [f'of {node}' for node in nodes]
    assert {host for host, _ in wire.asked} == {'old', 'new'}


@pytest.mark.parametrize('method', sorted(rpc_surface.LIFE) + ['_leave', 'crew.stop'])
def test_nobody_ends_a_conductor_over_the_bus(house, method):
    service = house.service()
    assert rpc.pack(service, method, {})['error'][0] == 'OtherRelease'
    assert not service.crew.is_closed


def test_an_error_that_an_old_api_does_not_know_is_the_nearest_that_it_does():
    kinds = ['LockedByGhost', 'Locked', 'Conflict', 'IngotError']
    with pytest.raises(errors.Locked, match='taken'):
        rpc.unpack({'error': ['LockedByGhost', 'It is taken.', 'Wait.'], 'kinds': kinds})
    with pytest.raises(errors.IngotError, match='taken'):
        rpc.unpack({'error': ['LockedByGhost', 'It is taken.', None]})
