"""One machine of a fleet: its power, its boot device, and who wants to know when its power changes."""

from ingot.lab.boot import BootFlags
from ingot.lab.fleet import identity


class Machine:
    """What a BMC wants of a machine (see ``ingot.lab.bmc.Bmc``); obeys at once.

    ``on_power(number, state)`` is called with 'on' or 'off' whenever that has changed, in the thread of the BMCs: it must not
    block. ``booted_from`` is the device of the last start (None: the firmware's own order), ``starts`` counts them.
    """

    __slots__ = ('_on_power', 'boot', 'booted_from', 'is_on', 'number', 'starts', 'uuid')

    def __init__(self, number, uuid, on_power=None):
        self.number, self.uuid, self._on_power = number, uuid, on_power
        self.boot, self.booted_from, self.is_on, self.starts = BootFlags(), None, False, 0

    @property
    def serial(self):
        return identity.name(self.number).upper()

    def obey(self, action):
        """'on', 'off', 'soft off', 'cycle' or 'reset'; the last two are off and on again, for those who listen too."""
        if action != 'on':
            self._set('off')
        if action in ('on', 'cycle', 'reset'):
            self._set('on')

    def _set(self, state):
        if self.is_on == (state == 'on'):
            return
        self.is_on = state == 'on'
        if self.is_on:
            self.booted_from = self.boot.take()
            self.starts += 1
        if self._on_power:
            self._on_power(self.number, state)
