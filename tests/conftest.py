"""``--database``: what the tests of the rooms that have a database run on. ``--concurrency``: on threads, or on eventlet."""

import argparse
import sys

import pytest

from ingot import concurrency

BACKENDS = ('threads', 'eventlet')


def _backend(words):
    """What ``--concurrency`` says among the ``words`` of the command line."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--concurrency', choices=BACKENDS, default='threads')
    return parser.parse_known_args(words)[0].concurrency


# Not in a hook: what eventlet patches must be patched before anything of ours, or of SQLAlchemy's, is imported.
concurrency.start(_backend(sys.argv[1:]))

import hypothesis  # noqa: E402

from tests import databases  # noqa: E402

# Before tests are read: a busy machine is no reason to fail.
hypothesis.settings.register_profile('patient', deadline=None)
hypothesis.settings.load_profile('patient')


def pytest_addoption(parser):
    parser.addoption('--database', choices=databases.KINDS, default='sqlite', help='database of the tests (default: sqlite)')
    parser.addoption('--concurrency', choices=BACKENDS, default='threads', help='what the tests run on (default: threads)')


def pytest_configure(config):
    config.addinivalue_line('markers', 'sqlite: what is true of SQLite alone')
    databases.kind = config.getoption('--database')


def pytest_collection_modifyitems(items):
    if databases.kind != 'sqlite':
        for item in items:
            if item.get_closest_marker('sqlite'):
                item.add_marker(pytest.mark.skip(reason='of SQLite alone'))
