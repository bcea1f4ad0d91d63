"""``ingot queue`` against a whole Ingot with fake machines."""

import json

import pytest

from ingot import concurrency


@pytest.fixture
def cli(command):
    """As ``command``; nothing is limited afterwards."""
    yield command
    command('queue', 'unset')


def ask(cli, *words):
    status, out, err = cli(*words, '-o', 'json')
    assert status == 0, err
    return json.loads(out) if out else None


def test_a_policy_is_set_bit_by_bit_and_forgotten(cli):
    [policy] = ask(cli, 'queue', 'set', '--max-in-flight', '3', '--pause-on-failure-ratio', '0.5')
    assert (policy['scope'], policy['max_in_flight'], policy['pause_on_failure_ratio'], policy['mode']) == (
        'global', 3, 0.5, 'parallel')
    [policy] = ask(cli, 'queue', 'set', '--mode', 'rolling', '--pause-on-failure-ratio', 'none', '--order', 'fifo')
    assert (policy['max_in_flight'], policy['pause_on_failure_ratio'], policy['mode'], policy['order']) == (
        3, None, 'rolling', 'fifo')
    ask(cli, 'queue', 'set', '--group', 'rack1', '--points', '4')
    assert [one['scope'] for one in ask(cli, 'queue', 'policies')] == ['global', 'rack1']
    assert 'rack1' in cli('queue', 'policies')[1]
    assert cli('queue', 'unset', '--group', 'rack1') == (0, '', '')
    assert cli('queue', 'unset', '--group', 'rack1')[0] == 3
    assert cli('queue', 'resume') == (0, '', '')
    assert cli('queue', 'unset') == (0, '', '')
    [policy] = ask(cli, 'queue', 'policies')
    assert (policy['max_in_flight'], policy['mode'], policy['order']) == (None, 'parallel', 'fair')


def test_what_is_no_number_is_refused_here_and_what_is_no_share_there(cli):
    assert cli('queue', 'set', '--points', 'many')[0] == 2
    status, _, err = cli('queue', 'set', '--pause-on-failure-ratio', '7')
    assert (status, 'expected a number from 0 to 1' in err) == (3, True)


def test_what_waits_is_shown_and_begins_when_it_may(cli):
    ask(cli, 'node', 'create', '--driver', 'fake-hardware', '--name', 'waits', '--mac', '52:54:00:00:77:01')
    for verb in ('manage', 'provide'):
        ask(cli, 'node', verb, 'waits', '--wait', '60')
    ask(cli, 'queue', 'set', '--max-in-flight', '0')
    assert cli('node', 'deploy', 'waits', '--image', 'file:///image')[0] == 0
    [entry] = ask(cli, 'queue', 'list', '--node', 'waits')
    assert (entry['position'], entry['flow'], entry['reason']) == (1, 'deploy', '0 of 0 are in flight ("global").')
    assert 'deploy' in cli('queue', 'list')[1]
    ask(cli, 'queue', 'set', '--max-in-flight', 'none')
    assert concurrency.wait_for(lambda: ask(cli, 'node', 'show', 'waits')['provision_state'] == 'active', 60)
    assert ask(cli, 'queue', 'list') == []
