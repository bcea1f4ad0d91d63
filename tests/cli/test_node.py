"""``ingot node``, every command with its exit status, against a whole Ingot with fake machines."""

import functools
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from ingot import concurrency

_numbers = itertools.count(1)


@pytest.fixture
def cli(command):
    """Runs ``ingot node WORDS``: (exit status, standard output, standard error)."""
    return functools.partial(command, 'node')


@pytest.fixture
def ask(cli):
    """Runs a command that must do well, with -o json; returns what it prints, parsed."""
    def run(*words):
        status, out, err = cli(*words, '-o', 'json')
        assert status == 0, err
        return json.loads(out) if out else None
    return run


@pytest.fixture
def node(ask):
    """Makes a node of a fake machine that misbehaves as told, and brings it to ``state``; returns its name."""
    def make(state='enroll', **fake):
        number = next(_numbers)
        name = f'node-{number}'
        ask('create', '--driver', 'fake-hardware', '--name', name, '--mac', f'52:54:00:00:00:{number:02x}',
            '-d', f'fake={json.dumps(fake)}', '-p', 'cpus=4', '--resource-class', 'gold')
        verbs = ['manage', 'provide', 'deploy']
        for verb in verbs[:('enroll', 'manageable', 'available', 'active').index(state)]:
            ask(verb, name, '--wait', '60')
        assert ask('show', name)['provision_state'] == state
        return name
    return make


def test_create_show_list_delete(cli, ask, node):
    name = node()
    shown = ask('show', name)
    assert (shown['driver'], shown['properties'], shown['resource_class']) == ('fake-hardware', {'cpus': 4}, 'gold')
    assert ['uuid', shown['uuid']] in [line.split() for line in cli('show', name)[1].splitlines()]
    assert {'uuid': shown['uuid'], 'name': name, 'power_state': None, 'provision_state': 'enroll',
            'maintenance': False} in ask('list')
    assert name in cli('list')[1]
    assert cli('delete', name) == (0, '', '')
    assert cli('show', name)[0] == 3


def test_one_life_of_a_machine(cli, ask, node):
    name = node('active')
    assert ask('power', name, 'status') == {'power_state': 'power on'}
    assert cli('power', name, 'off')[0] == 0
    assert concurrency.wait_for(lambda: ask('power', name, 'status') == {'power_state': 'power off'}, 60)
    status, out, _ = cli('rebuild', name, '--image', 'file:///other', '--checksum', 'a' * 128, '--wait')
    assert (status, 'active' in out) == (0, True)
    info = ask('show', name)['instance_info']
    assert (info['image_source'], info['image_os_hash_algo']) == ('file:///other', 'sha512')
    assert cli('undeploy', name, '--wait')[0] == 0
    assert ask('show', name)['provision_state'] == 'available'
    assert cli('manage', name, '--wait')[0] == 0
    assert cli('inspect', name, '--wait')[0] == 0
    assert ask('show', name)['properties']['memory_mb'] == 131072


def test_the_config_drive_has_what_was_asked_for(house, ask, node, tmp_path):
    key, data = tmp_path / 'key.pub', tmp_path / 'user-data'
    key.write_text('ssh-ed25519 AAAA me\n')
    data.write_text('#cloud-config\n')
    name = node('available')
    ask('deploy', name, '--image', 'file:///i', '--hostname', 'web', '--user-data', str(data), '--ssh-key', str(key), '--wait')
    assert ask('show', name)['instance_info']['image_source'] == 'file:///i'


def test_validate_says_what_is_missing_with_status_1(cli, ask):
    assert ask('create', '--driver', 'ipmi', '--name', 'lacking')['driver'] == 'ipmi'
    status, out, _ = cli('validate', 'lacking', '-o', 'json')
    results = {row['interface']: row for row in json.loads(out)}
    assert (status, results['power']['result'], results['inspect']['result']) == (1, False, True)
    assert 'ipmi_address' in results['power']['reason']


def test_validate_of_a_good_node_is_status_0(cli, node):
    status, out, _ = cli('validate', node())
    assert (status, out.split()[:3]) == (0, ['interface', 'result', 'reason'])


def test_without_wait_the_work_goes_on_alone(cli, ask, node):
    name = node('available', **{'deploy.fetch': {'delay': 0.3}})
    assert ask('deploy', name)['provision_state'] == 'deploying'
    assert concurrency.wait_for(lambda: ask('show', name)['provision_state'] == 'active', 60)


@pytest.mark.parametrize(('verb', 'state', 'fake', 'reason'), [
    ('manage', 'enroll', 'power.state', 'read power state'), ('deploy', 'available', 'deploy.fetch', 'fetch image'),
    ('inspect', 'manageable', 'inspect.inventory', 'ask BMC')])
def test_wait_tells_why_the_work_failed_with_status_1(cli, node, verb, state, fake, reason):
    name = node(state, **{fake: {'fail': 'the fuse is blown'}})
    status, _, err = cli(verb, name, '--wait', '60')
    assert status == 1
    assert name in err
    assert reason in err
    assert 'the fuse is blown' in err


def test_wait_that_runs_out_is_status_5_soon(cli, node):
    name = node('available', **{'deploy.machine_report': {'silent': True}})
    began = time.monotonic()
    status, _, err = cli('deploy', name, '--wait', '1')
    assert (status, 'Not there after 1 s' in err, name in err) == (5, True, True)
    assert time.monotonic() - began < 10
    assert cli('abort', name)[0] == 0


def test_abort_ends_in_failed_and_tells_the_reason(cli, ask, node):
    name = node('available', **{'deploy.machine_report': {'silent': True}})
    assert cli('deploy', name)[0] == 0
    assert concurrency.wait_for(lambda: ask('show', name)['provision_state'] == 'wait call-back', 60)
    assert cli('abort', name)[0] == 0
    assert concurrency.wait_for(lambda: ask('show', name)['provision_state'] == 'deploy failed', 60)
    assert 'aborted on request' in ask('show', name)['last_error']


@pytest.mark.parametrize('words', [
    ['show', 'nobody'], ['delete', 'nobody'], ['validate', 'nobody'], ['power', 'nobody', 'on'], ['manage', 'nobody'],
    ['power', 'nobody', 'status'], ['deploy', 'nobody', '--wait'], ['abort', 'nobody']])
def test_no_such_node_is_status_3(cli, words):
    status, out, err = cli(*words)
    assert (status, out) == (3, '')
    assert 'Node nobody could not be found' in err


@pytest.mark.parametrize('verb', ['deploy', 'rebuild', 'provide', 'undeploy', 'inspect', 'abort'])
def test_a_verb_in_the_wrong_state_is_status_3_and_says_what_is_possible(cli, node, verb):
    status, _, err = cli(verb, node())
    assert status == 3
    assert 'possible now: manage' in err


def test_a_refusal_has_its_remedy(cli, node):
    name = node('active')
    status, _, err = cli('delete', name)
    assert (status, 'Remedy: Undeploy it' in err) == (3, True)


@pytest.mark.parametrize('words', [
    [], ['fly'], ['show'], ['power', 'n', 'sideways'], ['deploy', 'n', '--wait', 'long'], ['create'],
    ['create', '--driver', 'fake-hardware', '-d', 'lonely'], ['list', '-o', 'xml']])
def test_wrong_usage_is_status_2(cli, words):
    assert cli(*words)[0] == 2


@pytest.mark.parametrize('option', ['--user-data', '--ssh-key'])
def test_a_file_that_cannot_be_read_is_status_2_and_nothing_is_changed(cli, ask, node, tmp_path, option):
    name = node('available')
    (tmp_path / 'binary').write_bytes(b'\xff\xfe\x00')
    for file, reason in ((tmp_path / 'nowhere', 'No such file'), (tmp_path / 'binary', 'not text')):
        status, _, err = cli('deploy', name, '--image', 'file:///i', option, str(file))
        assert (status, reason in err) == (2, True)
    shown = ask('show', name)
    assert (shown['provision_state'], shown['instance_info']) == ('available', {})


def test_create_is_all_or_nothing(cli, node):
    node()
    status, _, err = cli('create', '--driver', 'fake-hardware', '--name', 'half', '--mac', '52:54:00:00:01:01', '--mac', 'x')
    assert status == 3
    assert 'address' in err
    assert cli('show', 'half')[0] == 3


def test_no_answer_is_status_4(cli, monkeypatch):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        monkeypatch.setenv('INGOT_URL', f'http://127.0.0.1:{taken.getsockname()[1] + 0}')
        taken.close()
        for words in (['list'], ['deploy', 'n', '--wait'], ['abort', 'n']):
            status, _, err = cli(*words)
            assert (status, 'no answer from the API' in err) == (4, True)


def mind_sigint():
    """Tests that run in the background are told to ignore it, and so would be what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupted_while_it_waits(house, cli, ask, node):
    """Ctrl-C ends the command, not the deployment."""
    name = node('available', **{'deploy.machine_report': {'silent': True}})
    process = subprocess.Popen([sys.executable, '-m', 'ingot.cli.main', 'node', 'deploy', name, '--wait'],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
                               preexec_fn=mind_sigint)
    try:
        assert concurrency.wait_for(lambda: ask('show', name)['provision_state'] == 'wait call-back', 60)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, 'Traceback' in err) == (130, False)
    assert ask('show', name)['provision_state'] == 'wait call-back'
    assert cli('abort', name)[0] == 0


def test_a_reader_that_hangs_up_is_no_error(cli, node):
    node()
    process = subprocess.run(f'set -o pipefail; {sys.executable} -m ingot.cli.main node list | true', shell=True,
                             executable='/bin/bash', capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, '')
