"""What a system is told about its networks: ``network_data`` of a node, in the form of OpenStack's network_data.json."""

import functools
import ipaddress

from ingot.api.types import scalar


class NetworkData(scalar.Object):
    """Links, networks and services, each with the members that it needs; {} when nothing is to be told."""

    name = 'network_data'
    accepts = ('{} or an object with the lists links (id, type, ethernet_mac_address; for a bond bond_mode and bond_links; for a '
               'vlan vlan_mac_address, vlan_link and vlan_id), networks (id, link, network_id, type; ip_address, netmask and '
               'routes if need be) and services (type dns, address)')

    def check(self, value):
        if super().check(value) and not all(
                name in value and _is_list(check)(value[name]) for name, check in _PARTS.items()):
            self.refuse()
        return value


def _is_text(value):
    return isinstance(value, str)


def _is_mac(value):
    return _is_text(value) and scalar.is_mac(value)


def _is_one_of(*words):
    return lambda value: _is_text(value) and value in words


def _is_address(value, version=None):
    try:
        found = ipaddress.ip_address(value.partition('/')[0]).version if _is_text(value) else 0
        return found in ((4, 6) if version is None else (version,))
    except ValueError:
        return False


def _is_list(check):
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_object(needed, others=None):
    """The check for an object that has all of ``needed``; what it has of ``others`` must be right too. {member: check}"""
    others = others or {}
    return lambda value: (isinstance(value, dict) and all(name in value and check(value[name]) for name, check in needed.items())
                          and all(check(value[name]) for name, check in others.items() if name in value))


def _network(version, *kinds):
    address = functools.partial(_is_address, version=version)
    route = _is_object({'network': address, 'netmask': address, 'gateway': address})
    return _is_object({'id': _is_text, 'link': _is_text, 'network_id': _is_text, 'type': _is_one_of(*kinds)},
                      {'ip_address': address, 'netmask': address, 'routes': _is_list(route)})


def _is_mtu(value):
    return value is None or (scalar.is_count(value) and value < 65536)


_MORE = {'mtu': _is_mtu, 'vif_id': _is_text}
_PLAIN = _is_object({'id': _is_text, 'ethernet_mac_address': _is_mac, 'type': _is_one_of(
    'bridge', 'dvs', 'hw_veb', 'hyperv', 'ovs', 'tap', 'vhostuser', 'vif', 'phy')}, _MORE)
_BOND = _is_object({'id': _is_text, 'ethernet_mac_address': _is_mac, 'type': _is_one_of('bond'), 'bond_links': _is_list(_is_text),
                    'bond_mode': _is_one_of('802.3ad', 'balance-rr', 'active-backup', 'balance-xor', 'broadcast', 'balance-tlb',
                                            'balance-alb')}, _MORE)
_VLAN = _is_object({'id': _is_text, 'vlan_mac_address': _is_mac, 'type': _is_one_of('vlan'), 'vlan_link': _is_text,
                    'vlan_id': lambda value: isinstance(value, int) and not isinstance(value, bool)}, _MORE)
_IPV4, _IPV6 = _network(4, 'ipv4', 'ipv4_dhcp'), _network(6, 'ipv6', 'ipv6_dhcp', 'ipv6_slaac')
_PARTS = {'links': lambda value: _PLAIN(value) or _BOND(value) or _VLAN(value),
          'networks': lambda value: _IPV4(value) or _IPV6(value),
          'services': _is_object({'type': _is_one_of('dns'), 'address': _is_address})}
