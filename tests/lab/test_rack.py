"""Racks as others use them: up, IPMI from where the conductor would be, faults, down, and a violent end."""

import json
import os
import signal
import stat
import subprocess

import pytest

from ingot import concurrency, errors, programs
from ingot.lab import rack
from tests import proc

NETWORKS = pytest.mark.parametrize('network', [
    pytest.param('namespace', marks=pytest.mark.skipif(os.geteuid() != 0, reason='a network namespace needs root')), 'user'])
ONE = [{'name': 'one', 'memory_mib': 64, 'disk_gib': 0.0625}]
SECONDS = 120


def ipmi(description, number, *words):
    machine = description['machines'][number]
    done = subprocess.run([*description['argv_prefix'], 'ipmitool', '-I', 'lanplus', '-H', machine['bmc_address'],
                           '-p', str(machine['bmc_port']), '-U', machine['user'], '-P', machine['password'], '-C', '17', *words],
                          capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def wait_power(description, number, word):
    assert concurrency.wait_for(lambda: f'is {word}' in ipmi(description, number, 'power', 'status'), SECONDS)


def read_log(description, number):
    path = description['machines'][number]['console_log']
    return open(path, errors='replace').read() if os.path.exists(path) else ''


@pytest.mark.e2e
@NETWORKS
def test_power_on_by_ipmi_makes_the_firmware_speak_and_power_off_ends_it(lab, network):
    folder, description = lab([*ONE, {'name': 'two', 'firmware': 'uefi', 'memory_mib': 256, 'disk_gib': 1}], network=network)
    for number in (0, 1):
        assert 'is off' in ipmi(description, number, 'power', 'status')
        assert 'Set Boot Device to pxe' in ipmi(description, number, 'chassis', 'bootdev', 'pxe')
        assert 'Up/On' in ipmi(description, number, 'power', 'on')
        wait_power(description, number, 'on')
    assert [machine['boot_device'] for machine in rack.status(folder)] == [None, None]
    assert concurrency.wait_for(lambda: 'SeaBIOS' in read_log(description, 0), SECONDS)
    assert concurrency.wait_for(lambda: all('iPXE' in read_log(description, number) for number in (0, 1)), SECONDS)
    pids = [machine['pid'] for machine in rack.status(folder)]
    for number in (0, 1):
        assert 'Down/Off' in ipmi(description, number, 'power', 'off')
        wait_power(description, number, 'off')
    assert all(proc.is_gone(pid) for pid in pids)
    assert [machine['is_on'] for machine in rack.status(folder)] == [False, False]


@pytest.mark.e2e
@NETWORKS
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_the_end_of_the_daemon_is_the_end_of_its_machines(lab, network, number):
    folder, description = lab(ONE, network=network)
    ipmi(description, 0, 'power', 'on')
    wait_power(description, 0, 'on')
    pid = rack.status(folder)[0]['pid']
    assert not proc.is_gone(pid)
    os.kill(description['pid'], number)
    assert concurrency.wait_for(lambda: proc.is_gone(pid) and proc.is_gone(description['pid']), 30)
    with pytest.raises(errors.NotFound, match='No lab listens'):
        rack.status(folder)
    folder, description = lab(ONE, network=network)        # what it left behind is no obstacle
    assert 'is off' in ipmi(description, 0, 'power', 'status')


@NETWORKS
def test_a_rack_describes_itself_and_leaves_nothing(lab, network):
    folder, description = lab([{'name': 'one'}, {'name': 'two', 'firmware': 'uefi'}], network=network)
    assert json.loads((folder / 'rack.json').read_text()) == description
    assert stat.S_IMODE((folder / 'rack.json').stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / 'control.sock').stat().st_mode) == 0o600
    assert (description['network'], description['host']) == (
        (network, '172.30.0.1') if network == 'namespace' else (network, '10.0.2.2'))
    one, two = description['machines']
    assert (one['firmware'], two['firmware'], one['bmc_address'], two['bmc_address']) == (
        'bios', 'uefi', '127.30.0.1', '127.30.0.2')
    for key in ('mac', 'uuid', 'serial', 'password'):
        assert one[key] != two[key]
    assert os.path.getsize(one['disk']) == 4 << 30
    with pytest.raises(errors.Conflict, match='runs in'):
        rack.up(folder, ONE, network='user')
    rack.down(folder)
    rack.down(folder)
    assert proc.is_gone(description['pid'])
    assert not {'rack.json', 'control.sock', 'plan.json'} & set(os.listdir(folder))
    with pytest.raises(errors.NotFound, match='no rack'):
        rack.read(folder)
    if network == 'namespace':
        assert description['namespace'] not in programs.run('ip', 'netns', 'list')


def test_two_racks_of_one_user_do_not_meet(lab, tmp_path):
    _, first = lab(ONE, network='user')
    other = tmp_path / 'other'
    second = rack.up(other, ONE, network='user')
    try:
        assert first['machines'][0]['bmc_port'] != second['machines'][0]['bmc_port']
        assert 'is off' in ipmi(second, 0, 'power', 'status')
        rack.knob(other, 'one', 'lie', 'on')
        assert 'is on' in ipmi(second, 0, 'power', 'status')
        assert 'is off' in ipmi(first, 0, 'power', 'status')
    finally:
        rack.down(other)


def test_knobs_and_faults_by_name(lab):
    folder, description = lab(ONE, network='user')
    rack.knob(folder, 'one', 'stuck', True)
    assert 'Up/On' in ipmi(description, 0, 'power', 'on')
    assert 'is off' in ipmi(description, 0, 'power', 'status')
    rack.link(folder, 'one', is_up=False)
    rack.throttle(folder, 'one', 1000)
    rack.disk_fault(folder, 'one', 1 << 20)
    with pytest.raises(errors.NotFound, match='no machine "eno"; it has: one'):
        rack.knob(folder, 'eno', 'stuck', True)
    with pytest.raises(errors.InvalidParameter, match='no knob "stick"; it has: delay'):
        rack.knob(folder, 'one', 'stick', True)
    with pytest.raises(errors.NotFound, match='the machine is off'):
        rack.console(folder, 'one')
    with pytest.raises(errors.NotFound, match='no machine "eno"'):
        rack.console(folder, 'eno')


@pytest.mark.parametrize(('machines', 'options', 'said'), [
    ([{'name': 'a/b'}], {}, '"a/b" cannot be the name'), ([{'name': 'a'}, {'name': 'a'}], {}, '"a" cannot be the name'),
    ([{}], {}, '"" cannot be the name'), ([{'name': 'a', 'firmware': 'coreboot'}], {}, '"coreboot" is none of bios, uefi'),
    ([{'name': 'a'}], {'network': 'token-ring'}, '"token-ring" is none of namespace, user')])
def test_a_plan_that_makes_no_sense_is_refused(tmp_path, machines, options, said):
    with pytest.raises(errors.InvalidParameter, match=said):
        rack.up(tmp_path, machines, **{'network': 'user', **options})


def test_a_rack_that_cannot_start_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(rack, '_MODULE', 'raise SystemExit("it is broken: {!r}")')
    with pytest.raises(errors.ProgramFailed, match='did not start: it is broken'):
        rack.up(tmp_path, ONE, network='user')
    rack.down(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason='a network namespace needs root')
def test_a_namespace_in_use_is_not_taken_away(lab, tmp_path):
    folder, description = lab(ONE)
    with pytest.raises(errors.Conflict, match=f'{description["namespace"]} is in use by 1 processes'):
        rack.up(tmp_path / 'other', ONE, namespace=description['namespace'])
    assert 'is off' in ipmi(description, 0, 'power', 'status')
    assert rack.status(folder)[0]['name'] == 'one'
