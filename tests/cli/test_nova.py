"""Nova's [pci] section in our words: what can be translated means the same, and what cannot is named."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingot import errors
from ingot.cli import nova
from ingot.scheduler import match, offer

CONF = r'''
[DEFAULT]
debug = true
pci_passthrough_whitelist = [{"vendor_id": "8086", "product_id": "1515"}]

[pci]
# An oslo.config file: the option is repeated.
device_spec = {"vendor_id": "10DE", "product_id": "20f1", "address": "0000:17:00.*", "group": "a"}
device_spec = {"address": {"domain": ".*", "bus": "02", "slot": "0[1-2]", "function": "[0-7]"}, "physical_network": "net1",
  "trusted": "true"}
passthrough_whitelist = {"devname": "eth3", "physical_network": "net2"}
alias = {"name": "big", "vendor_id": "10de", "product_id": "20f1", "device_type": "type-PCI", "numa_policy": "required"}
alias = {"name": "big", "vendor_id": "10de", "product_id": "20b5", "device_type": "type-PCI"}
alias = {"name": "vf", "product_id": "1515", "device_type": "type-VF"}
'''


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'nova.conf'
    path.write_text(CONF)
    return path


def of(**texts):
    return nova.translate({'device_spec': [], 'alias': [], **texts})


def test_a_whole_file(path):
    found = nova.translate(nova.read(path))
    assert found.entries == [
        {'match': [{'vendor_id': '10de', 'product_id': '20f1', 'address': {'glob': '0000:17:00.*'}}],
         'extra_info': {'group': 'a'}},
        {'match': [{'address': {'glob': '*:02:01.*'}}, {'address': {'glob': '*:02:02.*'}}],
         'extra_info': {'physical_network': 'net1', 'trusted': True}},
        {'match': [{'vendor_id': '8086', 'product_id': '1515'}]}]
    assert found.flavors == [
        {'name': 'big', 'description': 'Alias big of Nova.', 'match': [
            {'vendor_id': '10de', 'product_id': '20f1', 'function': None},
            {'vendor_id': '10de', 'product_id': '20b5', 'function': None}]},
        {'name': 'vf', 'description': 'Alias vf of Nova.', 'match': [{'product_id': '1515', 'function': 'vf'}]}]
    [refused] = found.refused
    assert refused == "device_spec 3: devname 'eth3' is the name of an interface on a hypervisor. Remedy: Name the card by its " \
        "address."
    assert any('numa_policy required' in note for note in found.notes)
    offer.Information({'default': found.entries})


@pytest.mark.parametrize(('address', 'meant'), [
    ('*', ['*']), ('0000:0a:00.1', ['0000:0a:00.1']), ('0a:00.1', ['*:0a:00.1']), (':0a:00.', ['*:0a:00.*']),
    ('a:0.1', ['*:0a:00.1']),
    ('*:0a:00.*', ['*:0a:00.*']), ({'bus': '0a', 'slot': '00', 'function': '(1|2)', 'domain': '0000'},
                                   ['0000:0a:00.1', '0000:0a:00.2']),
    ({'bus': '0a'}, ['*:0a:*.*']), ({'bus': '0a', 'function': '[0-7]'}, ['*:0a:*.*'])])
def test_addresses(address, meant):
    [entry] = of(device_spec=[nova.json.dumps({'address': address})]).entries
    conditions = [each['address'] for each in entry['match']]
    if isinstance(conditions[0], list):
        [conditions] = conditions
    assert [one['glob'] if isinstance(one, dict) else one for one in conditions] == meant


@given(some.fixed_dictionaries({
    'domain': some.sampled_from(['.*', '0000', '000[0-1]']), 'bus': some.sampled_from(['.*', '3b', '3[b-d]', '0', '(3b|5e)']),
    'slot': some.sampled_from(['.*', '00', '0[0-3]', '1']), 'function': some.sampled_from(['.*', '[0-7]', '[^3]', '0|1', '5'])}),
    some.tuples(some.sampled_from(['0000', '0001', '0002']), some.sampled_from(['3b', '3c', '5e', '0a']),
                some.sampled_from(['00', '01', '03', '1f']), some.integers(0, 7)))
def test_regular_expressions_mean_the_same_addresses_or_are_refused(expressions, address):
    domain, bus, slot, function = address
    found = of(device_spec=[nova.json.dumps({'address': expressions})])
    if found.refused:
        assert 'at most 64' in found.refused[0]
        return
    values = {'domain': domain, 'bus': bus, 'slot': slot, 'function': str(function)}
    wanted = all(re.match(expression, values[name]) for name, expression in expressions.items())
    means = match.compiled(found.entries[0]['match'])
    assert means({'address': f'{domain}:{bus}:{slot}.{function}'}) == wanted


@pytest.mark.parametrize(('what', 'text', 'words'), [
    ('device_spec', '{"vendor_id": ', 'is no JSON'), ('device_spec', '["8086"]', 'expected an object'),
    ('device_spec', '{"vendor_id": "808"}', '4 hexadecimal digits'), ('device_spec', '{"address": "0:0:0:0.0"}', 'is none'),
    ('device_spec', '{"address": "0000:0a:20.0"}', "slot '20' is none"),
    ('device_spec', '{"address": {"bus": "("}}', 'is no regular'),
    ('device_spec', '{"address": {"bus": "zz"}}', 'means no device'),
    ('device_spec', '{"address": {"lane": "1"}}', 'neither text'),
    ('device_spec', '{"address": {"bus": "[0-9a-f][0-7]", "slot": "0[0-3]"}}', 'at most 64'),
    ('device_spec', '{"address": {"bus": "%s"}}' % ('(a+)+' * 30), 'at most 100 characters'),
    ('device_spec', '{"vendor_id": "8086", "driver": "x"}', 'driver is an attribute'),
    ('alias', '{"vendor_id": "8086"}', 'name'), ('alias', '{"name": "a b", "vendor_id": "8086"}', 'is none for a flavor'),
    ('alias', '{"name": "a", "device_type": "type-VDPA"}', 'device_type')])
def test_what_has_no_translation_is_named(what, text, words):
    found = of(**{what: [text]})
    assert found.entries == found.flavors == []
    [refused] = found.refused
    assert words in refused
    assert what in refused


def test_what_differs_is_noted():
    found = of(device_spec=['{"physical_network": null}'], alias=['{"name": "a", "vendor_id": "*", "traits": "CUSTOM_A"}'])
    assert found.entries == [{'match': [{'address': {'glob': '*'}}]}]
    assert found.flavors[0]['match'] == [{'function': {'!=': 'pf'}}]
    assert len(found.notes) == 3


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(errors.Invalid, match='No such file'):
        nova.read(tmp_path / 'nova.conf')
    (tmp_path / 'x').write_bytes(b'\xff\xfe[pci')
    with pytest.raises(errors.Invalid):
        nova.read(tmp_path / 'x')
