"""``--database``: what the tests of the rooms that have a database run on."""

import pytest

from tests import databases


def pytest_addoption(parser):
    parser.addoption('--database', choices=databases.KINDS, default='sqlite', help='database of the tests (default: sqlite)')


def pytest_configure(config):
    config.addinivalue_line('markers', 'sqlite: what is true of SQLite alone')
    databases.kind = config.getoption('--database')


def pytest_collection_modifyitems(items):
    if databases.kind != 'sqlite':
        for item in items:
            if item.get_closest_marker('sqlite'):
                item.add_marker(pytest.mark.skip(reason='of SQLite alone'))
