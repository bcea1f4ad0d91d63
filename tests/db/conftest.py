"""An empty database of its own for each test."""

import pytest

from tests import databases


@pytest.fixture
def database(tmp_path):
    database = databases.empty(tmp_path)
    yield database
    database.close()
