"""Drivers are found by entry point, start and stop together, and say clearly what is wrong with one."""

import importlib.metadata

import pytest
import stevedore

from ingot import config, errors
from ingot.drivers import base, registry


class Service:
    """A service that writes down what happens to it."""

    log = []
    fails = ()

    def __init__(self, conf):
        pass

    def start(self):
        self._note('start')

    def stop(self):
        self._note('stop')

    def _note(self, word):
        self.log.append(f'{word} {type(self).__name__}')
        if f'{word} {type(self).__name__}' in self.fails:
            raise errors.HardwareFailure(word)


class First(Service):
    pass


class Second(Service):
    pass


def make_hardware(context):
    context.service(First)
    context.service(Second)
    return base.Hardware('third-party', {'power': {'a': Named('x'), 'b': Named('y')}})


def make_nonsense(context):
    return 'hardware'


def fail_to_make(context):
    raise KeyError('password')


class Named:
    def __init__(self, key):
        self.key = key

    def properties(self):
        return {self.key: 'A sentence.'}


@pytest.fixture
def install(monkeypatch):
    """install(name, value): a third party's entry point; drivers.load with it enabled is returned."""
    def load(name, value):
        point = importlib.metadata.EntryPoint(name, value, registry.NAMESPACE)
        monkeypatch.setattr(stevedore.ExtensionManager, 'list_entry_points', lambda manager: [point])
        monkeypatch.setattr(Service, 'log', [])
        return registry.load(config.load(conductor__enabled_drivers=[name]))
    return load


def test_the_drivers_that_come_with_ingot_load_and_describe_themselves(tmp_path):
    drivers = registry.load(config.load(state_dir=str(tmp_path)))
    assert list(drivers.hardware) == ['ipmi', 'fake-hardware', 'manual-management']
    described = drivers.describe()
    for name, hardware in drivers.hardware.items():
        assert list(hardware.interfaces) == list(base.INTERFACES), name
        assert all(described[name]['interfaces'].values()), name
    assert described['ipmi']['interfaces'] == {
        'bios': ['no-bios'], 'boot': ['ipxe', 'pxe'], 'console': ['no-console'], 'deploy': ['iscsi'],
        'firmware': ['no-firmware'], 'inspect': ['agent', 'no-inspect'], 'management': ['ipmitool'], 'network': ['noop'],
        'power': ['ipmitool'], 'raid': ['no-raid'], 'rescue': ['no-rescue'], 'storage': ['noop'], 'vendor': ['no-vendor']}
    assert described['ipmi']['properties']['ipmi_address'].startswith('IP address')
    assert described['fake-hardware']['interfaces']['boot'] == ['fake']
    assert described['fake-hardware']['interfaces']['network'] == ['noop']
    assert described['manual-management']['interfaces']['management'] == ['noop']


def test_interfaces_are_chosen_by_node(tmp_path):
    drivers = registry.load(config.load(state_dir=str(tmp_path), conductor__enabled_drivers=['ipmi']))
    node = {'uuid': 'n1', 'driver': 'ipmi'}
    hardware = drivers.of(node)
    assert hardware.interface(node, 'inspect').needs_agent
    assert not hardware.interface({**node, 'inspect_interface': 'no-inspect'}, 'inspect').needs_agent
    with pytest.raises(errors.InvalidParameter, match='driver ipmi has no deploy_interface "direct"; it has: iscsi'):
        hardware.interface({**node, 'deploy_interface': 'direct'}, 'deploy')


def test_a_driver_that_is_not_enabled_is_named_with_those_that_are():
    drivers = registry.load(config.load(conductor__enabled_drivers=['fake-hardware']))
    with pytest.raises(errors.InvalidParameter, match='Node n1: driver "ipmi" is not enabled here; enabled: fake-hardware'):
        drivers.of({'uuid': 'n1', 'driver': 'ipmi'})


def test_a_third_party_driver_starts_and_stops_its_services_in_order(install):
    drivers = install('third-party', 'tests.drivers.test_registry:make_hardware')
    assert drivers.describe() == {'third-party': {'interfaces': {'power': ['a', 'b']},
                                                  'properties': {'x': 'A sentence.', 'y': 'A sentence.'}}}
    drivers.start()
    drivers.stop()
    assert log(drivers) == ['start First', 'start Second', 'stop Second', 'stop First']


def test_a_service_that_does_not_start_leaves_none_running(install, monkeypatch):
    drivers = install('third-party', 'tests.drivers.test_registry:make_hardware')
    fail(drivers, monkeypatch, 'start Second')
    with pytest.raises(errors.HardwareFailure):
        drivers.start()
    assert log(drivers) == ['start First', 'start Second', 'stop Second', 'stop First']


def test_a_service_that_does_not_stop_keeps_no_other_from_it(install, monkeypatch):
    drivers = install('third-party', 'tests.drivers.test_registry:make_hardware')
    fail(drivers, monkeypatch, 'stop Second')
    drivers.stop()
    assert log(drivers) == ['stop Second', 'stop First']


@pytest.mark.parametrize(('value', 'words'), [
    ('tests.drivers.no_such_module:make', "No module named 'tests.drivers.no_such_module'"),
    ('tests.drivers.test_registry:no_such_function', 'no_such_function'),
    ('tests.drivers.test_registry:fail_to_make', "KeyError: 'password'"),
    ('tests.drivers.test_registry:make_nonsense', 'it gave str, not ingot.drivers.base.Hardware')])
def test_a_broken_driver_is_named_with_its_entry_point(install, value, words):
    with pytest.raises(errors.IngotError) as caught:
        install('third-party', value)
    assert f'Driver "third-party" (entry point {value} in ingot.drivers) cannot be loaded' in str(caught.value)
    assert words in str(caught.value)


def test_a_driver_that_is_not_installed_is_named():
    with pytest.raises(errors.IngotError, match=r'No entry point in ingot\.drivers for enabled drivers: redfish'):
        registry.load(config.load(conductor__enabled_drivers=['fake-hardware', 'redfish']))


def log(drivers):
    return next(iter(drivers.context.services)).log


def fail(drivers, monkeypatch, what):
    for cls in drivers.context.services:
        monkeypatch.setattr(cls, 'fails', (what,))
