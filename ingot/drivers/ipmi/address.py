"""What driver_info says about a BMC: where it is and how to log in. Key names are Ironic's."""

import dataclasses

from ingot import errors

PROPERTIES = {
    'ipmi_address': 'IP address or host name of the BMC. Required.',
    'ipmi_port': 'UDP port of the BMC; default 623.',
    'ipmi_username': 'User name, at most 16 bytes; default: the anonymous user.',
    'ipmi_password': 'Password, at most 20 bytes.',
    'ipmi_priv_level': 'ADMINISTRATOR, OPERATOR or USER; default ADMINISTRATOR, or OPERATOR where that is refused.',
    'ipmi_protocol_version': '2.0, the only one that is spoken.',
    'ipmi_cipher_suite': '3 (SHA-1) or 17 (SHA-256); default: 17, or 3 where that is refused.',
    'ipmi_hex_kg_key': 'The K_g key of the BMC, 40 hexadecimal digits, where two-key login is set up.',
}
_PRIVILEGES = {'USER': 2, 'OPERATOR': 3, 'ADMINISTRATOR': 4}
_SUITES = {'3': 3, '17': 17}


@dataclasses.dataclass(frozen=True)
class Address:
    """A BMC and the login to it; secrets do not show in its repr. ``node`` only names it in messages."""

    host: str
    port: int
    user: bytes
    password: bytes = dataclasses.field(repr=False)
    privilege: int | None
    suite: int | None
    kg: bytes | None = dataclasses.field(repr=False)
    node: str = dataclasses.field(compare=False)

    def __str__(self):
        return f'Node {self.node}: BMC {self.host}:{self.port}'


def read(node):
    """The Address in ``node['driver_info']``; InvalidParameter names the key that is missing or unusable."""
    info = node.get('driver_info') or {}
    if not info.get('ipmi_address'):
        raise _invalid(node, 'ipmi_address', 'is missing: the IP address or host name of the BMC')
    if str(info.get('ipmi_protocol_version') or '2.0') != '2.0':
        raise _invalid(node, 'ipmi_protocol_version', 'must be 2.0')
    return Address(host=str(info['ipmi_address']), port=_port(node, info.get('ipmi_port') or 623),
                   user=_text(node, info, 'ipmi_username', 16), password=_text(node, info, 'ipmi_password', 20),
                   privilege=_choice(node, info, 'ipmi_priv_level', _PRIVILEGES),
                   suite=_choice(node, info, 'ipmi_cipher_suite', _SUITES), kg=_kg(node, info.get('ipmi_hex_kg_key')),
                   node=node['uuid'])


def _port(node, value):
    if not str(value).isdecimal() or not 0 < int(value) < 65536:
        raise _invalid(node, 'ipmi_port', f'is "{value}"; it must be a number from 1 to 65535')
    return int(value)


def _text(node, info, key, longest):
    value = info.get(key) or ''
    if not isinstance(value, str) or len(value.encode()) > longest:
        raise _invalid(node, key, f'must be text of at most {longest} bytes')
    return value.encode()      # bytes: pyghmi mixes both kinds up


def _choice(node, info, key, choices):
    value = str(info.get(key) or '').upper()
    if value and value not in choices:
        raise _invalid(node, key, f'is "{info[key]}"; possible: {", ".join(choices)}')
    return choices.get(value)


def _kg(node, value):
    try:
        key = bytes.fromhex(value) if value else None
    except (TypeError, ValueError):
        key = b''
    if key is not None and len(key) != 20:
        raise _invalid(node, 'ipmi_hex_kg_key', 'must be 40 hexadecimal digits')
    return key


def _invalid(node, key, why):
    return errors.InvalidParameter(f'Node {node["uuid"]}: driver_info/{key} {why}.')
