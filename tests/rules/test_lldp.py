"""What switches say, as people read it; bytes are those of IEEE 802.1AB-2016."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.rules import lldp


def org(oui, kind, value):
    return [127, oui + f'{kind:02x}' + value]


SWITCH = [[1, '04001122334455'], [2, '05' + b'Ethernet1/1'.hex()], [3, '0078'], [4, b'rack 7'.hex()], [5, b'leaf-1'.hex()],
          [6, b'A switch'.hex()], [8, '0501c0000201' + '02' + '00000001' + '00'], org('0080c2', 1, '0064'),
          org('0080c2', 3, '0064' + '03' + b'pxe'.hex()), org('0080c2', 3, '00c8' + '04' + b'data'.hex()),
          org('00120f', 4, '23ff'), org('00120f', 1, '03'), [9, 'ff']]


def test_a_switch():
    assert lldp.parse(SWITCH) == {
        'switch_chassis_id': '00:11:22:33:44:55', 'switch_port_id': 'Ethernet1/1', 'switch_ttl': 120,
        'switch_port_description': 'rack 7', 'switch_system_name': 'leaf-1', 'switch_system_description': 'A switch',
        'switch_mgmt_addresses': ['192.0.2.1'], 'switch_port_untagged_vlan_id': 100,
        'switch_port_vlans': [{'id': 100, 'name': 'pxe'}, {'id': 200, 'name': 'data'}], 'switch_port_mtu': 9215}


@pytest.mark.parametrize(('tlv', 'told'), [
    ([1, '07' + b'rack1'.hex()], {'switch_chassis_id': 'rack1'}), ([1, '0501c0000202'], {'switch_chassis_id': '192.0.2.2'}),
    ([1, '0502' + '20010db8' + '00' * 11 + '01'], {'switch_chassis_id': '2001:db8::1'}),
    ([2, '03aabbccddeeff'], {'switch_port_id': 'aa:bb:cc:dd:ee:ff'}), ([2, '07' + b'12'.hex()], {'switch_port_id': '12'}),
    (org('0080c2', 1, '0000'), {}), ([1, '0400112233'], {}), ([1, ''], {}), ([3, '78'], {}), ([127, '0080c2'], {}),
    ([5, 'zz'], {}), ([5, None], {}), ([5], {}), (5, {}), ([8, ''], {})])
def test_kinds_of_names_and_what_is_malformed(tlv, told):
    assert lldp.parse([tlv]) == told


def test_the_first_word_counts():
    assert lldp.parse([[5, b'one'.hex()], [5, b'two'.hex()]]) == {'switch_system_name': 'one'}


@given(st.lists(st.tuples(st.integers(0, 127), st.binary(max_size=40).map(bytes.hex)), max_size=8) | st.text() | st.none())
def test_whatever_is_heard_is_text_numbers_and_lists(tlvs):
    told = lldp.parse(tlvs and [list(one) for one in tlvs] if not isinstance(tlvs, str) else tlvs)
    assert all(isinstance(value, str | int | list) for value in told.values())
