"""The API for servers other than our own (uWSGI, gunicorn, granian): conductors are reached over the bus.

    INGOT_CONFIG=/etc/ingot/ingot.conf gunicorn --bind 127.0.0.1:6385 ingot.cli.wsgi:application

``application`` is for clients, ``machines`` for machines in their ramdisk. Both are made at the first request, in the process
that answers it: no connection crosses a fork. INGOT_CONFIG may name several files, with ":" between them.
"""

import functools
import os

# Here, in the main thread: first imported by a thread that serves a request, it keeps the process from ending.
import oslo_messaging  # noqa: F401

from ingot import concurrency, config, errors, rpc
from ingot.api import app, server
from ingot.api import errors as told
from ingot.conductor.client import Client
from ingot.db import clock, schema
from ingot.db.engine import Database

_making = concurrency.Lock()


def application(environ, start_response):
    return _made(app.build)(environ, start_response)


def machines(environ, start_response):
    return _made(app.build_machine_side)(environ, start_response)


def _made(build):
    with _making:
        return _make(build)


@functools.cache
def _make(build):
    conf, database, client = _parts()
    made = _with_whole_bodies(build(conf, database, client))
    return made if build is app.build_machine_side or conf.api.allow_unauthenticated_network else _only_near(made)


@functools.cache
def _parts():
    conf = config.load([file for file in os.environ.get('INGOT_CONFIG', '').split(':') if file])
    database = Database(config.database_url(conf))
    schema.check(database)
    return conf, database, Client(rpc.Bus(conf, clock.time), database)


def _with_whole_bodies(made):
    """uWSGI gives chunks only to applications that ask it by functions of its own. A body that got lost is not no body."""
    def call(environ, start_response):
        if 'uwsgi.version' in environ and 'HTTP_TRANSFER_ENCODING' in environ and not environ.get('CONTENT_LENGTH'):
            return told.answer(errors.Invalid('This server takes no body in chunks.', remedy='Send a Content-Length.'),
                               start_response)
        return made(environ, start_response)
    return call


def _only_near(made):
    """Without authentication only who is on this machine (a proxy that knows who asks) is answered. Behind a UNIX socket
    there is no address, and nobody from afar."""
    def call(environ, start_response):
        near = environ.get('REMOTE_ADDR') or 'localhost'
        if server.is_loopback(near):
            return made(environ, start_response)
        return told.answer(errors.NotPermitted(
            f'The API has no authentication, and does not answer {near}.',
            remedy='Bind it to 127.0.0.1 behind an authenticating proxy, or set [api] allow_unauthenticated_network = true.'),
            start_response)
    return call
