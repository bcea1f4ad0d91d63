"""One contract for all drivers: what base.py promises, asked of every implementation that comes with Ingot."""

import copy
import hashlib
import json
import socket
import uuid
from concurrent import futures
from typing import Any, NamedTuple

import pytest

from ingot import config, errors, states
from ingot.drivers import base, fake, hardware, manual
from ingot.drivers.ipmi.management import IpmiManagement
from ingot.drivers.ipmi.power import IpmiPower

MACS = ['52:54:00:00:00:01', '52:54:00:00:00:02']
MISBEHAVIOUR_FREE = {'uuid': '6b1f3b7e-0000-4000-8000-000000000001', 'driver_info': {}, 'instance_info': {}}


class Subject(NamedTuple):
    interface: Any
    node: dict


@pytest.fixture
def context(tmp_path):
    (tmp_path / 'kernel').write_bytes(b'kernel')
    (tmp_path / 'initrd').write_bytes(b'initrd')
    with socket.socket() as one, socket.socket() as two:
        one.bind(('127.0.0.1', 0))
        two.bind(('127.0.0.1', 0))
        ports = {'boot__port': one.getsockname()[1], 'iscsi__port': two.getsockname()[1]}
    context = base.Context(config.load(
        state_dir=str(tmp_path / 'state'), ipmi__poll_seconds=0.05, images__allowed_paths=[str(tmp_path)],
        boot__kernel=str(tmp_path / 'kernel'), boot__ramdisk=str(tmp_path / 'initrd'), **ports))
    (tmp_path / 'state').mkdir()
    yield context
    for service in reversed(context.services.values()):
        if hasattr(service, 'stop'):
            service.stop()


@pytest.fixture(params=['fake', 'manual', 'ipmi-simulator', 'ipmi-lab'])
def power(request, started):
    if request.param == 'manual':
        return Subject(manual.ManualPower(), copy.deepcopy(MISBEHAVIOUR_FREE))
    return Subject(started(fake.FakePower if request.param == 'fake' else IpmiPower), bmc_node(request))


@pytest.fixture(params=['fake', 'manual', 'ipmi-simulator', 'ipmi-lab'])
def management(request, started):
    if request.param == 'manual':
        return Subject(manual.ManualManagement(), copy.deepcopy(MISBEHAVIOUR_FREE))
    return Subject(started(fake.FakeManagement if request.param == 'fake' else IpmiManagement), bmc_node(request))


@pytest.fixture(params=['fake', 'pxe'])
def boot(request, started):
    from ingot.drivers.pxe.boot import PxeBoot
    return Subject(started(fake.FakeBoot if request.param == 'fake' else PxeBoot), copy.deepcopy(MISBEHAVIOUR_FREE))


@pytest.fixture(params=['fake', 'iscsi'])
def deploy(request, started, tmp_path):
    from ingot.drivers.iscsi.deploy import IscsiDeploy
    (tmp_path / 'image.raw').write_bytes(bytes(range(256)) * 4096)
    digest = hashlib.sha256((tmp_path / 'image.raw').read_bytes()).hexdigest()
    node = {**MISBEHAVIOUR_FREE, 'instance_info': {'image_source': f'file://{tmp_path}/image.raw', 'image_checksum': digest}}
    return Subject(started(fake.FakeDeploy if request.param == 'fake' else IscsiDeploy), node)


@pytest.fixture
def files(tmp_path):
    return base.BootFiles(str(tmp_path / 'kernel'), str(tmp_path / 'initrd'), {'ingot.token': 'abc', 'quiet': None})


def bmc_node(request):
    if request.param == 'ipmi-simulator':
        return request.getfixturevalue('simulator').node()
    if request.param == 'ipmi-lab':
        return request.getfixturevalue('rack').add()[1]
    return copy.deepcopy(MISBEHAVIOUR_FREE)


def is_plain(value):
    return json.loads(json.dumps(value)) == value


@pytest.mark.parametrize('make', [hardware.ipmi, hardware.fake_hardware, hardware.manual_management])
def test_every_interface_documents_itself_and_validates_repeatedly(make, context, tmp_path):
    (tmp_path / 'image.raw').write_bytes(bytes(4096))
    (tmp_path / 'state').mkdir(exist_ok=True)
    made = make(context)
    node = {**MISBEHAVIOUR_FREE, 'driver_info': {'ipmi_address': '127.0.0.1'}, 'instance_info': {
        'image_source': f'file://{tmp_path}/image.raw', 'image_checksum': hashlib.sha256(bytes(4096)).hexdigest()}}
    for service in context.services.values():
        if hasattr(service, 'start'):
            service.start()
    for kind in base.INTERFACES:
        interface = made.interface(node, kind)
        assert all(isinstance(key, str) and sentence.endswith('.') for key, sentence in interface.properties().items())
        for _ in range(2):
            assert interface.validate(node) is None


def test_power_targets_are_reached_and_may_be_asked_for_again(power):
    interface, node = power
    before = copy.deepcopy(node)
    interface.validate(node)
    assert interface.state(node) == states.POWER_OFF
    assert {states.POWER_ON, states.POWER_OFF, states.REBOOT} <= set(interface.supported(node)) <= set(states.POWER_RESULT)
    for target in interface.supported(node):
        for _ in range(2):
            assert interface.set(node, target, 20) is None
            assert interface.state(node) == states.POWER_RESULT[target]
    assert node == before, 'a driver must not change the row that it is given'


def test_power_refuses_a_target_that_it_does_not_know(power):
    with pytest.raises(errors.InvalidParameter, match=f'Node {power.node["uuid"]}.*"explode"; possible: .*power on'):
        power.interface.set(power.node, 'explode', 5)


def test_power_may_be_asked_from_many_threads(power):
    with futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: power.interface.state(power.node), range(24))) == {states.POWER_OFF}


def test_a_boot_device_is_set_and_never_read_back_wrong(management):
    interface, node = management
    interface.validate(node)
    assert {'pxe', 'disk'} <= set(interface.boot_devices(node))
    for device in interface.boot_devices(node):
        for is_persistent in (True, False, False):
            try:
                interface.set_boot_device(node, device, is_persistent=is_persistent)
            except errors.BmcRefused:      # not every BMC knows all devices; these two it must
                assert device not in ('pxe', 'disk')
            else:
                assert interface.boot_device(node) in ((device, is_persistent), (None, None))


def test_an_unknown_boot_device_is_refused(management):
    with pytest.raises(errors.InvalidParameter, match=f'Node {management.node["uuid"]}.*"floppy"; possible: .*pxe'):
        management.interface.set_boot_device(management.node, 'floppy')


def test_identity_and_sensors_are_plain_values(management):
    interface, node = management
    assert is_plain(interface.bmc_info(node))
    sensors = interface.sensors(node)
    assert is_plain(sensors)
    for readings in sensors.values():
        for reading in readings.values():
            assert set(reading) == {'value', 'units', 'health'}
            assert reading['health'] in ('ok', 'warning', 'critical', 'failed')


def test_boot_records_come_and_go(boot, files):
    interface, node = boot
    other = {**node, 'uuid': str(uuid.uuid4())}
    interface.validate(node)
    interface.withdraw(node, MACS)                   # nothing there: fine
    interface.publish(other, ['52:54:00:00:00:09'], files)
    for _ in range(2):
        interface.publish(node, MACS, files)
        assert sorted(interface.published()) == [*MACS, '52:54:00:00:00:09']
    for _ in range(2):
        interface.withdraw(node, MACS)
        assert list(interface.published()) == ['52:54:00:00:00:09']


def test_an_image_is_held_and_released(deploy):
    interface, node = deploy
    operation = str(uuid.uuid4())
    interface.validate(node)
    interface.release(node, operation)               # nothing there: fine
    first, again = interface.fetch(node, operation), interface.fetch(node, operation)
    assert first == again
    assert first.checksum.startswith('sha256:')
    manifest = first.manifest
    assert 0 < manifest.data_bytes <= manifest.size
    assert len(manifest.chunks) == -(-manifest.size // manifest.chunk_size)
    for _ in range(2):
        interface.release(node, operation)


def test_an_export_is_of_one_operation_and_goes_with_it(deploy):
    interface, node = deploy
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    interface.withdraw(node, one)                    # nothing there: fine
    exports = {operation: interface.export(node, operation, interface.fetch(node, operation)) for operation in (one, two)}
    assert interface.export(node, one, interface.fetch(node, one)) == exports[one]
    assert exports[one].iqn != exports[two].iqn
    assert exports[one].secret != exports[two].secret
    assert sorted(interface.exported()) == sorted([one, two])
    for _ in range(2):
        interface.withdraw(node, one)
        assert list(interface.exported()) == [two]
        assert [interface.has_export(node, operation) for operation in (one, two)] == [False, True]
    interface.withdraw(node, two)
    assert list(interface.exported()) == []


def test_a_machine_report_is_a_report_or_none(deploy):
    interface, node = deploy
    report = interface.machine_report(node, {'operation': str(uuid.uuid4()), 'actions': [], 'then': 'power off'})
    assert report is None or (report['result'] in ('done', 'failed') and is_plain(report))
