"""The BMC against the clients that matter: ipmitool and pyghmi."""

import json

import pytest

from ingot import concurrency

SUITES = pytest.mark.parametrize('suite', [3, 17])


@SUITES
def test_ipmitool_reads(ipmitool, machine, suite):
    for words, expected in (
            ('mc info', 'IPMI Version              : 2.0'), ('mc selftest', 'Selftest: passed'),
            ('mc guid', str(machine.uuid)), ('power status', 'Chassis Power is off'),
            ('chassis status', 'System Power         : off'), ('sdr', 'System Temp      | 21 degrees C      | ok'),
            ('sensor', 'Fan 1            | 0.000      | RPM        | ok'), ('fru', f'Product Serial        : {machine.serial}'),
            ('sel', 'Entries          : 0'), ('channel getciphers ipmi 1', 'hmac_sha256     sha256_128      aes_cbc_128'),
            ('chassis bootparam get 5', 'Boot Flag Invalid')):
        status, said = ipmitool(*words.split(), suite=suite)
        assert status == 0, said
        assert expected in said


@SUITES
def test_ipmitool_switches(ipmitool, machine, suite):
    for words, is_on in (('on', True), ('cycle', True), ('reset', True), ('soft', False), ('on', True), ('off', False)):
        assert ipmitool('power', words, suite=suite)[0] == 0
        assert concurrency.wait_for(lambda want=is_on: machine.is_on == want, 20), words
    status, said = ipmitool('power', 'cycle', suite=suite)
    assert status != 0
    assert 'not supported in present state' in said


@SUITES
def test_ipmitool_chooses_the_boot_device(ipmitool, machine, suite):
    for words, expected in (('pxe', ('pxe', False, False)), ('disk options=persistent', ('disk', True, False)),
                            ('cdrom options=efiboot', ('cdrom', False, True)), ('bios', ('bios', False, False)),
                            ('safe options=persistent,efiboot', ('safe', True, True))):
        status, said = ipmitool('chassis', 'bootdev', *words.split(), suite=suite)
        assert status == 0, said
        assert (machine.boot.device, machine.boot.is_persistent, machine.boot.is_uefi) == expected
    assert 'Options apply to all future boots' in ipmitool('chassis', 'bootparam', 'get', '5', suite=suite)[1]
    assert ipmitool('chassis', 'bootdev', 'none', suite=suite)[0] == 0
    assert machine.boot.device is None


@SUITES
def test_ipmitool_without_the_right_password_user_or_privilege(ipmitool, machine, suite):
    for options in ({'password': 'wrong'}, {'user': 'nobody'}):
        status, said = ipmitool('power', 'on', suite=suite, **options)
        assert status != 0
        assert 'Unable to establish' in said
    status, said = ipmitool('power', 'on', suite=suite, options=('-L', 'USER'))
    assert status != 0
    assert 'Insufficient privilege' in said
    assert machine.history == []


def test_ipmitool_other_suites_do_not_get_in(ipmitool, machine):
    for suite in (0, 1, 2, 15, 16):
        assert ipmitool('power', 'on', suite=suite)[0] != 0
    assert machine.history == []


@SUITES
def test_ipmitool_resets_the_bmc_and_the_machine_runs_on(ipmitool, machine, suite):
    assert ipmitool('power', 'on', suite=suite)[0] == 0
    assert ipmitool('mc', 'reset', 'cold', suite=suite)[0] == 0
    assert 'is on' in ipmitool('power', 'status', suite=suite)[1]
    assert [action for action, _ in machine.history] == ['on']


PYGHMI = '''
import json, sys
from pyghmi.ipmi import command
bmc = command.Command(sys.argv[1], b'admin', b'a secret of 20 bytes', port=int(sys.argv[2]))
said = {'suite': 17 if bmc.ipmi_session.attemptedhash == 256 else 3, 'first': bmc.get_power()}
for device in ('network', 'hd', 'optical', 'setup', 'safe'):
    bmc.set_bootdev(device, persist=device == 'hd', uefiboot=device == 'optical')
    said[device] = bmc.get_bootdev()
bmc.set_bootdev('network')
said['on'] = bmc.set_power('on', wait=10)
said['after'] = bmc.get_bootdev()
said['reset'] = bmc.set_power('reset')
said['sensors'] = {reading.name: [reading.value, reading.units, reading.type] for reading in bmc.get_sensor_data()}
said['inventory'] = dict(bmc.get_inventory())['System']
said['firmware'] = list(bmc.get_firmware())
said['health'] = bmc.get_health()
said['soft'] = bmc.set_power('shutdown', wait=10)
bmc.reset_bmc()
print(json.dumps(said, default=str))
'''
PYGHMI_WRONG = '''
import sys
from pyghmi.ipmi import command
try:
    command.Command(sys.argv[1], b'admin', b'wrong', port=int(sys.argv[2]))
except Exception as error:
    print(error)
'''


def test_pyghmi(server, machine, python):
    server.add('127.30.9.2', machine, 'admin', 'a secret of 20 bytes')
    said = json.loads(python(PYGHMI, '127.30.9.2', server.port))
    assert said['suite'] == 17
    assert said['first'] == {'powerstate': 'off'}
    for device in ('network', 'hd', 'optical', 'setup', 'safe'):
        assert said[device] == {'bootdev': device, 'persistent': device == 'hd', 'uefimode': device == 'optical'}
    assert said['on'] == {'powerstate': 'on'}
    assert said['after']['bootdev'] == 'default'
    assert said['sensors'] == {'System Temp': [38.0, '°C', 'Temperature'], 'Fan 1': [3600.0, 'RPM', 'Fan']}
    assert said['inventory']['Serial Number'] == machine.serial
    assert said['inventory']['UUID'].lower() == str(machine.uuid)
    assert said['firmware'][0][1] == {'version': '1.0'}
    assert said['health']['health'] == 0
    assert said['soft'] == {'powerstate': 'off'}
    assert machine.history == [('on', 'pxe'), ('reset', None), ('soft off', None)]


def test_pyghmi_with_a_wrong_password(server, machine, python):
    server.add('127.30.9.2', machine, 'admin', 'a secret of 20 bytes')
    assert 'Incorrect password' in python(PYGHMI_WRONG, '127.30.9.2', server.port)


def test_pyghmi_when_the_bmc_refuses_everybody(server, machine, python):
    bmc = server.add('127.30.9.2', machine, 'admin', 'a secret of 20 bytes')
    bmc.turn('refuse', True)
    assert 'Incorrect password' in python(PYGHMI_WRONG.replace("b'wrong'", "b'a secret of 20 bytes'"), '127.30.9.2', server.port)


@SUITES
def test_ipmitool_gets_through_a_network_that_loses_a_tenth(ipmitool, suite):
    ipmitool.bmc.turn('loss', 0.1)
    assert any(ipmitool('power', 'status', suite=suite)[0] == 0 for _ in range(5))


def test_ipmitool_and_the_knobs(ipmitool, machine):
    ipmitool.bmc.turn('stuck', True)
    assert ipmitool('power', 'on')[0] == 0
    assert 'is off' in ipmitool('power', 'status')[1]
    ipmitool.bmc.turn('lie', 'on')
    assert 'is on' in ipmitool('power', 'status')[1]
    ipmitool.bmc.turn('refuse', True)
    assert ipmitool('power', 'status')[0] != 0
    ipmitool.bmc.turn('refuse', False)
    ipmitool.bmc.turn('silent', True)
    assert ipmitool('power', 'status', options=('-N', '1', '-R', '1'))[0] != 0
    assert machine.history == []
