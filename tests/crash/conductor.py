"""The real ``ingot conductor`` with fake hardware that outlives it, and a halt at every point of every step.

    python -m tests.crash.conductor SOCKET NAME CLOCK conductor WORDS...

The machines are those of ``machines.Machines``, in the process that listens on SOCKET: whatever the fake drivers do to a machine
is done there, once the fence has been asked here, as with a real BMC. Each point of a step is told there too; no answer comes
where this conductor is to die. CLOCK is a file with the seconds by which this host's clock is wrong, read again and again.
"""

import os
import sys
import threading
import time
from multiprocessing.connection import Client

from ingot.cli import main
from ingot.conductor import verb
from ingot.db import lease
from ingot.drivers import fake, fake_parts, hardware

#: What the fake drivers ask without being told how to behave.
_PLAIN = {'published', 'exported', 'has_export'}
_here = threading.local()      # .line: the connection of this thread; .point: tells the points of the step that it carries out


class Wire:
    """Requests to the process of the machines; each thread has a connection of its own."""

    def __init__(self, address, name):
        self._address, self._name = address, name

    def ask(self, *request):
        """The answer; raises what was raised there."""
        if not hasattr(_here, 'line'):
            _here.line = Client(self._address, family='AF_UNIX')
        _here.line.send((self._name, *request))
        is_good, answer = _here.line.recv()
        if not is_good:
            raise answer
        return answer


def point(label):
    """Tell where the step is that this thread carries out, if it does."""
    tell = getattr(_here, 'point', None)
    if tell:
        tell(label)


def use(wire):
    """From here on the fake drivers' machines are those at the other end of ``wire``."""
    for kind in (*vars(fake).values(), *vars(fake_parts).values()):
        if isinstance(kind, type) and issubclass(kind, fake.FakeInterface):
            for name, method in list(vars(kind).items()):
                if hasattr(method, '__wrapped__'):
                    setattr(kind, name, fake.behaves(_there(wire, name)))
                elif name in _PLAIN:
                    setattr(kind, name, _there(wire, name))


def _there(wire, name):
    """A method ``name`` whose work is done at the other end."""
    def do(self, *args, **kwargs):
        answer = wire.ask('do', self.kind, name, args, kwargs)
        point(f'{self.kind}.{name}')
        return answer
    do.__name__ = name
    return do


def halt(wire):
    """From here on each step tells its points: before it, after each touch of the machine and each write of its own, after it."""
    steps_of, update = verb.steps_of, lease.update

    def watched(operation):
        return tuple(step._replace(do=_watch(wire, step, 'do'), undo=step.undo and _watch(wire, step, 'undo'))
                     for step in steps_of(operation))

    def saved(*args, **kwargs):
        row = update(*args, **kwargs)
        point('save')
        return row
    verb.steps_of, lease.update = watched, saved


def _watch(wire, step, part):
    work = getattr(step, part)

    def do(task):
        def tell(label):
            nonlocal number
            number += 1
            wire.ask('point', task.uuid, task.operation['flow'], step.name, part, number, label)
        number = 0
        tell('before')
        _here.point = tell
        try:
            result = work(task)
        finally:
            _here.point = None
        tell('after')
        return result
    return do


def look_inside():
    """fake-hardware can be inspected from the ramdisk as well."""
    make = hardware.fake_hardware

    def fake_hardware(context):
        made = make(context)
        made.interfaces['inspect']['agent'] = hardware.AgentInspect()
        return made
    hardware.fake_hardware = fake_hardware


def put_wrong(path):
    """The host's clock is wrong by what the file ``path`` says, now and whenever that changes."""
    real, monotonic = time.time, time.monotonic
    read_at, seconds = float('-inf'), 0.0

    def wrong():
        nonlocal read_at, seconds
        if monotonic() - read_at > 0.1:
            with open(path) as file:
                read_at, seconds = monotonic(), float(file.read() or 0)
        return real() + seconds
    time.time = wrong


if __name__ == '__main__':
    address, name, clock, *words = sys.argv[1:]
    if os.path.exists(clock):
        put_wrong(clock)
    channel = Wire(address, name)
    use(channel)
    halt(channel)
    look_inside()
    sys.exit(main.main(words))
