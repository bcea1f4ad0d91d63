"""``ingot resource-class``, ``ingot node backfill`` and ``ingot placement`` against a whole Ingot."""

import json

import pytest


@pytest.fixture
def nodes(command):
    made = []
    for name, cpus in (('backfill-1', 4), ('backfill-2', 64)):
        assert command('node', 'create', '--driver', 'fake-hardware', '--name', name, '-p', f'cpus={cpus}')[0] == 0
        made.append(name)
    yield made
    for name in made:
        assert command('node', 'delete', name)[0] == 0


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / 'rules.json'
    file.write_text(json.dumps([
        {'conditions': [{'op': 'gt', 'args': {'values': ['{node[properties][cpus]}', 32]}}],
         'set': {'resource_class': 'cli-large', 'traits': ['CUSTOM_LARGE']}},
        {'set': {'resource_class': 'cli-small'}}]))
    return str(file)


def test_nodes_get_what_they_lack(command, nodes, rules):
    status, out, _ = command('node', 'backfill', rules, '--dry-run')
    assert (status, '2 would be changed, 0 not' in out) == (0, True)
    assert json.loads(command('resource-class', 'list', '-o', 'json')[1]) == [
        {'name': None, 'nodes': 2, 'available': 0, 'allocated': 0, 'unavailable': 2}]
    status, out, _ = command('node', 'backfill', rules, '-o', 'json')
    found = json.loads(out)
    assert (status, found['changed'], [node['rule'] for node in found['nodes']]) == (0, 2, [1, 0])
    assert [one['name'] for one in json.loads(command('resource-class', 'list', '-o', 'json')[1])] == ['cli-large', 'cli-small']
    assert 'cli-large' in command('resource-class', 'list')[1]
    status, out, _ = command('node', 'backfill', rules)
    assert (status, '0 changed, 1 not' in out) == (0, True), 'one has no traits, and no rule that gives it any'


def test_rules_that_are_none_are_refused(command, tmp_path):
    file = tmp_path / 'rules.json'
    assert command('node', 'backfill', str(file))[0] == 2
    file.write_text('{')
    status, _, err = command('node', 'backfill', str(file))
    assert (status, 'is no JSON' in err) == (2, True)
    file.write_text('[{"set": {"owner": "me"}}]')
    status, _, err = command('node', 'backfill', str(file))
    assert (status, 'rules/0/set' in err) == (3, True)


def test_nobody_is_told(command):
    status, out, _ = command('placement', 'status')
    assert (status, 'neither endpoint nor cloud' in out) == (0, True)
    assert json.loads(command('placement', 'status', '-o', 'json')[1])['enabled'] is False
