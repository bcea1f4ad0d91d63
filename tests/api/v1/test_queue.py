"""/v1/queue: pages, estimates, and who has no conductor."""

import datetime
import itertools
import time

import pytest

from ingot.db import models, operation
from ingot.db import queue as line
from ingot.db.engine import now


@pytest.fixture
def add(api, database):
    """A function that makes a node with an operation that waits, or (``ended``: seconds that it took) ended well."""
    def add(ended=None, **values):
        node = api.node(**values)
        with database.write() as connection:
            row = connection.execute(models.nodes.select().where(models.nodes.c.uuid == node['uuid'])).mappings().one()
            times = line.waiting(row) if ended is None else {
                'status': 'done', 'admitted_at': time.time() - ended, 'finished_at': now()}
            operation.insert(connection, operation.new(row, 'deploy', seconds=10) | times)
        return node['uuid']
    return add


def test_pages(api, add):
    nodes = [add(owner='ann'), add(owner='ann'), add(owner='bob')]
    path, pages = '/v1/queue?limit=1', []
    while path:
        answer = api.get(path).json
        assert (answer['waiting'], answer['in_flight']) == (3, 0)
        pages.append([(entry['node'], entry['position'], entry['owner']) for entry in answer['queue']])
        path = answer.get('next', '').partition('/v1')[2] and f"/v1{answer['next'].partition('/v1')[2]}"
    assert pages == [[(nodes[0], 1, 'ann')], [(nodes[2], 2, 'bob')], [(nodes[1], 3, 'ann')]]


def test_estimates(api, add, database):
    add(ended=600)
    node = add()
    add()
    assert [entry['estimated_start'] for entry in api.get('/v1/queue').json['queue']] == [None, None], 'nothing is limited'
    line.put(database, '', {'max_in_flight': 1})
    first, second = api.get('/v1/queue').json['queue']
    assert (first['node'], first['reason'], second['reason']) == (node, None, '1 of 1 are in flight ("global").')
    gap = moment(second['estimated_start']) - moment(first['estimated_start'])
    assert 595 < gap.total_seconds() < 605
    assert abs(moment(first['estimated_start']).timestamp() - time.time()) < 30
    assert abs(moment(first['queued_at']).timestamp() - time.time()) < 30


def test_one_node_is_told_the_same_alone(api, add, database):
    """By counting, without a look at all: the same place, reason and estimate as in the whole queue."""
    add(ended=600)
    line.put(database, '', {'max_in_flight': 2})
    line.put(database, 'rack1', {'max_in_flight': 1, 'order': 'fifo'})
    for owner, group in itertools.product(('ann', 'ann', 'bob', None, 'ann'), ('', 'rack2')):
        add(owner=owner, conductor_group=group)
    for _ in range(3):
        add(conductor_group='rack1')
    whole = api.get('/v1/queue').json
    assert len(whole['queue']) == 13
    for entry in whole['queue']:
        alone = api.get(f'/v1/queue?node={entry["node"]}').json
        assert (alone['waiting'], alone['in_flight'], 'next' in alone) == (13, 0, False)
        [alone] = alone['queue']
        gap = moment(alone.pop('estimated_start')) - moment(entry.pop('estimated_start'))
        assert alone == entry
        assert entry['scope'] == 'rack1' or abs(gap.total_seconds()) < 700, 'what waits in other lines is only guessed'
    page = api.get('/v1/queue?limit=5').json['queue']
    assert [(one['operation'], one['position']) for one in page] == [
        (one['operation'], one['position']) for one in whole['queue'][:5]]


def test_a_node_that_waits_shows_its_place(api, add, database):
    line.put(database, '', {'max_in_flight': 0})
    first, second, other = add(owner='ann'), add(owner='ann'), api.node()['uuid']
    with database.write() as connection:
        connection.execute(models.nodes.update().where(models.nodes.c.uuid != other).values(provision_state='deploying'))
        connection.execute(models.nodes.update().where(models.nodes.c.uuid == other).values(provision_state='deploying'))
    place = api.get(f'/v1/nodes/{second}').json['queue']
    assert place.keys() == {'scope', 'position', 'queued_at', 'estimated_start', 'reason'}
    assert (place['scope'], place['position'], place['reason']) == ('global', 2, '0 of 0 are in flight ("global").')
    assert api.get(f'/v1/nodes/{first}').json['queue']['position'] == 1
    assert 'queue' not in api.get(f'/v1/nodes/{other}').json, 'it is deploying, and does not wait'
    assert 'queue' not in api.get(f'/v1/nodes/{second}?fields=uuid').json


def moment(text):
    return datetime.datetime.fromisoformat(text)


def test_what_nobody_can_begin_with_says_so(api, add, database):
    add()
    with database.write() as connection:
        connection.execute(models.conductors.update().values(online=False))
    database.forget('ring')
    [entry] = api.get('/v1/queue').json['queue']
    assert entry['reason'] == 'No running conductor serves its driver "fake-hardware".'


def test_a_paused_queue_says_so_before_any_conductor_looks(api, add, database):
    line.put(database, 'rack1', {'pause_on_failure_ratio': 0.0})
    add(conductor_group='rack1')
    add(ended=0, conductor_group='rack1')
    with database.write() as connection:
        connection.execute(models.operations.update().where(models.operations.c.status == 'done').values(
            status='failed', admitted_at=time.time() + 1))
    policy = api.get('/v1/queue/policies/rack1').json
    assert (policy['paused'], policy['paused_reason'], policy['waiting']) == (True, '1 of the last 1 failed.', 1)
    [entry] = api.get('/v1/queue?scope=rack1').json['queue']
    assert (entry['scope'], entry['reason']) == ('rack1', 'The queue "rack1" is paused: 1 of the last 1 failed.')
    assert api.post('/v1/queue/policies/rack1/resume', None).status_code == 204
