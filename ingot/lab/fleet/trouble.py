"""What goes wrong on which machine: a plan of faults that a seed makes, the same one for the same seed; pure.

A plan is a list of objects, in a file JSON:

    [{"fault": "lost", "share": 0.2, "amount": 0.3},            of 20 % of the machines, 30 % of the requests get lost
     {"fault": "dies", "machines": [3], "at": "write image", "boots": 1}]     machine 3, in its first ramdisk only
"""

import dataclasses
import math
import random

from ingot import errors
from ingot.lab.fleet.work import ACTIONS

#: Fault -> what it does; ``amount`` is its number, ``at`` the action in the middle of which it happens.
KINDS = {
    'delay': 'each request waits so many seconds (amount) before it is sent',
    'lost': 'a share (amount, 0 to 1) of requests gets lost, half of them on their way there, half of the answers',
    'twice': 'each request is sent twice, reports too',
    'disorder': 'events are sent in the wrong order, and old ones again after newer ones',
    'stuck': 'the action (at) does not go on; the agent lives, and obeys its deadline',
    'dies': 'the machine freezes in the action (at), until its power is switched off and on',
    'reboots': 'the machine starts anew by itself in the action (at)',
    'leap': 'in the action (at) the clock leaps ahead by so many seconds (amount): the machine was asleep',
    'token': 'the machine says another token than the one on its kernel line',
    'disk': 'the disk fails in the action (at)',
    'half': 'the disk takes only half of the image, and says nothing',
    'vanished': 'the first PCI device that was promised to the instance is not there',
    'narrow': 'the link of the first PCI device that was promised has half of its lanes',
    'lies': 'the agent reports that all is done, and has done nothing',
}
#: Faults that are nothing without an amount.
_NUMBERED = ('delay', 'lost', 'leap')


@dataclasses.dataclass(frozen=True)
class Fault:
    """One line of a plan, for the machines of ``machines`` or for a ``share`` of all; ``boots``: in so many ramdisks only."""

    fault: str
    share: float = 1.0
    machines: tuple | None = None
    amount: float = 0.0
    at: str = 'write image'
    boots: int | None = None


def parse(lines):
    """The Faults of a plan from JSON; Invalid names what is wrong with a line."""
    if not isinstance(lines, list):
        raise errors.Invalid('A plan of faults is a list of objects.')
    return tuple(_parse(line) for line in lines)


def _parse(line):
    known = {field.name for field in dataclasses.fields(Fault)}
    if not isinstance(line, dict) or set(line) - known or line.get('fault') not in KINDS:
        raise errors.Invalid(f'{line!r} is no fault.', remedy=f'Members are: {", ".join(sorted(known))}; '
                             f'faults are: {", ".join(KINDS)}.')
    fault = Fault(**line)
    for name, fits in _FITS.items():
        if not fits(fault):
            raise errors.Invalid(f'The fault "{fault.fault}" cannot have {name} {getattr(fault, name)!r}.', remedy=_REMEDY)
    return dataclasses.replace(fault, machines=fault.machines and tuple(fault.machines))


def _is_number(value, most=math.inf):
    return type(value) in (int, float) and 0 <= value <= most


#: Member of a fault -> whether its value makes sense.
_FITS = {
    'share': lambda fault: _is_number(fault.share, 1),
    'machines': lambda fault: fault.machines is None or (isinstance(fault.machines, list)
                                                         and all(type(one) is int and one >= 0 for one in fault.machines)),
    'amount': lambda fault: _is_number(fault.amount, 1 if fault.fault == 'lost' else math.inf) and (
        fault.amount > 0 or fault.fault not in _NUMBERED),
    'at': lambda fault: fault.at in ACTIONS,
    'boots': lambda fault: fault.boots is None or (type(fault.boots) is int and fault.boots > 0),
}
_REMEDY = ('share is 0 to 1; machines are numbers from 0; boots is 1 or more; at is an action of the agent; delay and leap '
           '(seconds) and lost (0 to 1) need an amount.')


def assign(faults, count, seed):
    """{number of a machine: its Faults}: which machines each line means; the same for the same seed.

    Invalid for a machine that there is not.
    """
    found = {}
    for place, fault in enumerate(faults):
        chosen = fault.machines
        if chosen and max(chosen) >= count:
            raise errors.Invalid(f'The fault "{fault.fault}" is of machine {max(chosen)}; there are {count}, from 0 on.')
        if chosen is None:
            chosen = random.Random(f'{seed}:{place}').sample(range(count), round(fault.share * count))
        for number in sorted(set(chosen)):
            found.setdefault(number, []).append(fault)
    return {number: tuple(mine) for number, mine in sorted(found.items())}


class Mood:
    """What goes wrong in one life of a machine: its faults that still hold, and a source of chance of its own.

    :param boot: the number of this ramdisk on the machine, from 1.
    """

    def __init__(self, faults, seed, number, boot):
        self.random = random.Random(f'{seed}:{number}:{boot}')
        self._faults = {fault.fault: fault for fault in faults if fault.boots is None or boot <= fault.boots}

    def has(self, kind):
        return kind in self._faults

    def amount(self, kind):
        """The number of a fault; 0 without it."""
        return self._faults[kind].amount if kind in self._faults else 0.0

    def strikes(self, kind, action):
        """Does this fault happen in the middle of ``action``?"""
        return kind in self._faults and self._faults[kind].at == action

    def happens(self, share):
        """Chance: true in that share of cases."""
        return share > 0 and self.random.random() < share
