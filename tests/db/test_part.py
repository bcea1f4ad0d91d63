"""BIOS settings and firmware components of a node: what was told last, with times that tell when it changed."""

import pytest

from ingot import errors
from ingot.db import batch
from ingot.db import node as nodes
from ingot.db.bios import SETTINGS
from ingot.db.firmware import COMPONENTS
from tests.db.test_inventory import enroll


def save(database, parts, row, *told):
    assert batch.send(database, parts.writing(database, row['id'], list(told)))
    return parts.of_node(database, row['uuid'])[1]


def test_settings_come_change_and_go(database):
    row = enroll(database)
    assert SETTINGS.of_node(database, row['uuid']) == (row['uuid'], [])
    old = save(database, SETTINGS, row, {'name': 'b', 'value': '1', 'allowable_values': ['1', '2']}, {'name': 'a', 'value': ''})
    assert [(one['name'], one['value'], one['allowable_values'], one['updated_at']) for one in old] == [
        ('a', '', None, None), ('b', '1', ['1', '2'], None)]
    same = save(database, SETTINGS, row, {'name': 'b', 'value': '1', 'allowable_values': ['1', '2']}, {'name': 'a', 'value': ''})
    assert same == old, 'what did not change keeps its times'
    new = save(database, SETTINGS, row, {'name': 'b', 'value': '2'}, {'name': 'c', 'value': None})
    assert [(one['name'], one['value'], one['updated_at'] is None) for one in new] == [('b', '2', False), ('c', None, True)]
    assert new[0]['id'] == old[1]['id']
    assert save(database, SETTINGS, row) == []


def test_the_first_version_of_firmware_stays(database):
    row = enroll(database)
    save(database, COMPONENTS, row, {'component': 'bmc', 'initial_version': '1', 'current_version': '1'})
    [one] = save(database, COMPONENTS, row, {'component': 'bmc', 'initial_version': '2', 'current_version': '2'})
    assert (one['initial_version'], one['current_version']) == ('1', '2')


def test_parts_belong_to_one_node_and_go_with_it(database):
    one, two = enroll(database), enroll(database)
    save(database, SETTINGS, one, {'name': 'a', 'value': '1'})
    save(database, COMPONENTS, one, {'component': 'bmc', 'initial_version': '1'})
    save(database, SETTINGS, two, {'name': 'a', 'value': '2'})
    nodes.delete(database, one['uuid'], lambda current: None)
    assert [setting['value'] for setting in SETTINGS.of_node(database, two['uuid'])[1]] == ['2']
    with pytest.raises(errors.NotFound, match=one['uuid']):
        SETTINGS.of_node(database, one['uuid'])
