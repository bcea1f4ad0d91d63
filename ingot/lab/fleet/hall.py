"""A hall: whole machines, their BMCs on one UDP socket and their insides in one loop; one plan of faults for both."""

from ingot.lab.fleet import faults, tally
from ingot.lab.fleet.fleet import Fleet
from ingot.lab.fleet.world import World


class Hall:
    """``count`` machines that netboot from ``boot_url``, from ``start`` to ``stop``: what a BMC is told happens to its machine.

    :param plan: faults of BMCs and troubles of machines (faults.load). :param pace: see World. ``options``: of the Fleet.
    """

    def __init__(self, count, boot_url, *, plan=(), pace=1.0, seed=0, **options):
        self.fleet = Fleet(count, seed=seed, faults=faults.of_bmcs(plan), on_power=self._switch, **options)
        self.world = World(count, boot_url=boot_url, faults=faults.of_machines(plan), seed=seed, pace=pace, tell=self._tell)

    def start(self):
        self.world.start()
        self.fleet.start()

    def stop(self):
        """The BMCs fall silent first, so that nobody sees their machines go off."""
        self.fleet.stop()
        self.world.stop()

    def sum_up(self):
        """What was done so far, in words; see ``tally.words``."""
        counts, stages = self.world.ask(lambda: ([dict(machine.counts) for machine in self.world.machines],
                                                 [machine.stage for machine in self.world.machines]))
        return tally.words(counts, stages)

    def _switch(self, number, state):
        self.world.switch(number, state, self.fleet.machines[number].booted_from)

    def _tell(self, number, state):
        """A machine that has switched itself off: its BMC says so."""
        self.fleet.machines[number].obey('off')
