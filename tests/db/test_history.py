"""What is old is forgotten, a batch at a time; what is under way, or needed for a rebuild, is not."""

import uuid

import pytest
import sqlalchemy as sa

from ingot.db import event, history, models, node, operation
from ingot.db.engine import now

OLD = '2020-01-01T00:00:00+00:00'


@pytest.fixture
def row(database):
    ident = str(uuid.uuid4())
    with database.write() as connection:
        connection.execute(sa.insert(models.nodes).values(uuid=ident, driver='fake-hardware', created_at=now()))
    return node.get(database, ident)


def work(database, row, *, ended, status='done', **values):
    """An operation that ended then; its uuid."""
    values = {**operation.new(row, 'deploy', seconds=60, **values), 'status': status, 'finished_at': ended}
    with database.write() as connection:
        operation.insert(connection, values)
    return values['uuid']


def left(database):
    with database.read() as connection:
        return set(connection.execute(sa.select(models.operations.c.uuid)).scalars())


def tell(database, at, count):
    with database.write() as connection:
        connection.execute(sa.insert(models.events), [
            {'at': at, 'node': 'n', 'operation': None, 'kind': 'step', 'data': '{}'} for _ in range(count)])


def test_old_events_go_and_the_numbers_of_new_ones_rise_on(database, monkeypatch):
    monkeypatch.setattr(history, 'BATCH', 10)
    tell(database, OLD, 35)
    tell(database, now(), 3)
    assert history.prune(database, 30) == 35
    assert [one['seq'] for one in event.since(database, 0)] == [36, 37, 38]
    assert history.prune(database, 30) == 0
    assert history.prune(database, -1) == 3
    tell(database, now(), 1)
    assert event.newest(database) == 39, 'a reader of the feed never sees a number twice'


def test_operations_that_ended_long_ago_go(database, row, monkeypatch):
    monkeypatch.setattr(history, 'BATCH', 10)
    for _ in range(25):
        work(database, row, ended=OLD, status='failed')
    kept = {work(database, row, ended=now()), work(database, row, ended=None, status='waiting'),
            work(database, row, ended=OLD, configdrive='abc')}
    assert history.prune(database, 30) == 25
    assert left(database) == kept
    assert operation.configdrive(database, row) == 'abc'


def test_the_last_deployment_goes_once_its_config_drive_was_forgotten(database, row):
    work(database, row, ended=OLD, configdrive='abc')
    with database.write() as connection:
        operation.forgetting_configdrives(row).execute(connection)
    assert history.prune(database, 30) == 1
