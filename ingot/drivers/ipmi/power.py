"""Power over IPMI: every change is confirmed by reading the state back (IPMI 2.0 sections 28.2 and 28.3)."""

import time

from ingot import concurrency, errors, states
from ingot.drivers.ipmi import address
from ingot.drivers.ipmi.owner import Owner

_CHASSIS, _STATUS, _CONTROL = 0, 1, 2
_OFF, _ON, _SOFT_OFF = 0, 1, 5
#: What a target comes to: (chassis control, the state to wait for), one after the other.
_WAYS = {
    states.POWER_ON: ((_ON, states.POWER_ON),),
    states.POWER_OFF: ((_OFF, states.POWER_OFF),),
    states.REBOOT: ((_OFF, states.POWER_OFF), (_ON, states.POWER_ON)),
    states.SOFT_POWER_OFF: ((_SOFT_OFF, states.POWER_OFF),),
    states.SOFT_REBOOT: ((_SOFT_OFF, states.POWER_OFF), (_ON, states.POWER_ON)),
}
_AGAIN = 5.0     # seconds after which an order that is not obeyed is given again: some BMCs drop one right after another


class IpmiPower:
    """Reboots are off, confirmed, then on: a hard reset would leave nothing to confirm."""

    def __init__(self, context):
        self._owner = context.service(Owner)
        self._poll = context.conf.ipmi.poll_seconds
        self._seconds = context.conf.ipmi.command_timeout

    def properties(self):
        return address.PROPERTIES

    def validate(self, node):
        address.read(node)

    def supported(self, node):
        return list(_WAYS)

    def state(self, node):
        return self._state(address.read(node), self._seconds)

    def begin_state(self, node, answered):
        def tell(data, error):
            answered(None, error) if error else answered(_read(data))
        self._owner.begin(address.read(node), _CHASSIS, _STATUS, tell)

    def set(self, node, target, timeout):
        """Bring the machine to ``target`` within ``timeout`` seconds; a machine that is there already is left alone.

        Raises DeadlineExceeded, BmcUnreachable, BmcRefused, InvalidParameter for an unknown target.
        """
        if target not in _WAYS:
            raise errors.InvalidParameter(f'Node {node["uuid"]}: no power target "{target}"; '
                                          f'possible: {", ".join(_WAYS)}.')
        change = _Change(self, address.read(node), target, timeout)
        for order, wanted in _WAYS[target]:
            change.make(order, wanted)

    def _state(self, bmc, seconds):
        return _read(self._owner.ask(bmc, _CHASSIS, _STATUS, seconds=seconds))

    def _order(self, bmc, order, seconds):
        self._owner.ask(bmc, _CHASSIS, _CONTROL, [order], seconds=seconds)


def _read(status):
    return states.POWER_ON if status[0] & 1 else states.POWER_OFF


class _Change:
    """One call of ``set``: its clock, and what was seen last."""

    def __init__(self, power, bmc, target, timeout):
        self._power, self._bmc, self._target, self._timeout = power, bmc, target, timeout
        self._deadline = time.monotonic() + timeout
        self._seen, self._ordered_at = 'unknown', None

    def make(self, order, wanted):
        """Give ``order`` and see ``wanted``; what fails on the way there is tried again until the time is over."""
        self._seen, self._ordered_at = self._power._state(self._bmc, self._left()), None
        if self._seen == wanted:
            return
        self._give(order)
        if not concurrency.wait_for(lambda: self._look(order) == wanted, self._deadline - time.monotonic(),
                                    every=self._power._poll):
            raise errors.DeadlineExceeded(
                f'{self._bmc}: "{self._target}" was not reached within {self._timeout:.3g} s; last seen: {self._seen}.',
                remedy='Look at the machine: it may refuse to switch, or its system may not obey the power button.')

    def _look(self, order):
        try:
            self._seen = self._power._state(self._bmc, self._left())
            if order != _SOFT_OFF and time.monotonic() - self._ordered_at > _AGAIN:
                self._give(order)
        except errors.BmcUnreachable as error:     # some BMCs are silent while they switch
            self._seen = f'nothing ({error})'
        return self._seen

    def _give(self, order):
        self._power._order(self._bmc, order, self._left())
        self._ordered_at = time.monotonic()

    def _left(self):
        return max(0.5, min(self._power._seconds, self._deadline - time.monotonic()))
