"""An empty database of its own for each test."""

import pytest

from ingot.db import schema
from ingot.db.engine import Database


@pytest.fixture
def database(tmp_path):
    database = Database(f'sqlite:///{tmp_path}/ingot.sqlite')
    schema.upgrade(database)
    yield database
    database.close()
