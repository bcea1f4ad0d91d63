import concurrent.futures

import pytest

from ingot import errors
from ingot.db import event, models, node, port


def create(database, **values):
    [uuid] = node.create(database, {'driver': 'fake-hardware', **values}, [node.TABLE.c.uuid])
    return uuid


def test_a_node_is_found_by_uuid_and_name_with_its_json_parsed(database):
    uuid = create(database, name='n1', extra={'a': [1]})
    for ident in (uuid, 'n1'):
        found = node.get(database, ident)
        assert (found['id'], found['uuid'], found['name'], found['extra'], found['properties']) == (1, uuid, 'n1', {'a': [1]}, {})
    with pytest.raises(errors.NotFound, match='Node n2'):
        node.get(database, 'n2')


def test_an_edit_that_is_refused_changes_nothing(database):
    create(database, name='n1')

    def refuse(current):
        raise errors.Conflict('no')
    with pytest.raises(errors.Conflict):
        node.edit(database, 'n1', [node.TABLE.c.id], refuse)
    create(database, name='n2')
    with pytest.raises(errors.Duplicate, match='node with name "n2"'):
        node.edit(database, 'n1', [node.TABLE.c.id], lambda current: {'name': 'n2', 'owner': 'o'})
    assert node.get(database, 'n1')['owner'] is None
    assert node.get(database, 'n1')['generation'] == 1
    assert [one['kind'] for one in event.since(database, 0)] == ['node.created', 'node.created']


def test_edits_from_many_threads_build_on_each_other(database):
    create(database, name='n1')

    def add(number):
        return node.edit(database, 'n1', [node.TABLE.c.generation],
                         lambda current: {'extra': {**current['extra'], str(number): number}})[0]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        generations = list(pool.map(add, range(64)))
    assert sorted(generations) == list(range(2, 66))
    assert len(node.get(database, 'n1')['extra']) == 64


def test_a_stale_generation_is_refused(database):
    create(database, name='n1')
    node.edit(database, 'n1', [node.TABLE.c.id], lambda current: {'owner': 'a'}, generation={1})
    with pytest.raises(errors.Stale):
        node.edit(database, 'n1', [node.TABLE.c.id], lambda current: {'owner': 'b'}, generation={1})
    assert node.get(database, 'n1')['owner'] == 'a'


def test_deleting_takes_along_what_belongs_to_the_node(database):
    uuid = create(database, name='n1')
    port.create(database, {'node_ident': uuid, 'address': '52:54:00:00:00:01'}, [port.TABLE.c.id])
    with database.write() as connection:
        connection.execute(models.node_inventory.insert().values(node_id=1, created_at='now'))
        connection.execute(models.operations.insert().values(
            uuid='o', node_id=1, flow='clean', status='done', created_at='now', deadline_at=0))
    assert node.inventory(database, uuid) == ('{}', '{}')
    node.delete(database, 'n1', lambda current: None)
    with database.read() as connection:
        for table in (models.nodes, models.ports, models.node_inventory, models.operations):
            assert connection.execute(table.select()).all() == []
    for missing in (lambda: node.get(database, uuid), lambda: node.inventory(database, uuid)):
        with pytest.raises(errors.NotFound):
            missing()


def test_names_are_compared_byte_by_byte(database):
    create(database, name='n1')
    create(database, name='N1')
    assert node.get(database, 'N1')['name'] == 'N1'
    with pytest.raises(errors.NotFound):
        node.get(database, 'ń1')
