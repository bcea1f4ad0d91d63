"""The schema's version, and the way to the newest one."""

import pathlib

import alembic.command
import alembic.config
from alembic.runtime import migration
from alembic.script import ScriptDirectory

from ingot import errors
from ingot.db import engine


def _config(connection=None):
    config = alembic.config.Config()
    config.set_main_option('script_location', str(pathlib.Path(__file__).with_name('migrations')))
    config.attributes['connection'] = connection
    return config


def version(database):
    """Revision of the database, or None when it is empty."""
    with engine.usable(database.url), database.read() as connection:
        return migration.MigrationContext.configure(connection).get_current_revision()


def newest():
    """Revision that this release needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def upgrade(database):
    """Bring the database to the newest revision; repeats as nothing."""
    with engine.usable(database.url), database.write() as connection:
        alembic.command.upgrade(_config(connection), 'head')


def check(database):
    """Raise Unavailable when the database is not of this release."""
    present = version(database)
    if present != newest():
        raise errors.Unavailable(f'The database {database.url.render_as_string()} has schema version {present}, '
                                 f'this release needs {newest()}.', remedy='Run "ingot db upgrade".')
