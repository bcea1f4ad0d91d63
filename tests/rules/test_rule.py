"""Rules as operators write them, against a node that was inspected."""

import pytest

from ingot import errors
from ingot.rules import rule

NODE = {'uuid': 'u1', 'name': 'n1', 'properties': {'capabilities': 'boot_mode:uefi,gpu:no'}, 'extra': {}, 'driver_info': {},
        'instance_info': {}, 'network_data': {}, 'traits': ['CUSTOM_A'], 'resource_class': None, 'description': 'old',
        'owner': None, 'lessee': None, 'shard': None, 'automated_clean': None, 'disable_power_off': False}
PORTS = [{'uuid': 'p1', 'address': '52:54:00:00:00:01', 'extra': {}, 'local_link_connection': {}, 'pxe_enabled': True,
          'is_smartnic': False, 'category': None, 'description': None, 'physical_network': None, 'vendor': None}]
INVENTORY = {'cpu': {'count': 32, 'architecture': 'x86_64'}, 'memory': {'physical_mb': 131072}, 'bmc_address': '192.0.2.9',
             'system_vendor': {'product_name': 'Model 7 Gen2'}, 'flag': False,
             'disks': [{'name': 'sda', 'size': 10}, {'name': 'sdb', 'size': 99}]}


def run(conditions=(), actions=(), plugin_data=None, **more):
    rules = [{'uuid': 'r1', 'description': None, 'conditions': list(conditions), 'actions': list(actions)}]
    rule.check(rules[0]['conditions'], rules[0]['actions'])
    return rule.run(rules, NODE, PORTS, INVENTORY, plugin_data or {})


def holds(op, args, **more):
    draft = run([{'op': op, 'args': args, **more}], [{'op': 'set-attribute', 'args': {'path': 'extra/hit', 'value': True}}])
    return draft.node['extra'] == {'hit': True}


CPUS, PRODUCT, MEMORY = '{inventory[cpu][count]}', '{inventory[system_vendor][product_name]}', '{inventory[memory][physical_mb]}'


@pytest.mark.parametrize(('op', 'args', 'is_true'), [
    ('eq', {'values': [CPUS, 32]}, True), ('eq', {'values': [CPUS, '32']}, True), ('eq', {'values': [CPUS, 32, 33]}, False),
    ('eq', {'values': ['{node.name}', 'n1']}, True), ('eq', {'values': [1]}, True), ('eq', [[CPUS, 32]], True),
    ('eq', {'values': [CPUS, '32'], 'force_strings': True}, True), ('eq', {'values': ['{inventory[nope]}', 1]}, False),
    ('lt', {'values': [9, MEMORY]}, True), ('lt', {'values': ['9', '10']}, True), ('lt', {'values': [2, 1]}, False),
    ('lt', {'values': ['9', '10'], 'force_strings': True}, False), ('lt', {'values': ['a', 'b', 'c']}, True),
    ('gt', {'values': [MEMORY, 65536]}, True), ('gt', {'values': [1, 1]}, False),
    ('is-empty', {'value': ''}, True), ('is-empty', {'value': '{plugin_data}'}, True), ('is-empty', {'value': CPUS}, False),
    ('is-empty', {'value': '{inventory[nope]}'}, True), ('is-empty', {'value': []}, True),
    ('is-none', {'value': '{inventory[nope]}'}, True), ('is-none', {'value': '{node[owner]}'}, True),
    ('is-none', {'value': CPUS}, False), ('is-true', {'value': 'Yes'}, True), ('is-true', {'value': '{inventory[flag]}'}, False),
    ('is-true', {'value': 'maybe'}, False), ('is-true', {'value': 2}, True), ('is-false', {'value': '{inventory[flag]}'}, True),
    ('is-false', {'value': 'no'}, True), ('is-false', {'value': None}, True), ('is-false', {'value': 'maybe'}, False),
    ('in-net', {'address': '{inventory[bmc_address]}', 'subnet': '192.0.2.0/24'}, True),
    ('in-net', {'address': '192.0.3.1', 'subnet': '192.0.2.0/24'}, False),
    ('in-net', {'address': '2001:db8::1', 'subnet': '2001:db8::/32'}, True),
    ('matches', {'value': PRODUCT, 'regex': r'Model \d+ Gen\d{1}'}, True),
    ('matches', {'value': PRODUCT, 'regex': 'Model'}, False),
    ('contains', {'value': PRODUCT, 'regex': 'Gen[23]'}, True), ('contains', {'value': PRODUCT, 'regex': 'Gen3'}, False),
    ('one-of', {'value': '{inventory[cpu][architecture]}', 'values': ['x86_64', 'aarch64']}, True),
    ('one-of', {'value': 'x'}, False)])
def test_conditions(op, args, is_true):
    assert holds(op, args) is is_true
    assert holds(f'!{op}', args) is not is_true
    assert holds(f'! {op}', args) is not is_true


LOOP = {'op': 'gt', 'args': {'values': ['{item[size]}', 50]}, 'loop': '{inventory[disks]}'}


@pytest.mark.parametrize(('multiple', 'is_true'), [('any', True), ('all', False), ('first', False), ('last', True)])
def test_loops_of_conditions(multiple, is_true):
    assert holds(**LOOP, multiple=multiple) is is_true


def test_a_loop_has_any_by_default_and_goes_over_objects_and_nothing():
    assert holds(**LOOP)
    assert holds('eq', {'values': ['{item[a]}', '{inventory[cpu][count]}']}, loop={'a': CPUS})
    assert not holds('is-none', {'value': None}, loop='{inventory[nope]}')


@pytest.mark.parametrize(('op', 'args', 'found'), [
    ('set-attribute', {'path': '/extra/a/b', 'value': CPUS}, {'extra': {'a': {'b': 32}}}),
    ('set-attribute', {'path': 'resource_class', 'value': 'cpu{inventory[cpu][count]}'}, {'resource_class': 'cpu32'}),
    ('set-attribute', {'path': 'automated_clean', 'value': True}, {'automated_clean': True}),
    ('set-attribute', ['extra.x', 'y'], {'extra': {'x': 'y'}}),
    ('extend-attribute', {'path': 'extra/l', 'value': 1}, {'extra': {'l': [1]}}),
    ('del-attribute', {'path': 'properties/capabilities'}, {'properties': {}}),
    ('del-attribute', {'path': 'description'}, {'description': None}),
    ('del-attribute', {'path': 'extra/not/there'}, {}),
    ('set-capability', {'name': 'gpu', 'value': 'yes'}, {'properties': {'capabilities': 'boot_mode:uefi,gpu:yes'}}),
    ('unset-capability', {'name': 'gpu'}, {'properties': {'capabilities': 'boot_mode:uefi'}}),
    ('add-trait', {'name': 'CUSTOM_B'}, {'traits': ['CUSTOM_A', 'CUSTOM_B']}),
    ('remove-trait', {'name': 'CUSTOM_A'}, {'traits': []}),
    ('remove-trait', {'name': 'CUSTOM_X'}, {}), ('log', {'msg': 'seen {inventory[nope]}', 'level': 'debug'}, {})])
def test_actions_on_the_node(op, args, found):
    assert run(actions=[{'op': op, 'args': args}]).node == {**NODE, **found}


@pytest.mark.parametrize(('op', 'args', 'found'), [
    ('set-plugin-data', {'path': 'a.b', 'value': CPUS}, {'old': {'x': [1]}, 'a': {'b': 32}}),
    ('extend-plugin-data', {'path': 'old/x', 'value': 1}, {'old': {'x': [1, 1]}}),
    ('extend-plugin-data', {'path': 'old/x', 'value': 1, 'unique': True}, {'old': {'x': [1]}}),
    ('unset-plugin-data', {'path': 'old.x'}, {'old': {}})])
def test_actions_on_plugin_data(op, args, found):
    given = {'old': {'x': [1]}}
    assert run(actions=[{'op': op, 'args': args}], plugin_data=given).plugin_data == found
    assert given == {'old': {'x': [1]}}, 'what was given is left alone'


@pytest.mark.parametrize(('op', 'args', 'found'), [
    ('set-port-attribute', {'port_id': 'p1', 'path': 'physical_network', 'value': 'net1'}, {'physical_network': 'net1'}),
    ('set-port-attribute', {'port_id': '52:54:00:00:00:01', 'path': 'extra/a', 'value': 1}, {'extra': {'a': 1}}),
    ('extend-port-attribute', {'port_id': 'p1', 'path': 'extra/a', 'value': 1}, {'extra': {'a': [1]}}),
    ('del-port-attribute', {'port_id': 'p1', 'path': 'category'}, {})])
def test_actions_on_ports(op, args, found):
    assert run(actions=[{'op': op, 'args': args}]).ports == [{**PORTS[0], **found}]


def test_an_action_runs_for_each_item_of_its_loop():
    draft = run(actions=[{'op': 'set-attribute', 'args': {'path': '{item[path]}', 'value': '{item[value]}'}, 'loop': [
        {'path': 'extra/cpus', 'value': CPUS}, {'path': 'driver_info/ipmi_address', 'value': '{inventory[bmc_address]}'}]}])
    assert (draft.node['extra'], draft.node['driver_info']) == ({'cpus': 32}, {'ipmi_address': '192.0.2.9'})


def test_later_rules_see_what_earlier_ones_did_and_the_first_failure_ends_all():
    first = {'uuid': 'r1', 'conditions': [], 'actions': [{'op': 'set-attribute', 'args': {'path': 'extra/a', 'value': 1}}]}
    second = {'uuid': 'r2', 'description': 'no ones', 'conditions': [{'op': 'eq', 'args': {'values': ['{node.extra.a}', 1]}}],
              'actions': [{'op': 'fail', 'args': {'msg': '{node.name} has {inventory[cpu][count]}'}}]}
    with pytest.raises(errors.HardwareFailure, match='Inspection rule no ones: n1 has 32'):
        rule.run([first, second], NODE, PORTS, INVENTORY, {})
    assert rule.run([second, first], NODE, PORTS, INVENTORY, {}).node['extra'] == {'a': 1}
    assert NODE['extra'] == {}


@pytest.mark.parametrize(('op', 'args'), [
    ('set-attribute', {'path': '{node.name}', 'value': 1}), ('set-attribute', {'path': 'resource_class', 'value': 'x' * 81}),
    ('set-attribute', {'path': 'extra/a', 'value': '{inventory[nope]}'}),
    ('set-attribute', {'path': 'automated_clean', 'value': 'x'}),
    ('set-attribute', {'path': 'properties/capabilities/x', 'value': 1}),
    ('extend-attribute', {'path': 'properties/capabilities', 'value': 1}), ('set-capability', {'name': 'a:b', 'value': 1}),
    ('add-trait', {'name': 'gold'}), ('set-port-attribute', {'port_id': 'p2', 'path': 'extra/a', 'value': 1}),
    ('log', {'msg': 'x', 'level': 'loud'})])
def test_what_cannot_be_carried_out_fails_and_names_the_rule(op, args):
    with pytest.raises(errors.HardwareFailure, match='Inspection rule r1: '):
        run(actions=[{'op': op, 'args': args}])


LOG = [{'op': 'log', 'args': {'msg': 'x'}}]


@pytest.mark.parametrize(('conditions', 'actions', 'words'), [
    ([], [], 'at least one action'), ({}, LOG, 'conditions must be a list'), ([1], LOG, 'conditions/0: expected an object'),
    ([{'op': 'ge', 'args': {}}], LOG, 'no op "ge"'), ([{'op': '!!eq', 'args': {'values': []}}], LOG, 'no op'),
    ([{'op': 'eq'}], LOG, 'expected an object'), ([{'op': 'eq', 'args': {}}], LOG, 'needed: values'),
    ([{'op': 'eq', 'args': {'values': [], 'x': 1}}], LOG, 'args of eq are values, force_strings'),
    ([{'op': 'eq', 'args': [1, 2, 3]}], LOG, 'args of eq'),
    ([{'op': 'eq', 'args': {'values': ['{os}']}}], LOG, 'refers to nothing'),
    ([{'op': 'matches', 'args': {'value': 1, 'regex': '('}}], LOG, 'no regular expression'),
    ([{'op': 'eq', 'args': {'values': []}, 'multiple': 'some'}], LOG, 'multiple is one of'),
    ([{'op': 'eq', 'args': {'values': []}, 'loop': 3}], LOG, 'loop is a list'),
    ([], [{'op': 'eq', 'args': {}}], 'no op "eq"'), ([], [{'op': '!log', 'args': {'msg': ''}}], 'no op'),
    ([], [{'op': 'api-call', 'args': {'url': 'http://x'}}], 'api-call is not offered'),
    ([], [{'op': 'set-attribute', 'args': {'path': 'provision_state', 'value': 'active'}}], 'rules cannot set "provision_state"'),
    ([], [{'op': 'set-attribute', 'args': {'path': 'extra', 'value': {}}}], 'only what is in "extra"'),
    ([], [{'op': 'set-attribute', 'args': {'path': 'owner/x', 'value': ''}}], 'set as a whole'),
    ([], [{'op': 'set-attribute', 'args': {'path': 3, 'value': ''}}], 'path must be a text'),
    ([], [{'op': 'set-port-attribute', 'args': {'port_id': 'x', 'path': 'address', 'value': ''}}], 'rules cannot set "address"'),
    ([], [{'op': 'log', 'args': {'msg': 'x'}, 'multiple': 'any'}], 'expected an object')])
def test_rules_that_make_no_sense_are_refused(conditions, actions, words):
    with pytest.raises(errors.Invalid, match=words):
        rule.check(conditions, actions)

