"""Fake BIOS, firmware, RAID and vendor interfaces: the steps that they offer and refuse."""

import pytest

from ingot import config, errors
from ingot.drivers import base, fake, fake_parts

NODE = {'uuid': 'n1', 'driver_info': {}, 'target_raid_config': None}
OWN = {'bios': fake_parts.FakeBios, 'firmware': fake_parts.FakeFirmware, 'raid': fake_parts.FakeRaid,
       'vendor': fake_parts.FakeVendor}
STEPS = {'bios': {'apply_configuration', 'factory_reset'}, 'firmware': {'update'},
         'raid': {'create_configuration', 'delete_configuration'}, 'vendor': {'log_passthrough'}}


@pytest.fixture
def context():
    return base.Context(config.load())


@pytest.mark.parametrize('kind', OWN)
@pytest.mark.parametrize('work', ['clean', 'deploy', 'service', 'verify'])
def test_steps_say_what_they_are(context, kind, work):
    steps = OWN[kind](context).steps(work)
    assert all(step.keys() == {'interface', 'step', 'priority', 'abortable', 'args'} for step in steps)
    assert all((step['interface'], step['priority']) == (kind, 0) for step in steps), 'none runs unasked'
    wanted = set() if work == 'verify' or (kind, work) == ('vendor', 'deploy') else STEPS[kind]
    assert {step['step'] for step in steps} == wanted


@pytest.mark.parametrize('kind', OWN)
def test_a_step_that_is_not_there_is_refused_by_name(context, kind):
    for step in ('warp', 'validate', 'steps', '__init__'):
        with pytest.raises(errors.InvalidParameter, match='n1'):
            OWN[kind](context).run_step(NODE, step, {})


@pytest.mark.parametrize(('kind', 'step', 'args'), [
    ('bios', 'apply_configuration', {}), ('bios', 'apply_configuration', {'settings': [], 'x': 1}),
    ('bios', 'factory_reset', {'x': 1}), ('firmware', 'update', None), ('firmware', 'update', {'settings': {}}),
    ('firmware', 'update', {'settings': [{'component': 'bmc'}]}), ('bios', 'apply_configuration', {'settings': [['a', 'b']]})])
def test_wrong_arguments_change_nothing(context, kind, step, args):
    with pytest.raises(errors.InvalidParameter):
        OWN[kind](context).run_step(NODE, step, args)
    machine = context.service(fake.World).machine('n1')
    assert (machine.bios, machine.firmware) == ({}, {})


def test_a_step_twice_is_as_good_as_once(context):
    bios, told = fake_parts.FakeBios(context), []
    for _ in range(2):
        assert bios.run_step(NODE, 'apply_configuration', {'settings': [{'name': 'boot_retries', 'value': 5}]}) is None
        told.append(bios.settings(NODE))
    assert told[0] == told[1]
    assert {one['name']: one['value'] for one in told[0]}['boot_retries'] == '5'


def test_a_step_misbehaves_as_it_is_told(context):
    node = {**NODE, 'driver_info': {'fake': {'bios.run_step': {'fail': 'no answer', 'times': 1}}}}
    with pytest.raises(errors.HardwareFailure, match='no answer'):
        fake_parts.FakeBios(context).run_step(node, 'factory_reset', {})
    assert fake_parts.FakeBios(context).run_step(node, 'factory_reset', {}) is None


def test_no_wish_makes_no_raid(context):
    assert fake_parts.FakeRaid(context).run_step(NODE, 'create_configuration', {}) == {'raid_config': {}}
