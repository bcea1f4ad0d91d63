"""The other interpreter of effects: carries nothing out, writes all of them down; for tests and for thinking."""

from . import core


class Recorded:
    """``feed`` a message, look at ``effects`` (all so far), ``said`` (console lines) and ``end`` (the End, or None)."""

    def __init__(self, state):
        self.state, self.effects = state, []

    def feed(self, message):
        """The effects of one more message."""
        self.state, effects = core.step(self.state, message)
        self.effects += effects
        return effects

    def all(self, kind):
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def said(self):
        return [effect.text for effect in self.all(core.Say)]

    @property
    def end(self):
        return next(iter(self.all(core.End)), None)
