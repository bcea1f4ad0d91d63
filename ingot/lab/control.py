"""Words to a lab that runs: one JSON line there, one back, on a Unix socket that only its owner may open."""

import json
import logging
import os
import socket

from ingot import concurrency, errors

LOG = logging.getLogger(__name__)
SECONDS = 30


def connect(path):
    """A socket connected to the Unix socket at ``path``, which may be longer than the 107 bytes of unix(7). OSError."""
    folder, name = os.path.split(os.path.abspath(path))
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    channel = socket.socket(socket.AF_UNIX)
    try:
        channel.connect(f'/proc/self/fd/{handle}/{name}')
    except OSError:
        channel.close()
        raise
    finally:
        os.close(handle)
    return channel


def ask(path, verb, **arguments):
    """The lab's answer to a verb; NotFound when nobody listens at ``path``; the lab's own error otherwise."""
    try:
        with connect(path) as channel:
            channel.settimeout(SECONDS)
            file = channel.makefile('rwb')
            file.write(json.dumps({'verb': verb, 'arguments': arguments}).encode() + b'\n')
            file.flush()
            line = file.readline()
    except OSError as error:
        raise errors.NotFound(f'No lab listens at {path}: {error.strerror or error}.',
                              remedy='Start one with: ingot lab up') from None
    if not line:
        raise errors.NotFound(f'The lab at {path} ended while it was asked.')
    answer = json.loads(line)
    if 'error' in answer:
        raise getattr(errors, answer['class'], errors.IngotError)(answer['error'], remedy=answer['remedy'])
    return answer['value']


class ControlServer:
    """Answers at ``path`` with ``verbs``: name -> function of keyword arguments, which may raise IngotError."""

    def __init__(self, path, verbs):
        self._verbs = verbs
        self._socket = socket.socket(socket.AF_UNIX)
        folder, name = os.path.split(os.path.abspath(path))
        handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        mask = os.umask(0o177)
        try:
            if os.path.exists(path):
                os.unlink(path)
            self._socket.bind(f'/proc/self/fd/{handle}/{name}')
        finally:
            os.umask(mask)
            os.close(handle)
        self._socket.listen(16)

    def start(self):
        concurrency.spawn(self._accept, name='lab-control')

    def _accept(self):
        while True:
            channel, _ = self._socket.accept()
            concurrency.spawn(self._serve, channel, name='lab-control-call')

    def _serve(self, channel):
        with channel:
            file = channel.makefile('rwb')
            try:
                file.write(json.dumps(self._answer(file.readline())).encode() + b'\n')
                file.flush()
            except OSError as error:
                LOG.debug('A caller of the lab went away: %s', error)

    def _answer(self, line):
        try:
            request = json.loads(line)
            return {'value': self._verbs[request['verb']](**request['arguments'])}
        except errors.IngotError as error:
            return {'error': str(error), 'class': type(error).__name__, 'remedy': error.remedy}
        except (ValueError, KeyError, TypeError) as error:
            return {'error': f'The lab does not understand {line[:200]!r}: {error}', 'class': 'Invalid', 'remedy': None}
        except Exception as error:
            LOG.exception('The lab failed at %r', line[:200])
            return {'error': f'The lab failed: {error}', 'class': 'IngotError', 'remedy': None}
