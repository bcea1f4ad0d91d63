"""Which disk is the root disk: Ironic's root device hints; pure.

A hint is a plain value (means equal) or text with an operator: ``= == != >= <= > <`` compare numbers (``=`` is ``>=``,
as in Ironic), ``s== s!= s> s>= s< s<=`` compare text, ``<in> X`` asks for a part, ``<all-in> X Y`` for all these parts,
``<or> X <or> Y`` for one of several values. Text is compared without regard to case. ``size`` is in GiB: ``==`` and
``!=`` look at whole GiB, the others at the exact size.
"""

import operator
import re

from .disks import GIB
from .errors import AgentError

NAMES = ('name', 'size', 'serial', 'wwn', 'model', 'rotational', 'vendor', 'hctl', 'by_path')
SMALLEST = 4 * GIB        # without hints a smaller disk is never chosen: it is a boot medium or a mistake
_NUMBERS = {'=': operator.ge, '==': operator.eq, '!=': operator.ne, '>=': operator.ge, '<=': operator.le,
            '>': operator.gt, '<': operator.lt}
_TEXTS = {'s==': operator.eq, 's!=': operator.ne, 's>=': operator.ge, 's<=': operator.le, 's>': operator.gt,
          's<': operator.lt}
_OPERATOR = re.compile(r'(s==|s!=|s>=|s<=|s>|s<|==|!=|>=|<=|=|>|<|<or>|<in>|<all-in>)(?=\s)\s*(.*)', re.DOTALL)


def choose(disks, hints, size):
    """The Disk to write ``size`` bytes to: of those that fit the hints, the smallest that is large enough.

    AgentError: no-root-disk, image-too-big, plan-refused (a hint that nobody knows or that makes no sense).
    """
    check(hints)
    fitting = [disk for disk in disks if matches(disk, hints)]
    if not fitting:
        raise AgentError('no-root-disk', f'No disk fits {_say(hints)}. The machine has: {_list(disks)}.',
                         'Correct properties/root_device of the node, or look why the disk is missing.')
    large = [disk for disk in fitting if disk.size >= size]
    if not large:
        raise AgentError('image-too-big', f'The image has {size} bytes; disks that fit {_say(hints)}: {_list(fitting)}.',
                         'Use a smaller image or a larger disk, or correct properties/root_device of the node.')
    return min(large, key=lambda disk: (disk.size, len(disk.name), disk.name))


def check(hints):
    """AgentError plan-refused for hints that cannot be understood."""
    for name, wanted in hints.items():
        if name not in NAMES:
            raise AgentError('plan-refused', f'There is no root device hint "{name}"; there are: {", ".join(NAMES)}.',
                             'Correct properties/root_device of the node.')
        try:
            _compare(name, wanted, {'size': 1, 'rotational': True}.get(name, '0'))
        except ValueError:
            raise AgentError('plan-refused', f'The root device hint {name}="{wanted}" makes no sense.',
                             'Correct properties/root_device of the node.') from None


def matches(disk, hints):
    """Does the disk fit all hints? Without hints: is it large enough to be a system disk?"""
    if not hints:
        return disk.size >= SMALLEST
    return all(getattr(disk, name) is not None and _fits(name, wanted, getattr(disk, name))
               for name, wanted in hints.items())


def _fits(name, wanted, actual):
    try:
        return _compare(name, wanted, actual)
    except ValueError:        # a number was asked for, and this disk's serial or model is none
        return False


def _compare(name, wanted, actual):
    if name == 'rotational':
        return _truth(wanted) == actual
    sign, value = _split(wanted, '==' if name == 'size' else 's==')
    if sign == '<or>':
        values = [part.strip() for part in re.split(r'<or>', value)]
        return any(_compare(name, part, actual) for part in values)
    if sign in _NUMBERS:
        number = actual / GIB if name == 'size' else float(actual)
        return _NUMBERS[sign](int(number) if sign in ('==', '!=') and name == 'size' else number, float(value))
    text = str(actual // GIB if name == 'size' else actual).lower()
    if sign in _TEXTS:
        return _TEXTS[sign](text, value.strip().lower())
    return all(part in text for part in (value.lower().split() if sign == '<all-in>' else [value.strip().lower()]))


def _split(wanted, default):
    match = _OPERATOR.match(str(wanted).strip())
    return match.groups() if match else (default, str(wanted).strip())


def _truth(wanted):
    words = {'true': True, 'yes': True, 'on': True, '1': True, 'false': False, 'no': False, 'off': False, '0': False}
    if str(wanted).lower() not in words:
        raise ValueError(wanted)
    return words[str(wanted).lower()]


def _say(hints):
    return ', '.join(f'{name} "{value}"' for name, value in hints.items()) or f'(no hints: {SMALLEST // GIB} GiB or more)'


def _list(disks):
    return ', '.join(f'{disk.name} ({disk.size} bytes, model {disk.model}, serial {disk.serial}, wwn {disk.wwn})'
                     for disk in disks) or 'none'
