"""Fleets: fifty BMCs on one socket, each itself, to clients of others; and every fault, one by one."""

import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import concurrency, errors
from ingot.cli import main
from ingot.lab.fleet import faults, identity
from ingot.lab.fleet.enrolment import Enrolment
from ingot.lab.fleet.fleet import Fleet
from tests.clients import serve

COUNT = 50
PYGHMI = '''
import json, sys
from pyghmi.ipmi import command
said = []
for number in json.loads(sys.argv[2]):
    bmc = command.Command('127.1.0.%d' % (number + 1), b'ingot', b'fleet-7-%d' % number, port=int(sys.argv[1]))
    said.append([bmc.get_power()['powerstate'], bmc.set_power('on', wait=20).get('powerstate'), bmc.get_power()['powerstate']])
print(json.dumps(said))
'''


@pytest.fixture
def fleet():
    """``fleet(**options)`` starts one of COUNT machines, seed 7, on a free port; it is stopped after the test."""
    fleets = []

    def start(*plan, **options):
        options = {'port': 0, 'seed': 7, **options}
        fleets.append(Fleet(COUNT, faults=faults.read({'faults': list(plan)}, identity.addresses(COUNT), 7), **options))
        fleets[-1].start()
        return fleets[-1]
    yield start
    for one in fleets:
        one.stop()


@pytest.fixture
def talk(console):
    """``talk(fleet, number)``: a console at one BMC; what is not answered within ``seconds`` is None."""
    channels = []

    def connect(fleet, number, seconds=10, **options):
        channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        channels.append(channel)
        channel.settimeout(seconds)
        channel.connect((fleet.addresses[number], fleet.port))

        def exchange(datagram):
            channel.send(datagram)
            try:
                return channel.recv(2048)
            except TimeoutError:
                return None
        access = {'user': identity.USER, 'password': identity.password(fleet.seed, number), **options}
        return console(exchange, **access)
    yield connect
    for channel in channels:
        channel.close()


def ipmitool(fleet, number, *words, suite=17):
    done = subprocess.run(['ipmitool', '-I', 'lanplus', '-H', fleet.addresses[number], '-p', str(fleet.port), '-U', 'ingot',
                           '-P', f'fleet-7-{number}', '-C', str(suite), '-N', '1', '-R', '3', *words],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


# Well.

@pytest.mark.parametrize('suite', [3, 17])
def test_ipmitool_finds_each_machine_behind_its_own_address(fleet, suite):
    all_of_them = fleet()
    for number in (0, 17, COUNT - 1):
        assert str(identity.system(7, number)) in ipmitool(all_of_them, number, 'mc', 'guid', suite=suite)
        assert f'FLEET-{number:05}' in ipmitool(all_of_them, number, 'fru', suite=suite)
        ipmitool(all_of_them, number, 'chassis', 'bootdev', 'pxe', suite=suite)
        ipmitool(all_of_them, number, 'power', 'on', suite=suite)
        assert concurrency.wait_for(lambda number=number: all_of_them.machines[number].booted_from == 'pxe', 20)
    assert [machine.number for machine in all_of_them.machines if machine.is_on] == [0, 17, COUNT - 1]


def test_pyghmi_switches_some_of_them(fleet, python):
    all_of_them, chosen = fleet(), [1, 30, 49]
    assert json.loads(python(PYGHMI, all_of_them.port, json.dumps(chosen))) == [['off', 'on', 'on']] * len(chosen)
    assert [machine.number for machine in all_of_them.machines if machine.is_on] == chosen


def test_a_password_is_good_for_one_bmc_alone(fleet, talk):
    stranger = talk(fleet(), 3, password=identity.password(7, 4))
    assert (stranger.open(), stranger.meet()) == (0, 0)
    assert stranger.prove() != 0


def test_who_listens_is_told_of_power_that_changes(fleet, talk):
    heard = []
    all_of_them = fleet(on_power=lambda number, state: heard.append((number, state)))
    talker = talk(all_of_them, 5).login()
    for order in (1, 1, 3, 2, 0, 0):        # on, on, reset, cycle, off, off
        assert talker.call(0, 2, bytes((order,)))[0] == 0
    assert concurrency.wait_for(lambda: len(heard) >= 6, 20)
    assert heard == [(5, 'on'), (5, 'off'), (5, 'on'), (5, 'off'), (5, 'on'), (5, 'off')]
    assert all_of_them.machines[5].starts == 3


def test_who_listens_and_fails_does_not_silence_the_bmcs(fleet, talk):
    def fail(number, state):
        raise RuntimeError('seeded failure')
    all_of_them = fleet(on_power=fail)
    talker = talk(all_of_them, 5).login()
    assert talker.call(0, 2, b'\x01')[0] == 0
    assert talker.call(0, 1)[1][0] & 1


def test_a_bmc_takes_little_memory():
    script = '''
import resource, sys
from ingot.lab.fleet.fleet import Fleet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fleet = Fleet(int(sys.argv[1]), port=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
'''
    done = subprocess.run([sys.executable, '-c', script, '5000'], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) / 5000 < 3, 'KiB a BMC'


# Faults.

def test_delay(fleet, talk):
    all_of_them = fleet({'bmcs': [2], 'delay': 0.3})
    began = time.monotonic()
    talk(all_of_them, 2).login()
    assert time.monotonic() - began >= 4 * 0.3
    assert all_of_them.bmcs[3].knobs.delay == 0


def test_loss(fleet, talk):
    all_of_them = fleet({'bmcs': [2], 'loss': 0.5}, {'bmcs': [3], 'loss': 1})
    assert not talk_once(talk(all_of_them, 3, 0.3))
    answers = [talk_once(talk(all_of_them, 2, 0.05)) for _ in range(40)]
    assert 0 < sum(answers) < 40


def talk_once(talker):
    """Whether the first datagram of a login is answered."""
    try:
        return talker.open() == 0
    except TypeError:      # None
        return False


def test_silence_that_comes_and_goes(fleet, talk):
    all_of_them = fleet({'bmcs': ['127.1.0.3'], 'silent': True, 'after': 0.2, 'for': 0.5, 'every': 1.0})
    seen = []

    def has_changed():
        seen.append(all_of_them.bmcs[2].knobs.silent)
        return sum(before and not after for before, after in itertools.pairwise(seen)) >= 2
    assert concurrency.wait_for(has_changed, 20, every=0.02)
    assert not all_of_them.bmcs[3].knobs.silent


def test_a_wrong_password(fleet, talk):
    stranger = talk(fleet({'bmcs': [2], 'refuse': True}), 2)
    assert (stranger.open(), stranger.meet()) == (0, 0)
    assert stranger.prove() == 0x0f


def test_sessions_run_out_and_come_back(fleet, talk):
    all_of_them = fleet({'bmcs': [2], 'sessions': 2})
    first, _ = talk(all_of_them, 2).login(), talk(all_of_them, 2).login()
    assert talk(all_of_them, 2).open() == 0x01, 'insufficient resources'
    assert 'insufficient resources' in ipmitool(all_of_them, 2, 'power', 'status').lower()
    assert first.call(0, 1)[0] == 0, 'those that are there are kept'
    assert first.call(6, 0x3c, first.bmc_id.to_bytes(4, 'little'))[0] == 0
    assert concurrency.wait_for(lambda: len(all_of_them.bmcs[2].sessions) < 2, 20)
    assert talk(all_of_them, 2).login().call(0, 1)[0] == 0


def test_sessions_that_were_left_alone_make_room(fleet, talk, monkeypatch):
    all_of_them = fleet({'bmcs': [2], 'sessions': 1})
    talk(all_of_them, 2).login()
    monkeypatch.setattr('ingot.lab.session.INACTIVITY_SECONDS', 0)
    assert talk(all_of_them, 2).open() == 0


def test_a_reset_ends_sessions(fleet, talk):
    all_of_them = fleet()
    talker = talk(all_of_them, 2, 0.3).login()
    all_of_them.turn(2, reset=0.5)
    assert talker.call(0, 1) is None
    assert concurrency.wait_for(lambda: talk_once(talk(all_of_them, 2, 0.3)), 20)
    assert talker.call(0, 1) is None, 'the session is gone for good'


def test_resets_again_and_again(fleet):
    all_of_them = fleet({'bmcs': [2], 'reset': 0.05, 'every': 0.2})
    assert concurrency.wait_for(lambda: all_of_them.bmcs[2].is_deaf, 20, every=0.01)
    assert concurrency.wait_for(lambda: not all_of_them.bmcs[2].is_deaf, 20, every=0.01)
    assert concurrency.wait_for(lambda: all_of_them.bmcs[2].is_deaf, 20, every=0.01)


def test_stuck_slow_and_lying_power(fleet, talk):
    all_of_them = fleet({'bmcs': [1], 'stuck': True}, {'bmcs': [2], 'slow': 0.3}, {'bmcs': [3], 'lie': 'off'})
    for number in (1, 2, 3):
        assert talk(all_of_them, number).login().call(0, 2, b'\x01')[0] == 0
    assert not all_of_them.machines[2].is_on
    assert concurrency.wait_for(lambda: all_of_them.machines[2].is_on and all_of_them.machines[3].is_on, 20)
    assert not all_of_them.machines[1].is_on
    assert talk(all_of_them, 3).login().call(0, 1)[1][0] & 1 == 0, 'it is on, and says off'


def test_half_a_reboot(fleet, talk):
    all_of_them = fleet({'bmcs': [2], 'half': True})
    talker, machine = talk(all_of_them, 2).login(), all_of_them.machines[2]
    for order, is_on in ((1, True), (3, False), (1, True), (0, False), (1, False), (1, True)):
        assert talker.call(0, 2, bytes((order,)))[0] == 0
        assert talker.call(0, 1)[1][0] & 1 == is_on, order
        assert machine.is_on == is_on


@given(st.integers(0, 99_999), st.floats(0, 1), st.integers(1, 300))
def test_the_same_seed_chooses_the_same_share(seed, share, count):
    addresses = identity.addresses(count)
    plan = {'faults': [{'share': share, 'silent': True}, {'share': share, 'stuck': True}]}
    first, again = faults.read(plan, addresses, seed), faults.read(plan, addresses, seed)
    assert first == again
    assert [len(set(fault.numbers)) for fault in first] == [round(share * count)] * 2
    assert all(0 <= number < count for fault in first for number in fault.numbers)


def test_another_seed_and_another_fault_choose_others():
    addresses = identity.addresses(1000)
    plan = {'faults': [{'share': 0.3, 'silent': True}] * 2}
    chosen = {fault.numbers for seed in range(3) for fault in faults.read(plan, addresses, seed)}
    assert len(chosen) == 6


@pytest.mark.parametrize(('plan', 'words'), [
    ([], 'A fault plan is'), ({'faults': [], 'more': 1}, 'A fault plan is'), ({'faults': ['x']}, 'Fault 0 of the plan must be'),
    ({'faults': [{'share': 1}]}, 'has no knob'), ({'faults': [{'share': 2, 'silent': True}]}, 'from 0 to 1'),
    ({'faults': [{'silent': True}, {'loud': True}]}, 'Fault 1 of the plan: A BMC has no knob "loud"; it has: delay, loss'),
    ({'faults': [{'share': 1, 'bmcs': [1], 'silent': True}]}, '"share" or "bmcs"'),
    ({'faults': [{'bmcs': [50], 'silent': True}]}, 'there is no BMC 50; they are 0 to 49'),
    ({'faults': [{'bmcs': ['127.1.0.99'], 'silent': True}]}, "no BMC '127.1.0.99'"),
    ({'faults': [{'loss': 1.5}]}, 'Knob "loss" cannot be 1.5'), ({'faults': [{'reset': True}]}, 'cannot be True'),
    ({'faults': [{'sessions': -1}]}, 'a whole number'), ({'faults': [{'silent': True, 'every': 0}]}, 'are seconds'),
    ({'faults': [{'silent': True, 'after': 'soon'}]}, 'are seconds')])
def test_plans_that_cannot_be(plan, words):
    with pytest.raises(errors.InvalidParameter, match=re.escape(words)):
        faults.read(plan, identity.addresses(COUNT))


@pytest.mark.parametrize(('count', 'first'), [(0, '127.1.0.1'), (2, '127.255.255.255'), (1, '10.0.0.1'), (1, 'here')])
def test_addresses_that_cannot_be(count, first):
    with pytest.raises(errors.InvalidParameter, match='no place in 127'):
        identity.addresses(count, first)


def test_one_plan_has_faults_of_bmcs_and_of_the_machines_behind_them(tmp_path, capsys):
    plan = {'faults': [{'bmcs': [1], 'silent': True}, {'fault': 'dies', 'machines': [2]}]}
    found = faults.read(plan, identity.addresses(3))
    assert [fault.numbers for fault in faults.of_bmcs(found)] == [(1,)]
    assert [fault.fault for fault in faults.of_machines(found)] == ['dies']
    for fault, words in (({'fault': 'dies', 'machines': [3]}, 'Fault 0 of the plan: .*there are 3'),
                         ({'fault': 'sleeps'}, 'Fault 0 of the plan: .*is no fault')):
        with pytest.raises(errors.InvalidParameter, match=words):
            faults.read({'faults': [fault]}, identity.addresses(3))
    (tmp_path / 'plan.json').write_text(json.dumps(plan))
    assert main.main(['fleet', '--count', '3', '--port', '0', '--faults', str(tmp_path / 'plan.json')]) == 1
    assert '--boot' in capsys.readouterr().err


@pytest.mark.parametrize('words', [('--boot', '127.0.0.1:6387'), ('--boot', 'http://127.0.0.1:6387', '--pace', '0')])
def test_whole_machines_that_cannot_be(words, capsys):
    assert main.main(['fleet', '--count', '1', '--port', '0', *words]) == 1
    assert f'{words[-2]} ' in capsys.readouterr().err


@given(st.integers(0, 99_999), st.integers(0, (1 << 24) - 1))
def test_passwords_fit_into_ipmi(seed, number):
    assert len(identity.password(seed, number)) <= 20
    assert re.fullmatch('(?:[0-9a-f]{2}:){5}[0-9a-f]{2}', identity.mac(number))


# The command.

@pytest.fixture
def command(tmp_path):
    """Run ``ingot fleet`` in a process of its own; its first line and the process."""
    processes = []

    def start(*words):
        process = subprocess.Popen([sys.executable, '-m', 'ingot.cli.main', 'fleet', *words], stdout=subprocess.PIPE, text=True,
                                   cwd=tmp_path, env={**os.environ, 'PYTHONPATH': str(pathlib.Path(__file__).parents[2])})
        processes.append(process)
        return process.stdout.readline(), process
    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_command_greets_serves_and_ends_at_a_signal(command, tmp_path):
    (tmp_path / 'plan.json').write_text('{"faults": [{"bmcs": [1], "lie": "on"}]}')
    greeting, process = command('--count', '5', '--port', '0', '--seed', '7', '--faults', 'plan.json')
    assert re.fullmatch(r'Fleet of 5 BMCs at 127.1.0.1 to 127.1.0.5, UDP port \d+, user ingot, '
                        r'passwords fleet-7-0 to fleet-7-4\n', greeting)

    class Running:
        addresses, port = identity.addresses(5), int(re.search(r'port (\d+)', greeting)[1])
    assert 'is off' in ipmitool(Running, 4, 'power', 'status')
    assert 'is on' in ipmitool(Running, 1, 'power', 'status')
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_fleet_is_enrolled_once_and_verified(command, tmp_path):
    with serve.ingot(tmp_path) as (url, _):
        greeting, process = command('--count', '20', '--port', '0', '--enrol', url, '--manage')
        assert process.stdout.readline() == '20 nodes made, 0 were there\n'
        port = int(re.search(r'port (\d+)', greeting)[1])

        def access(number):
            return identity.access(0, number, identity.addresses(22)[number], port)
        assert Enrolment(url, access, 22).run() == (2, 20)
        nodes = concurrency.wait_for(lambda: states(url, 'manageable', 20), 60)
        assert {node['power_state'] for node in nodes} == {'power off'}
        assert {node['name'] for node in nodes} == {identity.name(number) for number in range(20)}


def states(url, state, count):
    request = urllib.request.Request(f'{url}/v1/nodes?provision_state={state}', headers={
        'X-OpenStack-Ironic-API-Version': '1.31'})
    with urllib.request.urlopen(request, timeout=10) as answer:
        nodes = json.load(answer)['nodes']
    return nodes if len(nodes) == count else None


def test_an_api_that_is_not_there_or_refuses(tmp_path, capsys):
    with pytest.raises(errors.HardwareFailure, match='does not answer'):
        Enrolment('http://127.0.0.1:1', lambda number: {}, 3).run()
    with pytest.raises(errors.InvalidParameter, match='is no URL'):
        Enrolment('127.0.0.1', lambda number: {}, 3)
    with serve.ingot(tmp_path, conductor__enabled_drivers='fake-hardware') as (url, _), \
            pytest.raises(errors.HardwareFailure, match='POST /v1/nodes was refused with 4'):
        Enrolment(url, lambda number: {}, 3).run()
    assert main.main(['fleet', 'enrol']) == 1
    assert 'needs the URL' in capsys.readouterr().err
    assert main.main(['fleet', '--faults', str(tmp_path / 'nothing.json')]) == 1
    assert 'cannot be read' in capsys.readouterr().err
