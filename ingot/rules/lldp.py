"""LLDP as people and programs read it, from the TLVs that a ramdisk heard (IEEE 802.1AB-2016, clause 8 and annexes D and E).

Names are those of Ironic's ``parsed_lldp``. What is malformed is left out: switches are no friends of ours, either.
"""

import ipaddress
import struct

_LONGEST = 255
_IEEE_8021, _IEEE_8023 = '0080c2', '00120f'
_FAMILIES = {1: (4, ipaddress.IPv4Address), 2: (16, ipaddress.IPv6Address)}     # IANA address family numbers


def parse(tlvs):
    """{name: value} of [[type, value in hexadecimal], ...]; {} for anything else."""
    told = {}
    for tlv in tlvs if isinstance(tlvs, list) else ():
        try:
            kind, value = tlv
            _read(told, kind, bytes.fromhex(value))
        except (TypeError, ValueError, struct.error, IndexError):
            continue
    return told


def _read(told, kind, value):
    if kind == 127:
        reader = _ORGANIZATIONS.get((value[:3].hex(), value[3]))
        value = value[4:]
    else:
        reader = _KINDS.get(kind)
    if reader:
        name, read = reader
        found = read(value)
        if isinstance(found, list):
            told.setdefault(name, []).extend(found)
        elif found is not None:
            told.setdefault(name, found)


def _text(value):
    return value.decode('utf-8', 'replace').replace('\0', '').strip()[:_LONGEST] or None


def _mac(value):
    return value.hex(':') if len(value) == 6 else None


def _network_address(value):
    length, make = _FAMILIES[value[0]] if value and value[0] in _FAMILIES else (None, None)
    return str(make(value[1:])) if length == len(value) - 1 else None


def _identity(macs, addresses):
    """A reader of chassis and port IDs: the first byte says which kind it is."""
    def read(value):
        kind, rest = value[0], value[1:]
        return _mac(rest) if kind == macs else _network_address(rest) if kind == addresses else _text(rest)
    return read


def _number(form):
    return lambda value: struct.unpack(form, value)[0]


def _management(value):
    length = value[0]
    found = _network_address(value[1:1 + length])
    return [found] if found else []


def _vlan(value):
    number, length = struct.unpack_from('>HB', value)
    return [{'id': number, 'name': _text(value[3:3 + length])}]


def _untagged(value):
    return _number('>H')(value) or None         # 0: it has none


#: Type -> (name, how its value is read).
_KINDS = {1: ('switch_chassis_id', _identity(4, 5)), 2: ('switch_port_id', _identity(3, 4)), 3: ('switch_ttl', _number('>H')),
          4: ('switch_port_description', _text), 5: ('switch_system_name', _text), 6: ('switch_system_description', _text),
          8: ('switch_mgmt_addresses', _management)}
#: (organization, subtype) -> the same.
_ORGANIZATIONS = {(_IEEE_8021, 1): ('switch_port_untagged_vlan_id', _untagged), (_IEEE_8021, 3): ('switch_port_vlans', _vlan),
                  (_IEEE_8023, 4): ('switch_port_mtu', _number('>H'))}
