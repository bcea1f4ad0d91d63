"""PCI devices of virtual machines: what is asked for is what QEMU makes, and what is pulled leaves its slot empty."""

import uuid

import pytest

from ingot import errors
from ingot.lab import devices
from ingot.lab.machine import Machine


def test_kinds_and_numa_nodes_are_read():
    assert devices.parse('') == []
    assert devices.parse('nic, nic@1,accelerator@0') == [
        {'name': 'nic-0', 'kind': 'nic', 'numa': None}, {'name': 'nic-1', 'kind': 'nic', 'numa': 1},
        {'name': 'accelerator-2', 'kind': 'accelerator', 'numa': 0}]


@pytest.mark.parametrize(('text', 'words'), [
    ('gpu', 'gpu@None: kinds are nic, accelerator, sriov'), ('nic@2', 'nic@2'), ('nic@', None), ('nic@left', 'nic@left'),
    (',', 'kinds are'), (','.join(['nic'] * 21), 'at most 20 PCI devices')])
def test_what_cannot_be_is_refused(text, words):
    if words is None:
        assert devices.parse(text)[0]['numa'] is None
        return
    with pytest.raises(errors.InvalidParameter, match=words):
        devices.parse(text)


def test_two_devices_of_one_name_are_refused():
    with pytest.raises(errors.InvalidParameter, match='a name of its own'):
        devices.check([{'name': 'a', 'kind': 'nic'}, {'name': 'a', 'kind': 'nic'}])


@pytest.fixture
def make(tmp_path):
    machines = []

    def make(kinds):
        spec = {'name': 'iron', 'firmware': 'bios', 'memory_mib': 64, 'disk_gib': 0.0625, 'mac': '52:54:00:00:00:01',
                'uuid': str(uuid.uuid4()), 'serial': 'SN1', 'devices': devices.parse(kinds)}
        machines.append(Machine(spec, tmp_path / 'iron', 'user'))
        return machines[0]
    yield make
    for machine in machines:
        machine.power_off()


def there(machine):
    """{name: what QEMU made of it} of its PCI devices."""
    found = {one['name']: one['type'] for one in machine._qmp.execute('qom-list', path='/machine/peripheral')}
    return {device['name']: found[device['name']] for device in machine.spec['devices'] if device['name'] in found}


def test_a_machine_has_what_was_asked_for_until_it_is_pulled(make):
    machine = make('nic,nic@1,accelerator@0,accelerator@1,sriov')
    made = {'nic-0': 'child<e1000e>', 'nic-1': 'child<e1000e>', 'accelerator-2': 'child<edu>', 'accelerator-3': 'child<edu>',
            'sriov-4': 'child<nvme>'}
    machine.power_on()
    assert there(machine) == made
    machine.pull('accelerator-3', is_in=False)
    assert there(machine) == made, 'not before it is switched on again'
    machine.power_cycle()
    assert there(machine) == {name: kind for name, kind in made.items() if name != 'accelerator-3'}
    machine.pull('accelerator-3', is_in=True)
    machine.power_cycle()
    assert there(machine) == made


def test_what_is_pulled_leaves_its_slot_and_every_card_has_an_address_of_its_own():
    mine = devices.parse('nic,nic@1,accelerator')
    whole, pulled = (devices.words(mine, 64, '52:54:00:0a:0b:0c', names) for names in ((), {'nic-1'}))
    assert [word for word in whole if word not in pulled] == ['e1000e,mac=52:54:01:0a:0b:02,romfile=,id=nic-1,bus=port-2']
    assert 'e1000e,mac=52:54:01:0a:0b:01,romfile=,id=nic-0,bus=port-1' in pulled


def test_only_a_device_of_the_machine_can_be_pulled(make):
    with pytest.raises(errors.NotFound, match='iron has no PCI device "gpu-0"; it has: nic-0'):
        make('nic').pull('gpu-0', is_in=False)
