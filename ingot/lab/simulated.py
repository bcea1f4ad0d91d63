"""A machine that exists on paper alone: for fleets of BMCs, where power and boot device are all that counts."""

import uuid

from ingot.lab.boot import BootFlags


class SimulatedMachine:
    """What a BMC wants of a machine (``is_on``, ``obey``, ``boot``, ``uuid``, ``serial``); obeys at once.

    ``history`` has every order with the boot device of the start that it caused (None: the default order).
    """

    __slots__ = ('boot', 'history', 'is_on', 'serial', 'uuid')

    def __init__(self, serial='SIMULATED'):
        self.uuid, self.serial, self.boot = uuid.uuid4(), serial, BootFlags()
        self.is_on, self.history = False, []

    def obey(self, action):
        starts = action in ('cycle', 'reset') or (action == 'on' and not self.is_on)
        self.history.append((action, self.boot.take() if starts else None))
        self.is_on = action in ('on', 'cycle', 'reset')
