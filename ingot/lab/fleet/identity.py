"""Who machine number N of a fleet is: all of it follows from the number and the seed, so that nobody needs to be told."""

import ipaddress
import uuid

from ingot import errors

FIRST, PORT, USER = '127.1.0.1', 16230, 'ingot'
_LOCAL = ipaddress.IPv4Network('127.0.0.0/8')
#: Numbers that fit into a MAC, and seeds into a password of 20 bytes.
MOST, MOST_SEED = 1 << 24, 99_999


def name(number):
    return f'fleet-{number:05}'


def node(seed, number):
    """Uuid of its node: to enrol a fleet twice makes no second nodes."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f'ingot fleet {seed} node {number}'))


def system(seed, number):
    """The UUID that its firmware and its BMC tell (SMBIOS)."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f'ingot fleet {seed} system {number}')


def mac(number):
    """Locally administered; 52:54:02 is used by fleets alone."""
    return ':'.join(('52', '54', '02', *(f'{byte:02x}' for byte in number.to_bytes(3))))


def password(seed, number):
    """Each BMC has its own, so that a mix-up shows."""
    return f'fleet-{seed}-{number}'


def access(seed, number, address, port):
    """What a node's driver_info says of its BMC."""
    return {'ipmi_address': address, 'ipmi_port': port, 'ipmi_username': USER, 'ipmi_password': password(seed, number)}


def addresses(count, first=FIRST):
    """The addresses of the BMCs, from ``first`` on, as text; InvalidParameter when they do not fit into 127.0.0.0/8."""
    try:
        start = ipaddress.IPv4Address(first)
        if not 0 < count < MOST or start not in _LOCAL or start + count - 1 not in _LOCAL:
            raise ValueError
    except ValueError:
        raise errors.InvalidParameter(f'{count} BMCs from {first} on: they have no place in 127.0.0.0/8.',
                                      remedy=f'Choose a smaller --count, or --first {FIRST}.') from None
    return [str(start + number) for number in range(count)]


def check_seed(seed):
    """InvalidParameter for a seed that passwords have no room for."""
    if not 0 <= seed <= MOST_SEED:
        raise errors.InvalidParameter(f'--seed {seed} is none from 0 to {MOST_SEED}.')
    return seed
