"""Fault plans: which BMCs of a fleet misbehave, how, from when on and for how long. The same seed chooses the same BMCs.

    {"faults": [{"share": 0.3, "silent": true, "after": 10, "for": 60},
                {"bmcs": [0, "127.1.0.9"], "delay": 10},
                {"share": 0.05, "reset": 20, "every": 300}]}

``share`` (0 to 1) or ``bmcs`` (numbers or addresses) choose, without either all are meant; ``after``, ``for`` and ``every``
are seconds; everything else is a knob (``ingot.lab.bmc.Knobs``). An entry with a member "fault" is none of a BMC, but of the
machine behind it (ingot.lab.fleet.trouble).
"""

import json
import random
from typing import NamedTuple

from ingot import errors
from ingot.lab.bmc import Knobs
from ingot.lab.fleet import trouble

_HEALTHY = Knobs()
_OTHER = ('share', 'bmcs', 'after', 'for', 'every')


class Fault(NamedTuple):
    """``knobs`` (name -> value) are turned on the BMCs ``numbers`` after ``after`` seconds, and back ``lasts`` seconds later.

    ``lasts`` None: never back. ``every``: again and again, so many seconds from start to start; None: once.
    """

    numbers: tuple
    knobs: dict
    after: float
    lasts: float | None
    every: float | None

    @property
    def undo(self):
        """The knobs as they were; a reset is none that could be taken back."""
        return {name: getattr(_HEALTHY, name) for name in self.knobs if name != 'reset'}


def load(path, addresses, seed=0):
    """The Faults in the file at ``path``; see ``read``. InvalidParameter also when there is no such file, or no JSON in it."""
    try:
        with open(path) as file:
            plan = json.load(file)
    except (OSError, ValueError) as error:
        raise errors.InvalidParameter(f'Fault plan {path} cannot be read: {error}.') from None
    return read(plan, addresses, seed)


def read(plan, addresses, seed=0):
    """The Faults of ``plan`` for the BMCs at ``addresses``, and trouble.Faults of the machines; InvalidParameter names the fault
    and what is wrong with it."""
    faults = plan.get('faults') if isinstance(plan, dict) else None
    if not isinstance(faults, list) or set(plan) != {'faults'}:
        raise errors.InvalidParameter('A fault plan is {"faults": [{...}, ...]}.')
    return [_read(fault, addresses, random.Random(f'{seed}/{position}'), f'Fault {position} of the plan')
            for position, fault in enumerate(faults)]


def of_bmcs(plan):
    """Those of BMCs."""
    return [fault for fault in plan if isinstance(fault, Fault)]


def of_machines(plan):
    """Those of the machines behind them."""
    return [fault for fault in plan if not isinstance(fault, Fault)]


def _read(fault, addresses, chance, what):
    if isinstance(fault, dict) and 'fault' in fault:
        return _read_trouble(fault, len(addresses), what)
    if not isinstance(fault, dict) or ('share' in fault and 'bmcs' in fault):
        raise errors.InvalidParameter(f'{what} must be an object, with "share" or "bmcs" or neither.')
    knobs = {name: value for name, value in fault.items() if name not in _OTHER}
    if not knobs:
        raise errors.InvalidParameter(f'{what} has no knob: it would do nothing.')
    for name, value in knobs.items():
        _check(what, name, value)
    times = [fault.get(name) for name in ('after', 'for', 'every')]
    if any(type(value) not in (int, float) or value < 0 for value in times if value is not None) or times[2] == 0:
        raise errors.InvalidParameter(f'{what}: "after", "for" and "every" are seconds.')
    return Fault(_chosen(fault, addresses, chance, what), knobs, times[0] or 0, times[1], times[2])


def _read_trouble(fault, count, what):
    try:
        trouble.assign(parsed := trouble.parse([fault]), count, 0)
    except errors.Invalid as error:
        raise errors.InvalidParameter(f'{what}: {error}', remedy=error.remedy) from None
    return parsed[0]


def _check(what, name, value):
    try:
        if name == 'reset':
            _HEALTHY.check('delay', value)      # seconds too
        else:
            _HEALTHY.check(name, value)
    except errors.InvalidParameter as error:
        raise errors.InvalidParameter(f'{what}: {error}') from None


def _chosen(fault, addresses, chance, what):
    if 'bmcs' in fault:
        return tuple(_number(one, addresses, what) for one in fault['bmcs'])
    share = fault.get('share', 1)
    if type(share) not in (int, float) or not 0 <= share <= 1:
        raise errors.InvalidParameter(f'{what}: "share" is {share!r}; it must be from 0 to 1.')
    return tuple(sorted(chance.sample(range(len(addresses)), round(share * len(addresses)))))


def _number(one, addresses, what):
    if type(one) is int and 0 <= one < len(addresses):
        return one
    if one in addresses:
        return addresses.index(one)
    raise errors.InvalidParameter(f'{what}: there is no BMC {one!r}; they are 0 to {len(addresses) - 1}.')
