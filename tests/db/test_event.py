"""The feed tells every event once, in order, also when transactions end in another order than they began."""

import sqlalchemy as sa

from ingot.db import event, models
from ingot.db.engine import now


def put(database, *seqs, at=None, node='n'):
    """Events with these numbers, as a server would show them once their transactions have ended."""
    with database.write() as connection:
        for seq in seqs:
            connection.execute(sa.insert(models.events).values(seq=seq, at=at or now(), kind='step', node=node))


def seqs(database, since=0, **filters):
    return [one['seq'] for one in event.since(database, since, **filters)]


def test_nothing_behind_a_young_gap_is_told(database):
    put(database, 1, 2, 4, 6)
    assert seqs(database) == [1, 2]
    assert event.newest(database) == 2
    put(database, 3)
    assert seqs(database, 2) == [3, 4]
    put(database, 5)
    assert seqs(database, 4) == [5, 6]
    assert event.newest(database) == 6


def test_the_gap_counts_though_it_is_another_nodes(database):
    put(database, 1, 3)
    assert seqs(database, node='n') == [1]
    put(database, 2, node='other')
    assert seqs(database, 1, node='n') == [3]


def test_a_gap_that_nobody_fills_is_passed(database):
    """A transaction that was rolled back, or events that were forgotten."""
    put(database, 5, 7, at=now(-2 * event.SETTLING))
    put(database, 8)
    assert seqs(database) == [5, 7, 8]
    assert event.newest(database) == 8


def test_no_events(database):
    assert (seqs(database), event.newest(database)) == ([], 0)
