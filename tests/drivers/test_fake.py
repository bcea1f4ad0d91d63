"""Fake machines behave like machines, and misbehave as they are told."""

import time
from concurrent import futures

import pytest

from ingot import concurrency, config, errors
from ingot.drivers import base, fake

OPERATION = '0f7d6f1e-0000-4000-8000-00000000000a'
MAC = '52:54:00:00:00:01'


class Room:
    """One node with all fake interfaces."""

    def __init__(self, **wishes):
        context = base.Context(config.load())
        self.world = context.service(fake.World)
        self.node = {'uuid': 'n1', 'driver_info': {'fake': {key.replace('_', '.', 1): wish for key, wish in wishes.items()}},
                     'instance_info': {'image_source': 'http://images/a'}}
        self.power, self.management, self.boot = (cls(context) for cls in (
            fake.FakePower, fake.FakeManagement, fake.FakeBoot))
        self.deploy, self.inspect = fake.FakeDeploy(context), fake.FakeInspect(context)

    @property
    def machine(self):
        return self.world.machine('n1')

    def prepare(self, *, skip=''):
        """All that a deployment does before the machine works; returns the plan."""
        image = self.deploy.fetch(self.node, OPERATION)
        export = self.deploy.export(self.node, OPERATION, image)
        if skip != 'record':
            self.boot.publish(self.node, [MAC], base.BootFiles('k', 'i', {}))
        if skip != 'device':
            self.management.set_boot_device(self.node, 'pxe')
        if skip != 'power':
            self.power.set(self.node, 'power on', 5)
        if skip == 'export':
            self.deploy.withdraw(self.node, OPERATION)
        return {'operation': OPERATION, 'then': 'power off', 'actions': [
            {'action': 'inventory'}, {'action': 'erase metadata', 'root_device': None},
            {'action': 'write image', 'root_device': {}, 'target': export._asdict()},
            {'action': 'write configdrive', 'iso': 'aXNv'}]}


def test_a_deployment_writes_the_image_once_and_the_config_drive():
    room = Room()
    plan = room.prepare()
    report = room.deploy.machine_report(room.node, plan)
    assert report['result'] == 'done'
    assert report['data']['inventory'] == room.inspect.inventory(room.node)
    assert report == room.deploy.machine_report(room.node, plan), 'a repeated call must not work again'
    assert (room.machine.disk, room.machine.writes, room.machine.configdrive) == (
        room.deploy.fetch(room.node, OPERATION).checksum, 1, 'aXNv')
    assert room.machine.power == 'power off'


def test_a_reboot_makes_the_ramdisk_work_again():
    room = Room()
    plan = room.prepare()
    for writes in (1, 2):
        room.management.set_boot_device(room.node, 'pxe')
        room.power.set(room.node, 'rebooting', 5)
        assert room.deploy.machine_report(room.node, plan)['result'] == 'done'
        assert room.machine.writes == writes


@pytest.mark.parametrize(('skip', 'words'), [
    ('power', 'is off'), ('device', 'booted from disk'), ('record', 'No boot record'), ('export', 'No target iqn')])
def test_a_machine_that_cannot_have_booted_reports_why_and_writes_nothing(skip, words):
    room = Room()
    report = room.deploy.machine_report(room.node, room.prepare(skip=skip))
    assert report['result'] == 'failed'
    assert words in report['error']['message']
    assert room.machine.disk is None


def test_an_unknown_action_is_refused():
    room = Room()
    plan = room.prepare()
    plan['actions'] = [{'action': 'dance'}]
    assert room.deploy.machine_report(room.node, plan)['error']['code'] == 'plan-refused'


def test_a_one_shot_boot_device_is_spent_by_a_boot():
    room = Room()
    room.management.set_boot_device(room.node, 'pxe')
    room.power.set(room.node, 'power on', 5)
    assert room.machine.booted_from == 'pxe'
    assert room.management.boot_device(room.node) == ('disk', True)
    room.management.set_boot_device(room.node, 'pxe', is_persistent=True)
    for _ in range(2):
        room.power.set(room.node, 'rebooting', 5)
        assert room.machine.booted_from == 'pxe'


def test_leftovers_are_named_until_all_is_put_away():
    room = Room()
    assert room.world.leftovers('n1') == []
    room.prepare()
    assert room.world.leftovers('n1') == [f'boot record of {MAC}', f'export of {OPERATION}', f'image held for {OPERATION}',
                                          'power on']
    room.power.set(room.node, 'power off', 5)
    room.deploy.withdraw(room.node, OPERATION)
    room.deploy.release(room.node, OPERATION)
    assert room.world.leftovers('n1') == [f'boot record of {MAC}']
    room.boot.withdraw(room.node, [MAC])
    assert room.world.leftovers('n1') == []


def test_a_new_world_remembers_the_power_state_of_the_row():
    assert Room().power.state({'uuid': 'n2', 'power_state': 'power on'}) == 'power on'


def test_fail_raises_without_work_as_often_as_told():
    room = Room(power_set={'fail': 'no fuse', 'code': 'bmc-refused', 'times': 2})
    for _ in range(2):
        with pytest.raises(errors.HardwareFailure, match='Node n1: no fuse') as caught:
            room.power.set(room.node, 'power on', 5)
        assert caught.value.code == 'bmc-refused'
        assert room.machine.power == 'power off'
    room.power.set(room.node, 'power on', 5)
    assert room.machine.power == 'power on'


def test_lie_says_so_and_does_nothing():
    room = Room(power_state={'lie': 'power on'}, power_set={'lie': None})
    room.power.set(room.node, 'power on', 5)
    assert (room.power.state(room.node), room.machine.power) == ('power on', 'power off')


def test_silent_leaves_the_work_to_somebody_else():
    room = Room(deploy_machine_report={'silent': True})
    assert room.deploy.machine_report(room.node, room.prepare()) is None
    assert room.machine.writes == 0


def test_delay_waits_and_then_works():
    room = Room(power_set={'delay': 0.2})
    began = time.monotonic()
    room.power.set(room.node, 'power on', 5)
    assert time.monotonic() - began >= 0.2
    assert room.machine.power == 'power on'


def test_hang_ends_at_the_timeout_or_when_released():
    room = Room(power_set={'hang': True}, deploy_fetch={'hang': True})
    with pytest.raises(errors.DeadlineExceeded, match=r'Node n1: power\.set did not end within 0.1 s'):
        room.power.set(room.node, 'power on', 0.1)
    with futures.ThreadPoolExecutor(1) as pool:
        fetched = pool.submit(room.deploy.fetch, room.node, OPERATION)
        assert concurrency.wait_for(lambda: ('deploy', 'fetch', 'n1') in room.world.calls, 10)
        assert not fetched.done()
        assert concurrency.wait_for(lambda: room.world.release() or fetched.done(), 10)
    assert OPERATION in room.machine.held


def test_hooks_stand_before_and_after_the_work_and_may_kill():
    class Crash(BaseException):
        pass

    def crash(interface, method, node):
        raise Crash(f'{interface}.{method} of {node["uuid"]}')

    room = Room()
    room.world.before = crash
    with pytest.raises(Crash, match=r'power\.set of n1'):
        room.power.set(room.node, 'power on', 5)
    assert room.machine.power == 'power off'
    room.world.before, room.world.after = None, crash
    with pytest.raises(Crash):
        room.power.set(room.node, 'power on', 5)
    assert room.machine.power == 'power on'


def test_misbehaviour_must_be_an_object():
    room = Room()
    room.node['driver_info']['fake'] = 'all of it'
    with pytest.raises(errors.InvalidParameter, match='driver_info/fake must be an object'):
        room.power.validate(room.node)


def test_a_fake_machine_tells_of_other_devices_where_it_is_told_to():
    room = Room()
    before = {one['address']: one for one in room.inspect.inventory(room.node)['pci_devices']}
    room.node['driver_info']['fake'] = {'pci_devices': {'0000:17:00.0': None, '0000:3b:00.0': {'link_width': 8}}}
    after = {one['address']: one for one in room.inspect.inventory(room.node)['pci_devices']}
    assert before.keys() - after.keys() == {'0000:17:00.0'}
    assert [address for address in after if after[address] != before[address]] == ['0000:3b:00.0']
    room.inspect.validate(room.node)
    for wrong in ([], {'0000:17:00.0': 8}):
        room.node['driver_info']['fake'] = {'pci_devices': wrong}
        with pytest.raises(errors.InvalidParameter, match='driver_info/fake/pci_devices must be an object'):
            room.inspect.validate(room.node)
