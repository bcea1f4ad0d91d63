"""What may be told to a system about its networks."""

import copy

import pytest

from ingot.api.types.network import NetworkData

GOOD = {
    'links': [
        {'id': 'port0', 'type': 'phy', 'ethernet_mac_address': '52:54:00:12:34:56', 'mtu': 1500},
        {'id': 'port1', 'type': 'phy', 'ethernet_mac_address': '52:54:00:12:34:57', 'mtu': None, 'vif_id': 'v'},
        {'id': 'bond0', 'type': 'bond', 'ethernet_mac_address': '52:54:00:12:34:56', 'bond_mode': '802.3ad',
         'bond_links': ['port0', 'port1']},
        {'id': 'vlan0', 'type': 'vlan', 'vlan_mac_address': '52:54:00:12:34:56', 'vlan_link': 'bond0', 'vlan_id': 7}],
    'networks': [
        {'id': 'n4', 'link': 'vlan0', 'network_id': 'a', 'type': 'ipv4', 'ip_address': '192.0.2.7', 'netmask': '255.255.255.0',
         'routes': [{'network': '0.0.0.0', 'netmask': '0.0.0.0', 'gateway': '192.0.2.1'}]},
        {'id': 'n6', 'link': 'vlan0', 'network_id': 'a', 'type': 'ipv6', 'ip_address': '2001:db8::7/64'},
        {'id': 'd6', 'link': 'port0', 'network_id': 'b', 'type': 'ipv6_slaac'}],
    'services': [{'type': 'dns', 'address': '192.0.2.53'}]}


def test_what_clouds_tell_is_taken():
    for value in ({}, GOOD, {'links': [], 'networks': [], 'services': []}):
        assert NetworkData().check(value) == value


@pytest.mark.parametrize(('part', 'index', 'change'), [
    ('links', 0, {'id': None}), ('links', 0, {'type': 'wire'}), ('links', 0, {'ethernet_mac_address': 'here'}),
    ('links', 0, {'mtu': 0}), ('links', 0, {'mtu': 70000}), ('links', 0, {'mtu': '1500'}), ('links', 1, {'vif_id': 5}),
    ('links', 2, {'bond_mode': 'fast'}), ('links', 2, {'bond_links': 'port0'}), ('links', 2, {'bond_links': [1]}),
    ('links', 3, {'vlan_id': True}), ('links', 3, {'vlan_link': 5}),
    ('networks', 0, {'ip_address': '2001:db8::1'}), ('networks', 0, {'ip_address': 'x'}), ('networks', 0, {'type': 'ipx'}),
    ('networks', 0, {'routes': [{'network': '0.0.0.0'}]}), ('networks', 1, {'ip_address': '192.0.2.7'}),
    ('networks', 2, {'link': None}), ('services', 0, {'type': 'ntp'}), ('services', 0, {'address': 'x'})])
def test_a_wrong_member_is_refused(part, index, change):
    value = copy.deepcopy(GOOD)
    value[part][index].update(change)
    with pytest.raises(ValueError):
        NetworkData().check(value)


@pytest.mark.parametrize(('part', 'index', 'member'), [
    (part, index, member) for part, items in GOOD.items() for index, item in enumerate(items) for member in item
    if member not in ('mtu', 'vif_id', 'ip_address', 'netmask', 'routes')])
def test_what_is_needed_must_be_there(part, index, member):
    value = copy.deepcopy(GOOD)
    del value[part][index][member]
    with pytest.raises(ValueError):
        NetworkData().check(value)


@pytest.mark.parametrize('value', [{'links': []}, {**GOOD, 'links': {}}, {**GOOD, 'services': None}, {**GOOD, 'networks': ['x']}])
def test_all_three_lists_are_lists_of_objects(value):
    with pytest.raises(ValueError):
        NetworkData().check(value)


@pytest.mark.parametrize('value', [[], 'x', 5])
def test_it_is_an_object(value):
    with pytest.raises(ValueError):
        NetworkData().check(value)
