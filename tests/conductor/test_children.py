"""Steps on children: under each child's lock, taken over from the dead, and refused before anything is touched."""

import pytest

from ingot import errors
from ingot.db import lease

ON = {'interface': 'power', 'step': 'power_on', 'execute_on_child_nodes': True}
TAG = {'interface': 'bios', 'step': 'apply_configuration', 'execute_on_child_nodes': True,
       'args': {'settings': [{'name': 'asset_tag', 'value': 'A1'}]}}


@pytest.fixture
def service(house):
    return house.service()


@pytest.fixture
def family(house):
    """(parent, two children)"""
    parent = house.node('manageable')
    return parent, [house.node('manageable', name=name, parent_node=parent) for name in ('c1', 'c2')]


def test_children_do_the_step_and_their_parent_does_not(house, service, family):
    parent, children = family
    row = house.run(service, parent, 'clean', clean_steps=[ON, TAG])
    assert (row['provision_state'], row['power_state'], row['last_error']) == ('manageable', 'power off', None)
    assert house.world.machine(parent).bios == {}
    for child in children:
        assert house.world.machine(child).bios == {'asset_tag': 'A1'}
        row = house.row(child)
        assert (row['power_state'], row['provision_state'], row['lock_owner']) == ('power on', 'manageable', None)


def test_only_those_that_are_named(house, service, family):
    parent, (one, other) = family
    house.run(service, parent, 'clean', clean_steps=[{**TAG, 'limit_child_node_execution': ['c2']}])
    assert (house.world.machine(one).bios, house.world.machine(other).bios) == ({}, {'asset_tag': 'A1'})


def test_a_child_that_somebody_works_on_is_left_alone(house, service, family):
    parent, (one, other) = family
    lease.take(house.database, other, 'there', 'deploy', 60)
    row = house.run(service, parent, 'clean', clean_steps=[TAG])
    assert row['provision_state'] == 'clean failed'
    assert 'locked by there for "deploy"' in row['last_error']
    assert house.world.machine(other).bios == {}
    assert (house.row(one)['lock_owner'], house.row(other)['lock_owner']) == (None, 'there')


def test_a_child_that_fails_is_let_go_of(house, service, family):
    parent, (one, _) = family
    house.change(one, driver_info={'fake': {'bios.run_step': {'fail': 'flash chip'}}})
    row = house.run(service, parent, 'clean', clean_steps=[TAG])
    assert row['provision_state'] == 'clean failed'
    assert 'flash chip' in row['last_error']
    assert house.row(one)['lock_owner'] is None


def test_who_follows_a_dead_conductor_takes_its_children_too(house, service, family):
    parent, children = family
    deaths = []

    def die(interface, method, node):
        if method == 'run_step' and not deaths:
            deaths.append(node['uuid'])
            raise house.Death
    house.world.after = die
    house.run(service, parent, 'clean', clean_steps=[TAG])
    house.world.after = None
    assert house.row(children[0])['lock_owner'] == 'here'
    house.expire(parent)
    other = house.service('there')
    other.crew.take_over()
    row = house.settle(other, parent)
    assert (row['provision_state'], row['last_error']) == ('manageable', None)
    assert all(house.world.machine(child).bios == {'asset_tag': 'A1'} for child in children)
    assert [house.row(child)['lock_owner'] for child in children] == [None, None]


@pytest.mark.parametrize(('step', 'reason'), [
    ({**ON, 'limit_child_node_execution': ['c9']}, 'has no child c9'), ({**TAG, 'step': 'polish'}, 'no clean step bios.polish'),
    ({**TAG, 'args': {}}, 'settings'), ({**ON, 'step': 'hold'}, 'cannot be carried out on child nodes'),
    ({**ON, 'interface': 'deploy', 'step': 'erase_devices_metadata'}, 'cannot be carried out on child nodes')])
def test_what_children_cannot_do_is_refused(house, service, family, step, reason):
    with pytest.raises(errors.Invalid, match=reason):
        service.provision(family[0], 'clean', {'clean_steps': [step]})
    assert house.row(family[0])['provision_state'] == 'manageable'
