"""Carries the core's effects out for real: calls, timers, actions in a thread of their own, the console, the end."""

import heapq
import itertools
import queue
import sys
import threading
import time

from . import api, core
from .errors import AgentError, Stopped
from .job import Job


class World:
    """``run(state)`` returns how it ended ('power off', 'reboot', 'wait'); then nothing runs any more that matters.

    :param actions: {name: run}. :param open_session: target -> iscsi.Session. :param post: as api.post without base.
    """

    def __init__(self, machine, line, actions, open_session, *, post=None, say=None):
        self._machine, self._line, self._actions, self._open_session = machine, line, actions, open_session
        self._post = post or (lambda *args: api.post(line.api, *args))
        self._say = say or (lambda text: print(f'ingot-agent: {text}', flush=True))
        self._messages = queue.SimpleQueue()
        self._timers, self._order = [], itertools.count()
        self._is_stopping = threading.Event()
        self._end = None

    def run(self, state):
        message = core.Started()
        while True:
            state, effects = core.step(state, message)
            for effect in effects:
                self._DEEDS[type(effect)](self, effect)
            if self._end is not None:
                time.sleep(self._end.seconds)
                return self._end.then
            message = self._next_message()

    def _next_message(self):
        while True:
            wait = self._timers[0][0] - time.monotonic() if self._timers else None
            if wait is not None and wait <= 0:
                return core.Woken(heapq.heappop(self._timers)[2])
            try:
                return self._messages.get(timeout=wait)
            except queue.Empty:
                continue

    def _call(self, effect):
        def post():
            try:
                status, body = self._post(effect.path, effect.body, effect.session)
                self._messages.put(core.Answered(effect.call, status, body))
            except (OSError, ValueError) as error:
                self._messages.put(core.Unanswered(effect.call, str(error)))
        threading.Thread(target=post, daemon=True).start()

    def _wake(self, effect):
        heapq.heappush(self._timers, (time.monotonic() + effect.seconds, next(self._order), effect.timer))

    def _run(self, effect):
        def tell(kind, data):
            self._messages.put(core.Told(effect.index, kind, data))
        job = Job(self._machine, self._line, effect.data, tell, self._open_session, self._is_stopping)
        threading.Thread(target=lambda: self._messages.put(self._carry_out(effect, job)), daemon=True).start()

    def _carry_out(self, effect, job):
        """Run the action to its end, whatever happens; Done or Failed."""
        started = time.monotonic()
        try:
            data = self._actions[effect.action['action']](effect.action, job)
            return core.Done(effect.index, data or {}, time.monotonic() - started)
        except Stopped:
            error = {'code': 'stopped', 'message': '', 'remedy': ''}
        except AgentError as failure:
            error = failure.told()
        except Exception as failure:
            sys.excepthook(type(failure), failure, failure.__traceback__)
            error = {'code': 'internal', 'message': f'{type(failure).__name__}: {failure}',
                     'remedy': 'This is a fault of the agent; the serial console has the details.'}
        return core.Failed(effect.index, error, time.monotonic() - started)

    def _stop(self, effect):
        self._is_stopping.set()

    def _speak(self, effect):
        self._say(effect.text)

    def _finish(self, effect):
        self._end = effect

    _DEEDS = {core.Call: _call, core.Wake: _wake, core.Run: _run, core.Stop: _stop, core.Say: _speak, core.End: _finish}
