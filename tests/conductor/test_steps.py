"""Chosen steps: holds, runbooks, deploy templates, and what is refused before anything is touched."""

import orjson
import pytest

from ingot import errors
from ingot.db import history, runbook, template

BIOS = {'interface': 'bios', 'step': 'apply_configuration', 'args': {'settings': [{'name': 'asset_tag', 'value': 'A1'}]}}
HOLD = {'interface': 'power', 'step': 'hold'}
RESET = {'interface': 'bios', 'step': 'factory_reset'}
ERASE = {'interface': 'deploy', 'step': 'erase_devices_metadata'}


@pytest.fixture
def service(house):
    return house.service()


def store(house, what, **values):
    [uuid] = what.STORE.create(house.database, values, (what.STORE.table.c.uuid,))
    return uuid


@pytest.mark.parametrize(('verb', 'argument', 'state', 'held', 'good', 'bad', 'column'), [
    ('clean', 'clean_steps', 'manageable', 'clean hold', 'manageable', 'clean failed', 'clean_step'),
    ('service', 'service_steps', 'active', 'service hold', 'active', 'service failed', 'service_step'),
    ('active', 'deploy_steps', 'available', 'deploy hold', 'active', 'deploy failed', 'deploy_step'),
])
def test_a_hold_rests_until_it_is_let_go_or_aborted(house, service, verb, argument, state, held, good, bad, column):
    chosen = [{'args': {}, 'priority': priority, **step} if verb == 'active' else step
              for step, priority in ((BIOS, 99), (HOLD, 98), (RESET, 97))]
    for last, ended in (('unhold', good), ('abort', bad)):
        node = house.node(state)
        row = house.run(service, node, verb, **{argument: chosen})
        assert (row['provision_state'], row['lock_owner']) == (held, None)
        assert row[column]['step'] == 'hold'
        assert house.world.machine(node).bios == {'asset_tag': 'A1'}, 'what stands before the hold is done'
        service.crew.take_over()
        assert house.settle(service, node)['provision_state'] == held, 'nobody but the operator goes on'
        row = house.run(service, node, last)
        assert (row['provision_state'], row[column], row['operation']) == (ended, {}, None)
        assert house.world.machine(node).bios == ({} if last == 'unhold' else {'asset_tag': 'A1'})


def test_a_hold_outlives_its_conductor(house, service):
    node = house.node('manageable')
    house.run(service, node, 'clean', clean_steps=[HOLD, BIOS])
    service.stop()
    row = house.run(house.service('there'), node, 'unhold')
    assert (row['provision_state'], row['last_error']) == ('manageable', None)
    assert house.world.machine(node).bios == {'asset_tag': 'A1'}


def test_service_that_fails_puts_the_node_aside_and_abort_takes_it_back(house, service):
    node = house.node('active', driver_info={'fake': {'bios.run_step': {'fail': 'flash chip', 'times': 1}}})
    row = house.run(service, node, 'service', service_steps=[BIOS])
    assert (row['provision_state'], row['fault'], row['maintenance']) == ('service failed', 'service failure', True)
    assert 'flash chip' in row['maintenance_reason']
    entry = history.of_node(house.database, node)[-1]
    assert 'flash chip' in entry['event']
    assert (entry['severity'], entry['conductor'], entry['state']) == ('ERROR', 'here', 'servicing')
    row = house.run(service, node, 'abort')
    assert (row['provision_state'], row['fault'], row['maintenance']) == ('active', None, False)


def test_a_runbook_is_for_nodes_with_its_trait(house, service):
    book = store(house, runbook, name='burn-in', traits=['CUSTOM_OLD'], steps=[{**RESET, 'order': 2}, {**BIOS, 'order': 1}])
    store(house, runbook, name='CUSTOM_NEW', steps=[{**BIOS, 'order': 1}])
    with pytest.raises(errors.Invalid, match='not for node'):
        service.provision(house.node('manageable'), 'clean', {'runbook': book})
    with pytest.raises(errors.NotFound, match='Runbook nothing could not be found'):
        service.provision(house.node('manageable'), 'clean', {'runbook': 'nothing'})
    for name, trait, left in (('burn-in', 'CUSTOM_OLD', {}), ('CUSTOM_NEW', 'CUSTOM_NEW', {'asset_tag': 'A1'})):
        for verb, state in (('clean', 'manageable'), ('service', 'active')):
            node = house.node(state, traits=[trait])
            assert house.run(service, node, verb, runbook=name)['provision_state'] == state
            assert house.world.machine(node).bios == left, 'steps run in their order'


def test_deploy_templates_are_chosen_by_traits_of_the_instance(house, service):
    store(house, template, name='CUSTOM_TAG', steps=[{**BIOS, 'priority': 90}])
    store(house, template, name='CUSTOM_OTHER', steps=[{**RESET, 'args': {}, 'priority': 10}])
    node = house.node(traits=['CUSTOM_TAG'], instance_info={'image_source': 'file:///i', 'traits': ['CUSTOM_TAG']})
    assert house.run(service, node, 'active')['provision_state'] == 'active'
    assert house.world.machine(node).bios == {'asset_tag': 'A1'}
    names = [orjson.loads(orjson.dumps(event['data']))['step'] for event in house.events('step', node)]
    assert names.index('1 bios.apply_configuration') < names.index('start ramdisk')
    other = house.node(traits=['CUSTOM_TAG'], instance_info={'image_source': 'file:///i', 'traits': ['CUSTOM_TAG']})
    house.run(service, other, 'active', deploy_steps=[{**BIOS, 'priority': 0}])
    assert house.world.machine(other).bios == {}, 'the request turns a step of its template off'


@pytest.mark.parametrize('traits', [['CUSTOM_A', 'CUSTOM_B'], 'CUSTOM_A', 5, {'CUSTOM_A': 1}, [None], [['CUSTOM_A']]])
@pytest.mark.parametrize(('verb', 'state'), [('active', 'available'), ('rebuild', 'active')])
def test_an_instance_gets_only_traits_that_its_node_has(house, service, verb, state, traits):
    node = house.node(state, traits=['CUSTOM_A'], instance_info={'image_source': 'file:///i', 'traits': traits})
    with pytest.raises(errors.InvalidParameter, match='instance_info/traits'):
        service.provision(node, verb)
    assert (house.row(node)['provision_state'], house.operations(node)) == (state, [])
    assert 'instance_info/traits' in service.validate(node)['deploy']['reason']


@pytest.mark.parametrize(('verb', 'state', 'arguments', 'words'), [
    ('clean', 'manageable', {'clean_steps': [ERASE], 'disable_ramdisk': True}, 'needs the ramdisk'),
    ('clean', 'manageable', {'clean_steps': [ERASE, BIOS, ERASE]}, 'follow each other'),
    ('clean', 'manageable', {'clean_steps': [{**BIOS, 'args': {'strange': 1}}]}, 'takes: settings'),
    ('clean', 'manageable', {'clean_steps': [{**HOLD, 'step': 'wait', 'args': {'seconds': 3600}}]}, 'from 0 to 30'),
    ('service', 'active', {'service_steps': [ERASE]}, 'no service step deploy.erase_devices_metadata'),
    ('service', 'active', {}, 'needs service_steps'),
])
def test_what_cannot_be_done_is_refused_at_once(house, service, verb, state, arguments, words):
    node = house.node(state)
    with pytest.raises(errors.Invalid, match=words):
        service.provision(node, verb, arguments)
    assert (house.row(node)['provision_state'], house.operations(node)) == (state, [])


def test_of_a_rescue_password_only_a_hash_is_kept(house, service):
    node = house.node('active')
    assert house.run(service, node, 'rescue', rescue_password='let me in')['provision_state'] == 'rescue'
    kept = house.operations(node)[-1]['arguments']
    assert 'let me in' not in str(kept)
    assert house.world.machine(node).rescued == kept['rescue_password_hash']
    assert house.run(service, node, 'unrescue')['provision_state'] == 'active'
    assert house.world.machine(node).rescued is None
