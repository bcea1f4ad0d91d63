"""Inspection hooks: what each makes of an inventory, and that none falls over a strange one."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import board, config, errors
from ingot.rules import action, hook, rule

MAC, OTHER = '52:54:00:00:00:01', '52:54:00:00:00:02'
SWITCH = [[1, '04001122334455'], [2, '05' + b'Eth1'.hex()], [5, b'leaf-1'.hex()]]
INVENTORY = {
    'cpu': {'flags': ['lm', 'vmx', 'aes', 'pdpe1gb']}, 'boot': {'current_boot_mode': 'uefi', 'pxe_interface': MAC.upper()},
    'interfaces': [{'name': 'eth0', 'mac_address': MAC.upper(), 'lldp': SWITCH}, {'name': 'eth1', 'mac_address': OTHER},
                   {'name': 'ib0', 'mac_address': '00:' * 19 + '01'}],
    'disks': [{'name': '/dev/sda', 'size': 64 << 30}, {'name': '/dev/sdb', 'size': 480 << 30, 'role': 'root'}],
    'pci_devices': [*board.devices(bytes(range(32))), {'vendor_id': '1a03', 'product_id': '2000', 'class': '030000'},
                    {'vendor_id': '10ee', 'product_id': '5000', 'class': '120000', 'bus': '0000:41:00.0'}]}


def run(*names, inventory=INVENTORY, ports=(MAC,), background=hook.NO_BACKGROUND, properties=None, **plugin_data):
    node = {'uuid': 'n', 'properties': properties or {'capabilities': 'a:b'}, 'traits': []}
    return rule.run([], node, [{**hook.new_port(mac), 'uuid': f'port {mac}'} for mac in ports], inventory, plugin_data, names,
                    background)


def test_capabilities():
    assert run('boot-mode', 'cpu-capabilities').node['properties']['capabilities'] == (
        'a:b,boot_mode:uefi,cpu_vt:true,cpu_aes:true,cpu_hugepages_1g:true')


def test_accelerators_are_known_by_their_class_and_console_cards_are_none():
    found = run('accelerators').node['properties']['accelerators']
    assert [(one['pci_address'], one['type']) for one in found] == [('0000:17:00.0', 'GPU'), ('0000:41:00.0', 'FPGA')]
    assert found[0]['device_info'] == '10de:20f1'


def test_ports_for_every_card_of_ethernet():
    made = [(port['address'], port['pxe_enabled'], port['uuid'] is None) for port in run('ports').ports]
    assert made == [(MAC, True, False), (OTHER, False, True)]
    assert [port['address'] for port in run('ports', ports=()).ports] == [MAC, OTHER]
    assert [port['pxe_enabled'] for port in run('ports', ports=()).ports] == [True, False]


def test_neighbours_become_links_of_ports_that_have_none():
    draft = run('parse-lldp', 'local-link-connection', ports=(MAC, OTHER))
    assert draft.plugin_data['parsed_lldp'] == {'eth0': {
        'switch_chassis_id': '00:11:22:33:44:55', 'switch_port_id': 'Eth1', 'switch_system_name': 'leaf-1'}}
    link = {'switch_id': '00:11:22:33:44:55', 'port_id': 'Eth1', 'switch_info': 'leaf-1'}
    assert [port['local_link_connection'] for port in draft.ports] == [link, {}]
    port = {**hook.new_port(MAC), 'local_link_connection': {'switch_id': 'mine'}}
    draft = action.Draft.of({'properties': {}}, [port], {'lldp_raw': {'eth0': SWITCH}})
    hook.run(['parse-lldp', 'local-link-connection'], draft, INVENTORY)
    assert draft.ports[0]['local_link_connection'] == {'switch_id': 'mine'}


def test_neighbours_as_ironic_python_agent_tells_them():
    cards = [{'name': 'eth0', 'mac_address': MAC}]
    draft = run('parse-lldp', inventory={'interfaces': cards}, lldp_raw={'eth0': SWITCH})
    assert draft.plugin_data['parsed_lldp']['eth0']['switch_system_name'] == 'leaf-1'
    assert 'parsed_lldp' not in run('parse-lldp', inventory={'interfaces': cards}).plugin_data


def test_a_chassis_without_a_mac_address_is_no_switch_id():
    cards = [{'name': 'eth0', 'mac_address': MAC, 'lldp': [[1, '07' + b'rack1'.hex()], SWITCH[1]]}]
    assert run('parse-lldp', 'local-link-connection', inventory={'interfaces': cards}).ports[0]['local_link_connection'] == {}


def test_the_size_of_the_root_disk():
    assert run('root-device').node['properties']['local_gb'] == 479
    assert run('root-device', root_disk={'name': '/dev/sdz', 'size': 10 << 30}).node['properties']['local_gb'] == 9
    assert 'local_gb' not in run('root-device', inventory={'disks': [{'size': 64 << 30}]}).node['properties']


def test_a_ramdisk_that_failed_fails_the_inspection():
    run('ramdisk-error')
    with pytest.raises(errors.HardwareFailure, match='The ramdisk reports: no disks'):
        run('ramdisk-error', error='no disks')


def test_interfaces_that_are_valid():
    told = run('validate-interfaces').plugin_data
    assert (set(told['all_interfaces']), set(told['valid_interfaces'])) == ({'eth0', 'eth1', 'ib0'}, {'eth0', 'eth1'})
    assert [card['pxe_enabled'] for card in told['valid_interfaces'].values()] == [True, False]
    with pytest.raises(errors.HardwareFailure, match='cards: ib0'):
        run('validate-interfaces', inventory={'interfaces': [{'name': 'ib0', 'mac_address': 'x'}]})


SITE = hook.Background(subnets=[config.subnet('10.1.0.0/16:storage'), config.subnet('fd00:1::/64:public')],
                       aliases=dict([config.device_alias('{"vendor_id": "10DE", "product_id": "20f1", "name": "big_gpu"}'),
                                     config.device_alias('{"vendor_id": "10de", "product_id": "ffff", "name": "other_gpu"}')]))


@pytest.mark.parametrize(('card', 'network'), [
    ({'ipv4_address': '10.1.2.3'}, 'storage'), ({'ipv6_address': 'fd00:1::7'}, 'public'), ({'ipv4_address': '10.2.0.1'}, None),
    ({'ipv4_address': '10.2.0.1', 'ipv6_address': 'fd00:1::7'}, 'public'),
    ({'ipv4_address': None}, None), ({'ipv4_address': 7}, None)])
def test_a_port_is_in_the_network_of_its_address(card, network):
    inventory = {'interfaces': [{'name': 'eth0', 'mac_address': MAC.upper(), **card}]}
    ports = run('physical-network', inventory=inventory, ports=(MAC, OTHER), background=SITE).ports
    assert [port['physical_network'] for port in ports] == [network, None]


def test_devices_are_counted_by_the_names_of_the_site():
    gpus = [{'vendor_id': '10de', 'product_id': '20F1'}] * 3
    properties = {'capabilities': 'big_gpu:1,other_gpu:2,a:b'}
    draft = run('pci-devices', inventory={'pci_devices': gpus}, background=SITE, properties=properties)
    assert draft.node['properties']['capabilities'] == 'big_gpu:3,a:b'
    draft = run('pci-devices', inventory={}, pci_devices=gpus[:1], background=SITE)
    assert draft.node['properties']['capabilities'] == 'a:b,big_gpu:1'


@pytest.mark.parametrize(('former', 'now', 'found'), [
    (['a'], ['a', 'b'], {'serial': 'b'}), (['a'], ['a'], None), (['a'], ['a', 'b', 'c'], None), (None, ['a'], None),
    (['a', 'b'], ['raid'], {'serial': 'raid'}), ([], [None, ''], None)])
def test_the_one_disk_that_was_not_there_is_the_root_disk(former, now, found):
    disks = [None if serials is None else {'disks': [{'name': '/dev/sda', 'serial': serial} for serial in serials]}
             for serials in (former, now)]
    draft = run('raid-device', inventory=disks[1], background=hook.Background(former=disks[0]))
    assert draft.node['properties'].get('root_device') == found


def test_a_root_disk_that_is_known_stays():
    draft = run('raid-device', inventory={'disks': [{'serial': 'b'}]}, background=hook.Background(former={'disks': []}),
                properties={'root_device': {'name': '/dev/sda'}})
    assert draft.node['properties']['root_device'] == {'name': '/dev/sda'}


def test_extra_hardware_becomes_an_object_that_rules_can_name():
    draft = run('extra-hardware', data=[['cpu', 'logical', 'number', '8'], ['cpu', 'physical_0', 'vendor', 'X'],
                                        ['disk', 'sda', 'size', -1], [], ['too', 'short'], [[], {}, None, '٣']])
    assert draft.plugin_data == {'extra': {'cpu': {'logical': {'number': 8}, 'physical_0': {'vendor': 'X'}},
                                           'disk': {'sda': {'size': -1}}, '[]': {'{}': {'None': '٣'}}}}
    assert run('extra-hardware', data=[['a'], 'b']).plugin_data == {'data': [['a'], 'b']}


@pytest.mark.parametrize(('option', 'value', 'reason'), [
    ('physical_network_cidr_map', ['10.1/99:x'], "'10.1/99' does not appear"),
    ('physical_network_cidr_map', ['10.1.0.0/16'], 'not of the form'),
    ('pci_device_alias', ['{"vendor_id": "10de", "product_id": "20f1", "name": "a:b"}'], 'without ":"'),
    ('pci_device_alias', ['{"vendor_id": "10de"}'], 'has not the members'), ('pci_device_alias', ['x'], 'Expecting value')])
def test_options_of_hooks_that_cannot_be_meant(option, value, reason):
    with pytest.raises(errors.Invalid, match=reason):
        config.load(**{f'inspector__{option}': value})


def test_the_option_knows_all_hooks_and_no_others():
    assert set(config._HOOKS) == set(hook.HOOKS)
    assert config.load(inspector__hooks=['ports']).inspector.hooks == ['ports']
    assert set(config.load().inspector.hooks) <= set(hook.HOOKS)
    with pytest.raises(errors.Invalid, match='hooks'):
        config.load(inspector__hooks=['hardware'])


ODD = st.sampled_from([None, 1, '', 'x', [], {}, [None], [[]], [{}], {'name': 1}, [{'name': 'eth0'}],
                       [{'name': 'eth0', 'lldp': 'x'}], [{'class': 3}], [{'class': '0302', 'size': 'x'}],
                       {'flags': [1, {}]}, {'eth0': 3}, {'pxe_interface': 5}])
NAMES = st.sampled_from(['cpu', 'boot', 'interfaces', 'disks', 'pci_devices', 'root_disk', 'lldp_raw', 'parsed_lldp', 'data'])


@given(st.dictionaries(NAMES, ODD), st.dictionaries(NAMES, ODD))
def test_no_inventory_makes_a_hook_fall_over(inventory, plugin_data):
    draft = action.Draft.of({'uuid': 'n', 'properties': {}}, [hook.new_port(MAC)], plugin_data)
    for name in hook.HOOKS:
        try:
            hook.run([name], draft, inventory, dataclasses.replace(SITE, former=inventory))
        except errors.HardwareFailure:
            assert name == 'validate-interfaces'
