"""The real agent's core on a simulated machine: its calls go out for real, its actions work on a counted disk.

No thread and no clock of its own: time and network are the ``world``'s (see ingot.lab.fleet.world).
"""

import base64
import functools
import math
import uuid

from ingot.lab.fleet.work import ACTIONS, Bench
from ingot.ramdisk.agent import core
from ingot.ramdisk.agent.errors import AgentError, Stopped


class Agent:
    """One life, from the kernel line to the last deed: ``ended(then)`` is called when it ends by itself."""

    def __init__(self, world, machine, line, mood, ended):
        self.world, self.machine, self.line, self.mood, self.ended = world, machine, line, mood, ended
        self.state = core.begin(core.Identity(
            operation=line.operation, token=_secret(mood) if mood.has('token') else line.token, session=_secret(mood),
            boot_id=str(uuid.UUID(bytes=mood.random.randbytes(16))), macs=(machine.mac,), known=frozenset(ACTIONS)))
        self.is_over = self.is_stopping = False
        self.timers, self.action, self.pause = {}, None, None
        self.stale = None                  # events that were sent before, for those that come again

    def begin(self):
        self.feed(core.Started())

    def kill(self):
        """Nothing of this life happens any more: the power is off, or the machine is frozen."""
        self.is_over, self.action, self.state = True, None, None
        timers, self.timers = self.timers, {}       # one that is due now may come in between
        for timer, _, _ in timers.values():
            timer.cancel()
        if self.pause:
            self.pause.cancel()

    def feed(self, message):
        """Carry out what the core makes of ``message``."""
        if self.is_over:
            return
        self.state, effects = core.step(self.state, message)
        for effect in effects:
            if not self.is_over:
                self._DEEDS[type(effect)](self, effect)

    def leap(self, seconds):
        """The clock goes ahead: what waits for less than that is due now, everything else is nearer."""
        for name, (timer, due, function) in list(self.timers.items()):
            timer.cancel()
            self._set(name, max(0.0, due - self.world.now() - seconds), function)

    # What the core wants done.

    def _call(self, effect):
        delay = self.mood.amount('delay')
        if delay:
            self.world.later(delay * self.mood.random.uniform(0.5, 1.5), lambda: self._send(effect))
        else:
            self._send(effect)

    def _send(self, effect):
        if self.is_over:
            return
        share, body = self.mood.amount('lost'), effect.body
        if self.mood.happens(share / 2):
            self.world.later(1, lambda: self.feed(core.Unanswered(effect.call, 'the request got lost')))
            return
        answer = functools.partial(self._answer, effect)
        if self.mood.happens(share / 2):
            answer = functools.partial(self._lose, effect)
        if self.mood.has('disorder') and 'events' in body:
            body = self._disorder(effect)
        self.world.post(self.line.api, effect.path, body, effect.session, answer)
        if self.mood.has('twice'):
            self.world.post(self.line.api, effect.path, body, effect.session, answer)

    def _lose(self, effect, status, body):
        self.feed(core.Unanswered(effect.call, 'the answer got lost'))

    def _disorder(self, effect):
        """The events of a call backwards; those of the call before are sent once more, behind them."""
        if self.stale is not None:
            stale = self.stale
            self.world.later(0.1, lambda: self.is_over or self.world.post(
                self.line.api, effect.path, stale, effect.session, lambda status, body: None))
        self.stale = effect.body
        return {'events': effect.body['events'][::-1]}

    def _answer(self, effect, status, body):
        if self.is_over:                   # what comes for a machine that is off
            return
        if status is None:
            self.feed(core.Unanswered(effect.call, body))
            return
        if status == 200 and effect.path.endswith('/hello'):
            self.machine.meet(self.line.operation)
            body = self.world.share(body)
            if self.mood.has('lies'):
                body = {**body, 'actions': []}
        self.feed(core.Answered(effect.call, status, body))

    def _wake(self, effect):
        def wake():
            self.timers.pop(effect.timer, None)
            self.feed(core.Woken(effect.timer))
        self._set(effect.timer, effect.seconds, wake)

    def _set(self, name, seconds, function):
        self.timers[name] = self.world.later(seconds, function), self.world.now() + seconds, function

    def _run(self, effect):
        name = effect.action['action']
        bench = Bench(self.machine, self.mood, effect.data, lambda kind, data: self.feed(core.Told(effect.index, kind, data)),
                      self.machine.strike, self.world.write_seconds)
        self.machine.begin(self.line.operation, name)
        self.action, self.waited = (effect.index, name, ACTIONS[name](effect.action, bench)), 0.0
        self._turn()

    def _turn(self):
        """Let the action go on to its next pause, or to its end."""
        self.pause = None
        if self.action is None:
            return
        index, name, work = self.action
        try:
            seconds = work.throw(Stopped()) if self.is_stopping else next(work)
        except StopIteration as end:
            self.machine.finish(self.line.operation, name)
            self._end_action(core.Done(index, end.value or {}, self.waited))
        except Stopped:
            self._end_action(core.Failed(index, {'code': 'stopped', 'message': '', 'remedy': ''}, self.waited))
        except AgentError as failure:
            self._end_action(core.Failed(index, failure.told(), self.waited))
        else:
            self._wait(seconds)

    def _wait(self, seconds):
        if not self.is_over and seconds != math.inf:
            self.waited += seconds
            self.pause = self.world.later(seconds, self._turn)

    def _end_action(self, message):
        self.action = None
        self.feed(message)

    def _stop(self, effect):
        self.is_stopping = True
        if self.pause:
            self.pause.cancel()
        self.pause = self.world.later(0, self._turn)

    def _say(self, effect):
        self.machine.said = effect.text

    def _finish(self, effect):
        def end():
            self.kill()
            self.ended(effect.then)
        self._set('end', effect.seconds, end)

    _DEEDS = {core.Call: _call, core.Wake: _wake, core.Run: _run, core.Stop: _stop, core.Say: _say, core.End: _finish}


def _secret(mood):
    """43 URL-safe characters, the same ones for the same seed: nothing here is worth keeping from anybody."""
    return base64.urlsafe_b64encode(mood.random.randbytes(32)).decode().rstrip('=')
