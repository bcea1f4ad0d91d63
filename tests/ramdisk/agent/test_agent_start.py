"""From the kernel line to the network, and the package as the ramdisk runs it."""

import os
import pathlib
import py_compile
import subprocess
import sys

import pytest
from agent_bench import LINE, put

from ingot.ramdisk import agent
from ingot.ramdisk.agent import kernel_line, machine, network, power

ROOT = pathlib.Path(agent.__file__).parent


def test_the_kernel_line():
    line = kernel_line.parse(f'quiet console=ttyS0 {LINE} ingot.ip=10.0.0.17/255.255.255.0 ingot.gateway=10.0.0.1\n')
    assert line == kernel_line.KernelLine('http://127.0.0.1:1', 'op-1', 'tok', '52:54:00:aa:bb:cc', '10.0.0.17',
                                          '255.255.255.0', '10.0.0.1', False)


def test_a_kernel_line_with_the_least():
    line = kernel_line.parse('ingot.api=http://h:1/ ingot.operation=o ingot.token=a=b ingot.measure=1')
    assert line == kernel_line.KernelLine('http://h:1', 'o', 'a=b', None, None, None, None, True)


def test_the_last_of_equal_words_wins():
    assert kernel_line.parse(f'{LINE} ingot.token=new').token == 'new'


def test_a_kernel_line_that_lacks_words_names_them_without_the_token():
    with pytest.raises(ValueError, match=r'lacks ingot\.api, ingot\.operation') as error:
        kernel_line.parse('ingot.token=secret ingot.api=')
    assert 'secret' not in str(error.value)


@pytest.mark.parametrize(('netmask', 'length'), [('255.255.255.0', 24), ('255.255.252.0', 22), ('255.255.255.255', 32),
                                                 ('16', 16)])
def test_network_masks(netmask, length):
    assert network.prefix(netmask) == length


@pytest.fixture
def adapters(machine):
    for name, mac in {'eth0': '52:54:00:00:00:01', 'eth1': '52:54:00:AA:BB:CC'}.items():
        put(pathlib.Path(machine.sys, 'class/net', name, 'address'), mac)
        put(pathlib.Path(machine.sys, 'class/net', name, 'carrier'), '1')
        put(pathlib.Path(machine.sys, 'class/net', name, 'device/vendor'), '0x1af4')
    put(pathlib.Path(machine.sys, 'class/net/lo/address'), '00:00:00:00:00:00')
    return machine


@pytest.fixture
def ran(monkeypatch):
    """The commands that were run; none of them fails."""
    commands = []

    def run(words, **_):
        commands.append(words)
        return subprocess.CompletedProcess(words, 0)
    monkeypatch.setattr(subprocess, 'run', run)
    return commands


def test_the_address_that_ipxe_got(adapters, ran):
    line = kernel_line.parse(f'{LINE} ingot.ip=10.0.0.17/255.255.255.0 ingot.gateway=10.0.0.1')
    assert network.bring_up(adapters, line) == 'eth1'
    assert ran == [['busybox', 'ip', 'link', 'set', 'lo', 'up'], ['busybox', 'ip', 'link', 'set', 'eth1', 'up'],
                   ['busybox', 'ip', 'address', 'replace', '10.0.0.17/24', 'dev', 'eth1'],
                   ['busybox', 'ip', 'route', 'replace', 'default', 'via', '10.0.0.1', 'dev', 'eth1']]


def test_an_address_by_dhcp(adapters, ran):
    assert network.bring_up(adapters, kernel_line.parse(LINE)) == 'eth1'
    assert ran[-1][:4] == ['busybox', 'udhcpc', '-i', 'eth1']


def test_without_a_mac_the_first_adapter_is_taken(adapters):
    assert network.find(adapters, None) == 'eth0'
    assert network.find(adapters, '52:54:00:00:00:09') is None


def test_no_such_adapter(adapters, ran, monkeypatch):
    monkeypatch.setattr(network, '_ADAPTER_SECONDS', 0)
    line = kernel_line.parse(LINE.replace('AA', '99'))
    with pytest.raises(OSError, match=r'52:54:00:99:bb:cc; the machine has: eth0, eth1, lo'):
        network.bring_up(adapters, line)


def test_addresses_of_the_network_cards(adapters):
    assert machine.macs(adapters) == ['52:54:00:00:00:01', '52:54:00:aa:bb:cc']


@pytest.mark.parametrize(('then', 'program', 'key'), [('power off', 'poweroff', 'o'), ('reboot', 'reboot', 'b')])
def test_the_last_deed(ran, monkeypatch, tmp_path, then, program, key):
    monkeypatch.setattr('time.sleep', lambda _: None)
    monkeypatch.setattr(power, 'SYSRQ', str(tmp_path / 'sysrq'))
    power.end(then)
    assert ran == [['busybox', 'sync'], ['busybox', program, '-n', '-f']]
    assert (tmp_path / 'sysrq').read_text() == key


def test_it_runs_compiled_with_nothing_but_the_standard_library(tmp_path):
    for file in ROOT.rglob('*.py'):
        target = tmp_path / 'agent' / file.relative_to(ROOT).with_suffix('.pyc')
        py_compile.compile(str(file), str(target), doraise=True)
    script = ('import sys; sys.path.insert(0, sys.argv[1]); import agent.__main__, agent.actions\n'
              'print(*agent.actions.table(), sep=","); heavy = {"ssl", "email", "http", "urllib", "logging", "asyncio"}\n'
              'print(*(heavy & set(sys.modules)), *(name for name in sys.modules if name.startswith("ingot")))')
    done = subprocess.run([sys.executable, '-I', '-S', '-c', script, tmp_path], capture_output=True, text=True, check=True,
                          env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'})
    actions, heavy = done.stdout.split('\n')[:2]
    assert set(actions.split(',')) == {'inventory', 'verify devices', 'erase metadata', 'write image', 'write configdrive'}
    assert heavy == ''


def test_one_more_file_is_one_more_action(tmp_path):
    for file in ROOT.rglob('*.py'):
        put(tmp_path / 'agent' / file.relative_to(ROOT), file.read_bytes())
    put(tmp_path / 'agent/actions/dance.py', 'NAME = "dance"\n\n\ndef run(action, job):\n    return {"danced": True}')
    script = 'import sys; sys.path.insert(0, sys.argv[1]); from agent import actions; print("dance" in actions.table())'
    done = subprocess.run([sys.executable, '-I', '-S', '-c', script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == 'True\n'


def test_without_its_words_the_agent_says_so_and_ends(tmp_path):
    """A start on this machine, whose kernel line has no word of ours: it must touch nothing."""
    done = subprocess.run([sys.executable, '-I', '-S', '-c', f'import sys; sys.path.insert(0, {str(ROOT.parent)!r})\n'
                           'import runpy; runpy.run_module("agent", run_name="__main__", alter_sys=True)'],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (
        1, 'ingot-agent: the kernel line lacks ingot.api, ingot.operation, ingot.token\n')
