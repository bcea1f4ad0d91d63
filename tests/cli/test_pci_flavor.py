"""``ingot device`` and ``ingot pci-flavor`` against a whole Ingot with fake machines."""

import json

import pytest
import yaml

NOVA = '''[pci]
device_spec = {"vendor_id": "10de", "group": "a"}
alias = {"name": "%s", "vendor_id": "10de", "device_type": "type-PCI"}
'''


@pytest.fixture(scope='module')
def information(house, tmp_path_factory):
    """The file of what hosts offer: graphics processors."""
    path = tmp_path_factory.mktemp('pci') / 'pci.yaml'
    path.write_text('default:\n- match: {vendor_id: "10de"}\n')
    house.conf.set_override('information', str(path), 'pci')
    return path


@pytest.fixture(scope='module')
def inspected(information):
    """Names of nodes that were made here already."""
    return set()


@pytest.fixture
def node(command, inspected):
    """A node that is available, and was inspected."""
    if not inspected:
        ask(command, 'node', 'create', '--driver', 'fake-hardware', '--name', 'cards', '--mac', '52:54:00:00:78:01')
        for verb in ('manage', 'inspect', 'provide'):
            ask(command, 'node', verb, 'cards', '--wait', '60')
        inspected.add('cards')
    return 'cards'


def ask(cli, *words):
    status, out, err = cli(*words, '-o', 'json')
    assert status == 0, err
    return json.loads(out) if out else None


def test_devices_are_enabled_drained_and_labelled(command, node):
    addresses = [one['address'] for one in ask(command, 'device', 'list', node) if one['offered']]
    assert '0000:17:00.0' in addresses
    assert {one['state'] for one in ask(command, 'device', 'enable', node, *addresses)} == {'ready'}
    assert [one['address'] for one in ask(command, 'device', 'list', '--state', 'ready')] == addresses
    [device] = ask(command, 'device', 'label', node, addresses[0], '--add', 'pool=a', '--add', 'slot=3')
    assert device['labels'] == {'pool': 'a', 'slot': 3}
    [device] = ask(command, 'device', 'label', node, addresses[0], '--remove', 'pool')
    assert device['labels'] == {'slot': 3}
    [device] = ask(command, 'device', 'drain', node, addresses[0], '--reason', 'Its fan is loud.')
    assert (device['state'], device['state_reason']) == ('not_ready', 'Its fan is loud.')
    [shown] = ask(command, 'device', 'show', node, addresses[0])
    assert shown['uuid'] == device['uuid']
    assert '0000:17:00.0' in command('device', 'list', node)[1]


def test_what_the_host_keeps_is_refused_with_the_reason(command, node):
    status, _, err = command('device', 'enable', node, '0000:00:03.0')
    assert status == 3
    assert 'the node boots from it over the network' in err


def test_a_flavor_is_previewed_made_changed_and_deleted(command, node):
    if ask(command, 'device', 'show', node, '0000:17:00.0')[0]['state'] == 'not_ready':
        ask(command, 'device', 'enable', node, '0000:17:00.0')
    found = ask(command, 'pci-flavor', 'preview', '--match', 'vendor_id=10de,link_width=16')
    assert found['matching'] > 0
    assert found['available'] >= 1
    assert 'can be had now' in command('pci-flavor', 'preview', '--match', 'vendor_id=10de')[1]
    [made] = ask(command, 'pci-flavor', 'create', 'gpu', '--match', 'vendor_id=10de', '--match', '{"product_id": "1592"}')
    assert made['match'] == [{'vendor_id': '10de'}, {'product_id': '1592'}]
    assert len(ask(command, 'device', 'list', node, '--flavor', 'gpu')) >= 2
    capacity = json.loads(command('pci-flavor', 'capacity', 'gpu')[1])
    assert capacity['satisfiable'] >= 1
    status, out, err = command('pci-flavor', 'set', 'gpu', '--match', '{"max_link_width": {">": 16}}', '--description', 'wide')
    assert (status, 'none has max_link_width > 16; the nearest has 16' in err, 'wide' in out) == (0, True, True)
    assert [one['name'] for one in ask(command, 'pci-flavor', 'list')] == ['gpu']
    assert ask(command, 'pci-flavor', 'show', 'gpu')[0]['uuid'] == made['uuid']
    assert command('pci-flavor', 'delete', 'gpu') == (0, '', '')
    assert command('pci-flavor', 'show', 'gpu')[0] == 3


@pytest.mark.parametrize('words', ['vendor_id', '{"vendor_id": ', 'link_width=wide', '=1'])
def test_a_match_that_is_none_is_wrong_usage(command, words):
    assert command('pci-flavor', 'preview', '--match', words)[0] == 2


def test_novas_flavors_and_list_are_shown_then_made(command, tmp_path):
    conf, listing = tmp_path / 'nova.conf', tmp_path / 'pci.yaml'
    conf.write_text(NOVA % 'from-nova')
    status, out, _ = command('pci-flavor', 'import', str(conf), '--dry-run')
    assert status == 0
    assert list(yaml.safe_load_all(out.replace('# PCI flavors:', '---'))) == [
        {'default': [{'match': [{'vendor_id': '10de'}], 'extra_info': {'group': 'a'}}]},
        [{'name': 'from-nova', 'match': [{'vendor_id': '10de', 'function': None}], 'description': 'Alias from-nova of Nova.'}]]
    assert command('pci-flavor', 'show', 'from-nova')[0] == 3
    assert command('pci-flavor', 'import', str(conf), '--write', str(listing))[0] == 0
    assert yaml.safe_load(listing.read_text())['default'][0]['extra_info'] == {'group': 'a'}
    assert ask(command, 'pci-flavor', 'show', 'from-nova')[0]['match'] == [{'vendor_id': '10de', 'function': None}]
    conf.write_text(NOVA % 'other')
    assert command('pci-flavor', 'import', str(conf), '--write', str(listing))[0] == 2, 'no file is overwritten'
    assert command('pci-flavor', 'show', 'other')[0] == 3


def test_nothing_is_made_of_a_file_that_has_something_without_translation(command, tmp_path):
    conf = tmp_path / 'nova.conf'
    conf.write_text(NOVA % 'half' + 'device_spec = {"devname": "eth3"}\n')
    status, _, err = command('pci-flavor', 'import', str(conf))
    assert (status, 'not translated: device_spec 2: devname' in err) == (1, True)
    assert command('pci-flavor', 'show', 'half')[0] == 3
    assert command('pci-flavor', 'import', str(conf), '--skip-refused')[0] == 1
    assert command('pci-flavor', 'show', 'half')[0] == 0
