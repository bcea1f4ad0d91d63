"""Network cards of this machine, with the neighbours that they hear; in the shape that Ironic's clients know."""

import contextlib
import fcntl
import os
import socket
import struct

from . import lldp, pci

_SIOCGIFADDR = 0x8915
_FOLDER = 'class/net'


def interfaces(machine, seconds=0):
    """[interface]; ``seconds``: so long each listens for LLDP, all at once. ``speed_mbps`` is known where there is a carrier."""
    found = names(machine)
    heard = lldp.listen(found, seconds) if seconds else {}
    return [{'name': name, 'mac_address': machine.read(_FOLDER, name, 'address'), 'ipv4_address': ipv4_address(name),
             'has_carrier': machine.read(_FOLDER, name, 'carrier') == '1', 'vendor': machine.read(_FOLDER, name, 'device/vendor'),
             'product': machine.read(_FOLDER, name, 'device/device'), 'pci_address': pci.of(machine, _FOLDER, name, 'device'),
             'driver': _driver(machine, name), 'speed_mbps': _speed(machine, name), 'lldp': heard.get(name)} for name in found]


def names(machine):
    """Of the cards that have a device behind them."""
    return [name for name in machine.names(_FOLDER) if machine.names(_FOLDER, name, 'device')]


def _driver(machine, name):
    path = os.path.join(machine.sys, _FOLDER, name, 'device/driver')
    return os.path.basename(os.path.realpath(path)) if os.path.islink(path) else None


def _speed(machine, name):
    speed = machine.number(_FOLDER, name, 'speed')
    return speed if speed and speed > 0 else None


def ipv4_address(name):
    """The address of an adapter, or None (netdevice(7))."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        answer = fcntl.ioctl(channel.fileno(), _SIOCGIFADDR, struct.pack('256s', name.encode()[:15]))
        return socket.inet_ntoa(answer[20:24])
    return None
