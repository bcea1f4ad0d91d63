"""BIOS settings, firmware versions and RAID: read when a node is verified or cleaned, changed by steps."""

import pytest

from ingot.db.bios import SETTINGS
from ingot.db.firmware import COMPONENTS


@pytest.fixture
def service(house):
    return house.service()


def settings(house, node):
    return {one['name']: one['value'] for one in SETTINGS.of_node(house.database, node)[1]}


def versions(house, node):
    return {one['component']: (one['initial_version'], one['current_version'], one['last_version_flashed'])
            for one in COMPONENTS.of_node(house.database, node)[1]}


def clean(house, service, node, interface, step, **args):
    return house.run(service, node, 'clean', clean_steps=[{'interface': interface, 'step': step, 'args': args}])


def test_verification_reads_them(house, service):
    node = house.node('enroll')
    assert house.run(service, node, 'manage')['provision_state'] == 'manageable'
    assert settings(house, node) == {'asset_tag': '', 'boot_retries': '3', 'virtualization': 'Enabled'}
    assert versions(house, node) == {'bios': ('1.0.0', '1.0.0', None), 'bmc': ('1.0.0', '1.0.0', None)}


def test_cleaning_reads_what_somebody_has_changed_by_hand(house, service):
    node = house.node('manageable')
    house.world.machine(node).bios['asset_tag'] = 'by hand'
    assert house.run(service, node, 'provide')['provision_state'] == 'available'
    assert settings(house, node)['asset_tag'] == 'by hand'


@pytest.mark.parametrize('broken', ['bios.settings', 'firmware.components'])
def test_a_machine_that_does_not_tell_is_verified_all_the_same(house, service, broken):
    node = house.node('enroll', driver_info={'fake': {broken: {'fail': 'no answer'}}})
    row = house.run(service, node, 'manage')
    assert (row['provision_state'], row['last_error']) == ('manageable', None)
    assert bool(settings(house, node)) != bool(versions(house, node)), 'the other one was read'


def test_interfaces_that_have_none_leave_nothing(house, service):
    node = house.node('enroll', bios_interface='no-bios', firmware_interface='no-firmware')
    assert house.run(service, node, 'manage')['provision_state'] == 'manageable'
    assert (settings(house, node), versions(house, node)) == ({}, {})


def test_steps_change_settings_and_a_reset_takes_them_back(house, service):
    node = house.node('manageable')
    row = clean(house, service, node, 'bios', 'apply_configuration',
                settings=[{'name': 'virtualization', 'value': 'Disabled'}, {'name': 'own', 'value': 7}])
    assert (row['provision_state'], row['last_error']) == ('manageable', None)
    assert settings(house, node) == {'asset_tag': '', 'boot_retries': '3', 'virtualization': 'Disabled', 'own': '7'}
    clean(house, service, node, 'bios', 'factory_reset')
    assert settings(house, node) == {'asset_tag': '', 'boot_retries': '3', 'virtualization': 'Enabled'}


@pytest.mark.parametrize('wrong', [{'name': 'virtualization', 'value': 'Perhaps'}, {'name': 'boot_retries', 'value': '11'},
                                   {'name': 'boot_retries', 'value': 'many'}, {'name': 'asset_tag', 'value': 'x' * 33},
                                   {'name': 'asset_tag'}, 'asset_tag'])
def test_settings_that_the_machine_refuses_change_nothing(house, service, wrong):
    node = house.node('manageable')
    row = clean(house, service, node, 'bios', 'apply_configuration', settings=[{'name': 'own', 'value': '1'}, wrong])
    assert row['provision_state'] == 'clean failed'
    assert node in row['last_error']
    assert house.world.machine(node).bios == {}


def test_firmware_is_flashed(house, service):
    node = house.node('manageable')
    clean(house, service, node, 'firmware', 'update', settings=[{'component': 'bmc', 'url': 'http://x/bmc-2.bin'}])
    assert versions(house, node) == {'bios': ('1.0.0', '1.0.0', None), 'bmc': ('1.0.0', 'bmc-2', 'bmc-2')}
    row = clean(house, service, node, 'firmware', 'update', settings=[{'component': 'warp', 'url': 'http://x/y'}])
    assert row['provision_state'] == 'clean failed'
    assert 'warp' in row['last_error']
    assert 'bmc' in row['last_error']


def test_raid_is_made_as_wished_and_deleted(house, service):
    root = {'raid_level': '1', 'size_gb': 100, 'is_root_volume': True}
    data = {'raid_level': '5', 'size_gb': 'MAX', 'volume_name': 'data'}
    node = house.node('manageable', target_raid_config={'logical_disks': [root, data]})
    made = clean(house, service, node, 'raid', 'create_configuration')['raid_config']
    assert made == {'logical_disks': [{'volume_name': 'volume-0', **root}, data]}
    made = clean(house, service, node, 'raid', 'create_configuration', create_root_volume=False)['raid_config']
    assert made == {'logical_disks': [data]}
    row = clean(house, service, node, 'raid', 'delete_configuration')
    assert (row['raid_config'], row['provision_state']) == ({}, 'manageable')
    assert row['target_raid_config'] == {'logical_disks': [root, data]}, 'the wish stays'
