"""Whatever is asked, reported, or dies, in whatever order: a node never sticks, and nothing is left behind."""

import contextlib
import pathlib
import tempfile
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingot import errors, states
from ingot.conductor import orphans, watch

VERBS = ['manage', 'provide', 'active', 'rebuild', 'deleted', 'abort', 'inspect', 'adopt']
EVENTS = ['hello', 'done', 'failed', 'late', 'restart', 'die soon', 'fail soon', 'power on', 'power off']
SILENT = {'fake': {'deploy.machine_report': {'silent': True}}}


@settings(max_examples=30, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(['enroll', 'manageable', 'available']),
       st.lists(st.sampled_from(VERBS + EVENTS), min_size=3, max_size=14))
def test_no_sequence_leads_into_a_dead_end(make_house, start, sequence):
    with tempfile.TemporaryDirectory() as folder:
        house = make_house(pathlib.Path(folder))
        game = Game(house, start)
        for move in sequence:
            game.play(move)
        game.settle()
        house.database.close()


class Game:
    """One node, one conductor after the other, and what happens to them."""

    def __init__(self, house, start):
        self.house, self.node = house, house.node(start, driver_info=SILENT)
        self.service = house.service()
        self.agent = None

    def play(self, move):
        name = move.replace(' ', '_')
        if move in VERBS:
            self.ask(lambda: self.service.provision(self.node, move))
        elif move.startswith('power'):
            self.ask(lambda: self.service.power(self.node, move))
        else:
            getattr(self, name)()
        self.rest()

    def ask(self, request):
        with contextlib.suppress(errors.Invalid, errors.Locked):
            request()

    def hello(self):
        if self.house.world.macs(self.node):
            self.agent = self.house.agent(self.node)
            self.tell(self.agent.hello)

    def done(self):
        self.report('done')

    def failed(self):
        self.report('failed', error={'code': 'disk-error', 'message': 'The disk is broken.'})

    def report(self, *args, **kwargs):
        if self.agent:
            self.tell(lambda: self.agent.report(*args, **kwargs))
            self.service.continue_operation(self.agent.operation)

    def tell(self, word):
        with contextlib.suppress(errors.OperationEnded, errors.NotAuthorized):
            word()

    def late(self):
        if self.house.row(self.node)['operation']:
            self.house.change_operation(self.node, deadline_at=time.time() - 1)
        self.service.crew.started_at -= 10_000
        watch.machines(self.service.crew)

    def restart(self):
        self.service.stop()
        self.service = self.house.service()
        self.service.crew.take_up()

    def die_soon(self):
        self.house.world.after = self.once(self.house.Death)

    def fail_soon(self):
        self.house.world.before = self.once(errors.HardwareFailure('seeded failure'))

    def once(self, error):
        def hook(kind, method, row):
            if method in ('set', 'publish', 'withdraw', 'fetch', 'export'):
                self.house.world.before = self.house.world.after = None
                raise error
        return hook

    def rest(self):
        row = self.house.settle(self.service, self.node)
        assert row['provision_state'] in states.STATES
        if row['operation'] and self.house.operations(self.node)[-1]['status'] == 'waiting':
            assert (row['provision_state'] in states.WAITING, row['lock_owner']) == (True, None)
        elif row['operation']:
            assert row['lock_owner'], 'only a dead conductor leaves work that nobody waits for'
        else:
            assert row['provision_state'] in states.STABLE or row['provision_state'].endswith('failed')

    def settle(self):
        """Time passes; then the node is at rest, has an exit, and nothing is left but a running instance."""
        self.house.world.before = self.house.world.after = None
        for _ in range(3):
            self.restart()
            self.late()
            self.rest()
        row = self.house.row(self.node)
        at_rest = row['provision_state'] in states.STABLE or row['provision_state'].endswith('failed')
        assert at_rest, row['provision_state']
        assert states.verbs(row['provision_state'])
        assert (row['operation'], row['lock_owner'], row['target_power_state']) == (None, None, None)
        assert not [one for one in self.house.operations(self.node) if one['status'] not in ('done', 'failed')]
        orphans.search(self.service.crew)
        assert set(self.house.world.leftovers(self.node)) <= {'power on'}
        self.service.stop()
