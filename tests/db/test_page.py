"""Pages against sorting everything in Python."""

import itertools
import random

import pytest
import sqlalchemy as sa

from ingot import errors
from ingot.db import models
from ingot.db.page import page

NODES = models.nodes


@pytest.fixture
def database(database):
    chance = random.Random(7)
    with database.write() as connection:
        for number in range(40):
            connection.execute(sa.insert(NODES).values(
                uuid=f'u{number:02}', driver=chance.choice('ab'), owner=chance.choice(['x', 'y', None]), created_at='t',
                maintenance=chance.choice([True, False])))
    return database


@pytest.mark.parametrize(('sort', 'is_descending', 'limit'), itertools.product(
    ('id', 'driver', 'owner', 'maintenance', 'uuid'), (False, True), (1, 7, 40, 41)))
def test_pages_in_a_row_are_the_whole_in_order(database, sort, is_descending, limit):
    with database.read() as connection:
        rows = connection.execute(sa.select(NODES.c.uuid, NODES.c.id, NODES.c[sort].label('key'))).all()
    rows.sort(key=lambda row: row.id, reverse=is_descending)
    rows.sort(key=lambda row: row.key if row.key is not None else '', reverse=is_descending)
    expected = [row.uuid for row in rows if row.key is not None] + [row.uuid for row in rows if row.key is None]
    seen, marker = [], None
    while found := page(database, NODES, [NODES.c.uuid], sort=sort, is_descending=is_descending, marker=marker, limit=limit):
        seen += [row.uuid for row in found]
        marker = seen[-1]
        assert len(seen) <= 40
    assert seen == expected


def test_an_unknown_marker_is_not_found(database):
    with pytest.raises(errors.NotFound, match='nowhere'):
        page(database, NODES, [NODES.c.uuid], marker='nowhere')
