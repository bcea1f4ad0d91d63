"""A fleet: so many machines, their BMCs on one UDP socket, and the plan of their faults."""

from ingot.lab.fleet import identity
from ingot.lab.fleet.machine import Machine
from ingot.lab.server import BmcServer


class Fleet:
    """``count`` BMCs at the addresses from ``first`` on, all on UDP ``port`` (0: any free one; see ``port``).

    Machine ``number`` is ``machines[number]`` behind ``bmcs[number]`` at ``addresses[number]``. ``on_power``: see Machine.
    ``faults`` (see ``faults.read``) begin to count at ``start``.
    """

    def __init__(self, count, *, first=identity.FIRST, port=identity.PORT, seed=0, faults=(), on_power=None):
        self.seed, self.addresses = identity.check_seed(seed), identity.addresses(count, first)
        self._faults = faults
        self._server = BmcServer('0.0.0.0', port, seed=seed)
        self.port = self._server.port
        self.machines = [Machine(number, identity.system(seed, number), on_power) for number in range(count)]
        self.bmcs = [self._server.add(address, machine, identity.USER, identity.password(seed, machine.number))
                     for address, machine in zip(self.addresses, self.machines, strict=True)]

    def __len__(self):
        return len(self.machines)

    def start(self):
        for fault in self._faults:
            if fault.after:
                self._server.later(fault.after, lambda fault=fault: self._begin(fault))
            else:
                self._begin(fault)
        self._server.start()

    def stop(self):
        self._server.stop()

    def access(self, number):
        """What a node's driver_info says of this BMC."""
        return identity.access(self.seed, number, self.addresses[number], self.port)

    def turn(self, number, **knobs):
        """Turn knobs of one BMC (``ingot.lab.bmc.Knobs``, and ``reset`` with seconds) now."""
        for name, value in knobs.items():
            self.bmcs[number].turn(name, value)

    def _begin(self, fault):
        for number in fault.numbers:
            self.turn(number, **fault.knobs)
        if fault.lasts is not None:
            self._server.later(fault.lasts, lambda: self._end(fault))
        if fault.every is not None:
            self._server.later(fault.every, lambda: self._begin(fault))

    def _end(self, fault):
        for number in fault.numbers:
            self.turn(number, **fault.undo)
