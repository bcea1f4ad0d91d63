"""``ingot allocate`` and ``ingot allocation`` against a whole Ingot; the nodes and devices are rows."""

import json

import pytest

from ingot.db.engine import Database
from tests.db import stock


@pytest.fixture(scope='module', autouse=True)
def nodes(house):
    database = Database(house.conf.database.connection or f'sqlite:///{house.conf.state_dir}/ingot.sqlite')
    stock.fill(database, 4)
    database.close()


def ask(command, *words):
    status, out, err = command(*words, '-o', 'json')
    assert status == 0, err
    return json.loads(out) if out else None


def test_nodes_and_devices_are_asked_for_shown_and_given_back(command):
    words = ('allocate', '--class', 'gold', '--name', 'train', '--pci', 'gpu:2', '--pci', 'slice|card:2,numa=same',
             '--count', '2', '--strategy', 'pack', '--where', 'cpu.count >= 16')
    decided = ask(command, *words, '--dry-run')
    assert [len(one['devices'][0]) for one in decided['candidates']] == [2, 2]
    assert ask(command, 'allocation', 'list') == []
    first, second = ask(command, *words)
    assert (first['state'], first['name'], second['name'], second['gang']) == ('active', 'train-1', 'train-2', first['uuid'])
    assert [len(entry['devices']) for entry in second['pci']] == [2, 2]
    assert {one['uuid'] for one in ask(command, 'allocation', 'list', '--state', 'active')} == {first['uuid'], second['uuid']}
    assert 'train-2' in command('allocation', 'show', 'train-2')[1]
    assert command('allocation', 'delete', 'train-1', '--gang') == (0, '', '')
    assert ask(command, 'allocation', 'list') == []


def test_why_there_is_none(command):
    status, out, err = command('allocate', '--class', 'gold', '--pci', 'gpu:3', '--why')
    assert (status, 'gpu' in err, 'would help' in err) == (1, True, True)
    assert 'error' in out
    status, _, err = command('allocate', '--class', 'silver', '--dry-run', '--why')
    assert (status, 'silver' in err) == (1, True)
    assert command('allocate', '--class', 'gold', '--pci', 'tpu')[0] == 3


@pytest.mark.parametrize('word', ['gpu:x', ':2', 'gpu:1,numa=other', 'gpu:-1'])
def test_what_is_no_request_for_devices_is_refused_here(command, word):
    status, _, err = command('allocate', '--class', 'gold', '--pci', word)
    assert (status, 'expected FLAVOR' in err) == (2, True)
