"""A QEMU that is running, spoken to by its control protocol (QMP).

Source: docs/interop/qmp-spec.rst of QEMU.
"""

import contextlib
import itertools
import json

from ingot import concurrency, errors

ANSWER_SECONDS = 20


class Qmp:
    """Commands and events on a connected socket. One thread calls ``listen``; any may call ``execute`` meanwhile."""

    def __init__(self, channel):
        self._file = channel.makefile('rwb')
        self._numbers = itertools.count(1)
        self._waiting = {}
        self._lock = concurrency.Lock()
        self._is_over = False

    def greet(self):
        """Wait until QEMU is up (it has opened its disks and networks by then); False when it ended instead."""
        try:
            return bool(self._file.readline())
        except OSError:
            return False

    def execute(self, command, **arguments):
        """The 'return' of a command. HardwareFailure when QEMU refuses, has ended or does not answer."""
        try:
            return _result(command, self._send(command, arguments).result(ANSWER_SECONDS))
        except TimeoutError:
            raise errors.HardwareFailure(f'QEMU did not answer {command} within {ANSWER_SECONDS} s.') from None

    def converse(self, command, **arguments):
        """As ``execute``, but before anybody listens."""
        answer = self._send(command, arguments)
        for line in self._lines():
            self._take(line)
            if answer.done():
                break
        else:
            self._give_up()
        return _result(command, answer.result(0))

    def listen(self):
        """Hand out answers until QEMU is gone; returns why it ended: 'guest-reset', 'guest-shutdown' ... or None."""
        reason = None
        for line in self._lines():
            reason = self._take(line) or reason
        self._give_up()
        return reason

    def _send(self, command, arguments):
        answer = concurrency.Future()
        with self._lock:
            if self._is_over:
                answer.set_result(_ENDED)
                return answer
            number = next(self._numbers)
            self._waiting[number] = answer
            with contextlib.suppress(OSError):          # it has ended; the listener gives up and says so
                self._file.write(json.dumps({'execute': command, 'arguments': arguments, 'id': number}).encode() + b'\n')
                self._file.flush()
        return answer

    def _take(self, line):
        """Deal with one line; the reason when it says that the machine ends."""
        message = json.loads(line)
        answer = self._waiting.pop(message.get('id'), None)
        if answer is not None:
            answer.set_result(message)
        return message['data'].get('reason') if message.get('event') == 'SHUTDOWN' else None

    def _give_up(self):
        with self._lock:
            self._is_over = True
            while self._waiting:
                self._waiting.popitem()[1].set_result(_ENDED)

    def _lines(self):
        with contextlib.suppress(OSError):              # reset by peer: it was killed
            while line := self._file.readline():
                yield line


_ENDED = {'error': {'desc': 'it has ended'}}


def _result(command, message):
    if 'error' in message:
        raise errors.HardwareFailure(f'QEMU did not carry out {command}: {message["error"]["desc"]}.')
    return message['return']
