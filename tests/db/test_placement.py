"""What Placement is to hear of, as pure rules; the outbox and the conductors against the real one: tests/conductor."""

import itertools
import re
import uuid

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingot import states
from ingot.db import models, placement, resource_class

FREE = {'resource_class': 'a', 'traits': [], 'provision_state': 'available', 'power_state': 'power off', 'maintenance': False,
        'retired': False, 'instance_uuid': None}


@pytest.mark.parametrize(('name', 'told'), [
    ('gold', 'CUSTOM_GOLD'), ('baremetal.gold', 'CUSTOM_BAREMETAL_GOLD'), ('a  -b', 'CUSTOM_A_B'),
    ('CUSTOM_X', 'CUSTOM_CUSTOM_X'),
    ('straße', 'CUSTOM_STRA_E'), ('-', 'CUSTOM__'), (None, None), ('', None)])
def test_names_of_classes_are_those_of_nova(name, told):
    assert placement.class_name(name) == told


@given(st.text(min_size=1, max_size=80))
def test_every_class_has_a_name_that_placement_takes(name):
    told = placement.class_name(name)
    assert re.fullmatch('CUSTOM_[A-Z0-9_]+', told, re.ASCII)
    assert len(told) <= 255


@pytest.mark.parametrize(('change', 'reserved'), [
    ({}, 0), ({'power_state': 'power on'}, 0), ({'power_state': None}, 1), ({'power_state': 'error'}, 1),
    ({'maintenance': True}, 1), ({'retired': True}, 1), ({'instance_uuid': 'u'}, 1),
    *(({'provision_state': state}, 1) for state in (
        'enroll', 'manageable', 'active', 'cleaning', 'deploying', 'error'))])
def test_one_is_reserved_unless_it_can_be_had(change, reserved):
    assert placement.wanted(FREE | change)['reserved'] == reserved


VALUES = {'provision_state': sorted({state for state, _ in states.MOVES}), 'maintenance': [False, True],
          'power_state': [None, 'error', 'power on', 'power off']}


@given(st.fixed_dictionaries({'provision_state': st.sampled_from(['available', 'manageable']),
                              'maintenance': st.booleans(), 'power_state': st.sampled_from(VALUES['power_state'])}),
       st.sampled_from(sorted(VALUES)), st.data())
def test_an_event_is_heard_wherever_something_changes(node, column, data):
    """Each of the three columns, changed in any way, has an event of its own kind."""
    before = FREE | node
    after = before | {column: data.draw(st.sampled_from(VALUES[column]))}
    if placement.wanted(before) != placement.wanted(after):
        assert placement.alters(column, {'from': before[column], 'to': after[column]})


@pytest.mark.parametrize(('kind', 'data', 'is_heard'), [
    ('node.updated', {'changed': ['extra', 'name']}, False), ('node.updated', {'changed': ['name', 'traits']}, True),
    ('node.updated', {'port': '52:54:00:00:00:01'}, False), ('step', {'step': 'x'}, False), ('agent.progress', {}, False),
    ('provision_state', {'from': 'deploying', 'to': 'wait call-back'}, False),
    ('provision_state', {'from': 'inspecting', 'to': 'manageable'}, False),
    ('provision_state', {'from': 'cleaning', 'to': 'available'}, True),
    ('power_state', {'from': 'power on', 'to': 'power off'}, False)])
def test_what_placement_does_not_see_is_not_written(kind, data, is_heard):
    assert placement.alters(kind, data) is is_heard


@given(st.integers(1, 9))
def test_every_node_is_the_share_of_one(number):
    hosts = [f'h{one}' for one in range(number)]
    for _ in range(20):
        node = str(uuid.uuid4())
        assert sum(placement.is_share(node, host, hosts) for host in hosts) == 1
    assert placement.is_share(node, 'alone', [])


def test_status_of_nothing(database):
    assert placement.status(database) == {'told': 0, 'waiting': 0, 'lag': 0.0, 'refused': 0, 'nodes': []}


def test_a_node_is_schedulable_in_sql_as_it_is_in_python(database):
    """Every combination of what counts, and what resource classes count of it."""
    names = ('provision_state', 'power_state', 'maintenance', 'retired', 'instance_uuid')
    every = list(itertools.product(['available', 'manageable'], [None, 'error', 'power off'], [False, True], [False, True],
                                   [None, 'u']))
    rows = [dict(zip(names, values, strict=True)) for values in every]
    with database.write() as connection:
        for number, values in enumerate(rows):
            instance = values['instance_uuid'] and f'u{number}'
            connection.execute(sa.insert(models.nodes).values(
                **{**values, 'instance_uuid': instance}, uuid=str(number), driver='d', created_at='t', resource_class='gold'))
        connection.execute(sa.insert(models.nodes).values(uuid='x', driver='d', created_at='t'))
    with database.read() as connection:
        found = set(connection.execute(sa.select(models.nodes.c.uuid).where(placement.SCHEDULABLE)).scalars())
    assert found == {str(number) for number, values in enumerate(rows) if placement.is_schedulable(values)} != set()
    free, taken = len(found), len(rows) // 2
    assert resource_class.counts(database) == [
        {'name': 'gold', 'nodes': len(rows), 'available': free, 'allocated': taken, 'unavailable': len(rows) - free - taken},
        {'name': None, 'nodes': 1, 'available': 0, 'allocated': 0, 'unavailable': 1}]


def test_doubt_is_not_forgotten_by_who_had_nothing_to_tell(database):
    """Placement is to be asked (something drifted) while somebody stores that, for all it knew, nothing had changed."""
    node, said = 'u', placement.wanted(FREE)
    with database.write() as connection:
        connection.execute(sa.insert(models.nodes).values(uuid=node, driver='d', created_at='t', provision_state='available',
                                                          power_state='power off', resource_class='a'))
    placement.settle(database, [], {node: placement.Result(said, 7)})
    assert (placement.waiting(database), placement.look(database, node)[1]['provider_generation']) == ([], 7)
    placement.enqueue(database, [node])
    rows = placement.waiting(database)
    placement.settle(database, [], {node: placement.Result(said, 7, 7, is_pushed=False)})
    assert placement.look(database, node)[1]['provider_generation'] is None
    assert len(placement.waiting(database)) == len(rows) + 1, 'it is looked at again'


def test_drift_is_found_in_every_page(database, monkeypatch):
    monkeypatch.setattr(placement, '_CHUNK', 3)
    with database.write() as connection:
        for number in range(8):
            connection.execute(sa.insert(models.nodes).values(
                uuid=f'u{number}', driver='d', created_at='t', power_state='power on', provision_state='available',
                resource_class='a'))
    said, every = placement.wanted(FREE), {f'u{number}': 1 for number in range(8)}
    placement.settle(database, [], {node: placement.Result(said, 1) for node in [*every, 'gone']})
    placement.settle(database, [found.id for found in placement.waiting(database)], {})
    assert placement.drifted(database, every, lambda node: True) == ['gone']
    assert placement.drifted(database, every | {'u4': 2, 'u7': 9}, lambda node: node != 'u7') == ['u4', 'gone']
    with database.write() as connection:
        connection.execute(sa.update(models.nodes).where(models.nodes.c.uuid == 'u6').values(maintenance=True))
    assert placement.drifted(database, {name: 1 for name in every if name != 'u1'}, lambda node: True) == ['u1', 'u6', 'gone']
