"""BMCs to test against: OpenIPMI's simulator as a foreign implementation, and the lab's, which can be told to misbehave."""

import pathlib
import socket
import subprocess
import uuid

import pytest

from ingot import concurrency, config
from ingot.drivers import base

_LAN = """\
name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{folder}/chassis"
  user 1 true "" "test" user 10 none md2 md5 straight
  user 2 true "admin" "secret" admin 10 none md2 md5 straight
  user 3 true "op" "secret" operator 10 none md2 md5 straight
"""
_SETUP = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
"""
_CHASSIS = """\
#!/bin/sh
# What happens to the machine: "chassis get power" or "chassis set power 1 ..."; the state is a file.
action=$1; shift
case "$action $1" in
  "get power") echo "power:$(cat {folder}/power)"; exit 0;;
  "get boot") echo boot:default; exit 0;;
esac
while [ $# -ge 2 ]; do
  case $1 in power) echo "$2" > {folder}/power;; shutdown) echo 0 > {folder}/power;; esac
  shift 2
done
"""


class Simulator:
    """An ``ipmi_sim`` of its own on a free port: suite 3 only, no valid boot flags, a power state in a file."""

    def __init__(self, folder):
        self.folder, self.port, self._process = folder, free_port(), None
        (folder / 'state').mkdir()
        (folder / 'power').write_text('0\n')
        (folder / 'lan').write_text(_LAN.format(port=self.port, folder=folder))
        (folder / 'setup').write_text(_SETUP)
        (folder / 'chassis').write_text(_CHASSIS.format(folder=folder))
        (folder / 'chassis').chmod(0o755)

    @property
    def is_on(self):
        return (self.folder / 'power').read_text() == '1\n'

    def start(self):
        self._process = subprocess.Popen(
            ['ipmi_sim', '-n', '-c', self.folder / 'lan', '-f', self.folder / 'setup', '-s', self.folder / 'state'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert concurrency.wait_for(lambda: not is_free(self.port), 20), 'ipmi_sim does not listen'

    def stop(self):
        self._process.kill()
        self._process.wait()

    def node(self, **driver_info):
        return make_node('127.0.0.1', self.port, **driver_info)


class Iron:
    """A machine for the lab's BMC that obeys at once."""

    def __init__(self):
        from ingot.lab import boot
        self.uuid, self.serial, self.boot = uuid.uuid4(), 'SN1', boot.BootFlags()
        self.is_on, self.orders = False, []

    def obey(self, action):
        self.orders.append(action)
        self.is_on = action in ('on', 'cycle', 'reset')


class Rack:
    """The lab's BMCs, each with an Iron; ``add`` gives the BMC and the node that stands for it."""

    def __init__(self):
        from ingot.lab import server
        self._server = server.BmcServer('0.0.0.0', 0)
        self._server.start()
        self._count = 0

    def add(self, **driver_info):
        self._count += 1
        address = f'127.9.0.{self._count}'
        bmc = self._server.add(address, Iron(), 'admin', 'secret')
        return bmc, make_node(address, self._server.port, **driver_info)

    def stop(self):
        self._server.stop()


def make_node(address, port, **driver_info):
    return {'uuid': str(uuid.uuid4()), 'driver': 'ipmi', 'driver_info': {
        'ipmi_address': address, 'ipmi_port': port, 'ipmi_username': 'admin', 'ipmi_password': 'secret', **driver_info}}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def is_free(port):
    """Whether nobody has the UDP port; asked of the kernel, for whoever tried would be in the way of who is to have it."""
    return f':{port:04X} ' not in pathlib.Path('/proc/net/udp').read_text()


@pytest.fixture
def simulator(tmp_path):
    folder = tmp_path / 'simulator'
    folder.mkdir()
    simulator = Simulator(folder)
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def rack():
    rack = Rack()
    yield rack
    rack.stop()


@pytest.fixture
def context(tmp_path):
    """A driver context; services that a test has started are stopped after it."""
    context = base.Context(config.load(state_dir=str(tmp_path), ipmi__poll_seconds=0.05))
    yield context
    for service in context.services.values():
        if hasattr(service, 'stop'):
            service.stop()


@pytest.fixture
def started(context):
    """``started(cls)`` is an interface with its services running."""
    def start(cls):
        interface = cls(context)
        for service in context.services.values():
            if hasattr(service, 'start'):
                service.start()
        return interface
    return start
