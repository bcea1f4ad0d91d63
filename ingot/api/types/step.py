"""Steps as clients write them: lists of objects with the same members, the step named by its interface and its own name."""

from ingot.api.types import scalar
from ingot.db.node import INTERFACES

#: What each member of a step may be.
_MEMBERS = {
    'interface': lambda value: value in INTERFACES,
    'step': lambda value: isinstance(value, str) and 0 < len(value) <= 255,
    'args': lambda value: isinstance(value, dict),
    'priority': lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31,
    'order': lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31,
}


class Steps(scalar.Scalar):
    """A list of steps with ``needed`` members, and ``allowed`` ones; not the same step twice."""

    basetype = list
    name = 'steps'

    def __init__(self, needed, allowed=(), **kwargs):
        super().__init__(is_nullable=False, **kwargs)
        self.needed, self.allowed = frozenset(needed), frozenset(needed) | frozenset(allowed)
        self.accepts = (f'a list of at least one object with {", ".join(sorted(needed))}, each step once, its interface one of '
                        + ', '.join(INTERFACES))

    def check(self, value):
        if not isinstance(value, list) or not value or not all(map(self._is_step, value)):
            self.refuse()
        if len({(step['interface'], step['step']) for step in value}) < len(value):
            self.refuse()
        return [{'args': {}, **step} for step in value]

    def _is_step(self, step):
        return isinstance(step, dict) and self.needed <= step.keys() <= self.allowed and all(
            _MEMBERS[name](value) for name, value in step.items())
