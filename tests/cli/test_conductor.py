"""What ``ingot conductor`` runs on."""

import pytest

from ingot import config
from ingot.cli import conductor


@pytest.mark.parametrize(('connection', 'backend'), [
    ('mysql+pymysql://root@db/ingot', 'eventlet'), ('postgresql+psycopg2://ingot@db/ingot', 'eventlet'),
    ('postgresql+psycopg://ingot@db/ingot', 'threads'), ('mysql://root@db/ingot', 'threads'), (None, 'threads')])
def test_eventlet_only_where_the_database_does_not_hold_it_up(connection, backend, caplog):
    assert conductor.backend(config.load(concurrency='eventlet', database__connection=connection)) == backend
    assert ('threads it is' in caplog.text) == (backend == 'threads')
    assert conductor.backend(config.load(database__connection=connection)) == 'threads'
