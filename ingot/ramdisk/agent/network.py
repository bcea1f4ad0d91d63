"""Bring up the network adapter that the machine booted from, with the address that iPXE got, or by DHCP."""

import subprocess
import time

_ADAPTER_SECONDS, _CARRIER_SECONDS, _DHCP_SECONDS = 30, 30, 120


def bring_up(machine, line):
    """The name of the adapter, which has an address afterwards. OSError says why there is none.

    :param line: the KernelLine; without ``mac`` the first adapter with a carrier is taken.
    """
    _busybox('ip', 'link', 'set', 'lo', 'up')
    name = _wait(lambda: find(machine, line.mac), _ADAPTER_SECONDS)
    if name is None:
        have = ', '.join(machine.names('class/net'))
        raise OSError(f'there is no network adapter with the address {line.mac}; the machine has: {have}')
    _busybox('ip', 'link', 'set', name, 'up')
    _wait(lambda: machine.read('class/net', name, 'carrier') == '1', _CARRIER_SECONDS)
    if line.ip and line.netmask:
        set_address(name, line)
    elif _wait(lambda: _busybox('udhcpc', '-i', name, '-n', '-q', '-f', '-t', '5', '-T', '2') == 0,
               _DHCP_SECONDS) is None:
        raise OSError(f'no DHCP server answered on {name} within {_DHCP_SECONDS} s')
    return name


def find(machine, mac):
    """Name of the adapter with that MAC (or of the first one, where ``mac`` is None), or None."""
    names = [name for name in machine.names('class/net') if machine.names('class/net', name, 'device')]
    if mac is None:
        return next(iter(names), None)
    return next((name for name in names if (machine.read('class/net', name, 'address') or '').lower() == mac), None)


def set_address(name, line):
    """Give the adapter the address of the kernel line, and the route to the gateway."""
    if _busybox('ip', 'address', 'replace', f'{line.ip}/{prefix(line.netmask)}', 'dev', name):
        raise OSError(f'{name} does not take the address {line.ip}/{line.netmask}')
    if line.gateway and _busybox('ip', 'route', 'replace', 'default', 'via', line.gateway, 'dev', name):
        raise OSError(f'{name} does not take the gateway {line.gateway}')


def prefix(netmask):
    """The length of a network mask: 24 for 255.255.255.0; a number stays what it is."""
    if '.' not in netmask:
        return int(netmask)
    return sum(bin(int(part)).count('1') for part in netmask.split('.'))


def _busybox(*words):
    return subprocess.run(['busybox', *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          check=False).returncode


def _wait(question, seconds):
    """Ask until the answer is true and return that; None after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.1)
    return answer
