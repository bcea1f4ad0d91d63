"""Any order, loss and repetition of messages ends in the right disk or in a clear failure."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.ramdisk.agent import core
from ingot.ramdisk.agent.recorded import Recorded

NAMES = ('inventory', 'erase', 'write', 'configdrive')
WHO = core.Identity('op', 'tok', 'ses', 'boot', (), frozenset(NAMES))
CODES = {'disk-error', 'iscsi-lost', 'deadline-exceeded'}


class Api:
    """The protocol's other side, as docs/agent-protocol.md tells it; can be told that the operation is over."""

    def __init__(self, plan):
        self.plan, self.sessions, self.events, self.report, self.is_over = plan, set(), [], None, False

    def answer(self, call):
        if self.is_over:
            return 410, {}
        verb = call.path.rpartition('/')[2]
        if verb == 'hello':
            self.sessions.add(call.body['session'])
            return (200, self.plan) if len(self.sessions) == 1 and call.body['token'] == 'tok' else (401, {})
        assert call.session in self.sessions
        if verb == 'report':
            assert self.report in (None, call.body), 'a report that changed'
            self.report = call.body
            return 200, {'then': 'power off'}
        highest = self.events[-1]['seq'] if self.events else 0
        self.events += [event for event in call.body['events'] if event['seq'] > highest]
        return 200, {'seq': self.events[-1]['seq']}


class Universe:
    """Recorded agent, API, and a disk on which each action leaves its name; ``pending`` is all that could happen next."""

    def __init__(self, draw, outcomes):
        self.draw, self.outcomes = draw, outcomes
        self.api = Api({'version': 1, 'deadline': 60, 'actions': [{'action': name} for name in NAMES]})
        self.agent = Recorded(core.begin(WHO))
        self.disk, self.is_stopping, self.old = [], False, []
        self.pending = [core.Started()]

    def take(self, index, *, is_alarm=False):
        """One thing of those that could happen does; alarms ring only when asked for. False when there is none."""
        choices = [thing for thing in self.pending if (getattr(thing, 'timer', None) in ALARMS) == is_alarm]
        if not choices:
            return False
        thing = choices[index % len(choices)]
        self.pending.remove(thing)
        message = self.happen(thing) if isinstance(thing, (core.Call, core.Run)) else thing
        if message is not None:
            self.old.append(message)
            self.feed(message)
        return True

    def feed(self, message):
        was_over = self.agent.end is not None
        effects = self.agent.feed(message)
        assert not (was_over and effects), 'something happens after the end'
        for effect in effects:
            self.is_stopping |= isinstance(effect, core.Stop)
            if isinstance(effect, core.Wake):
                self.pending.append(core.Woken(effect.timer))
            elif isinstance(effect, (core.Call, core.Run)):
                self.pending.append(effect)

    def happen(self, thing):
        if isinstance(thing, core.Run):
            return self.act(thing)
        fate = self.draw('fate')
        if fate == 'request lost':
            return core.Unanswered(thing.call, 'lost')
        status, body = self.api.answer(thing)
        return core.Answered(thing.call, status, body) if fate == 'answered' else core.Unanswered(thing.call, 'lost')

    def act(self, run):
        self.pending.append(core.Told(run.index, 'progress', {'done': run.index}))
        if self.is_stopping:
            return core.Failed(run.index, {'code': 'stopped', 'message': '', 'remedy': ''}, 1.0)
        outcome = self.outcomes[run.index]
        if outcome != 'good':
            return core.Failed(run.index, {'code': outcome, 'message': outcome, 'remedy': ''}, 1.0)
        assert run.data.get('disk', []) == self.disk, 'an action does not know what those before it did'
        self.disk.append(run.action['action'])
        return core.Done(run.index, {'disk': list(self.disk)}, 1.0)


def assert_consistent(universe):
    agent, api = universe.agent, universe.api
    runs = [run.index for run in agent.all(core.Run)]
    assert runs == list(range(len(runs))), 'an action ran twice or out of order'
    assert universe.disk == list(NAMES[:len(universe.disk)])
    seqs = [event['seq'] for event in api.events]
    assert seqs == sorted(set(seqs))
    assert len(api.sessions) <= 1
    phases = [event['data']['phase'] for event in api.events if event['kind'] == 'phase']
    assert phases == list(NAMES[:len(phases)]), 'a phase is missing, doubled or in the wrong place'


def assert_ended_well(universe):
    """The end is there, and what was reported is what is on the disk."""
    report = universe.api.report
    assert universe.agent.end is not None
    assert universe.agent.end.then == 'power off'
    if report is None:
        assert 'switching off' in universe.agent.said[-1]
    elif report['result'] == 'done':
        assert universe.disk == list(NAMES)
        assert list(report['data']['timings']) == list(NAMES)
    else:
        assert report['error']['code'] in CODES
        assert report['error']['message']
        assert report['error']['action'] in NAMES


FATES = st.sampled_from(['answered', 'answered', 'request lost', 'answer lost'])
OUTCOMES = st.lists(st.sampled_from(['good', 'good', 'good', 'disk-error', 'iscsi-lost']), min_size=4, max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from([*['calm'] * 6, *['again'] * 4, 'alarm', 'over']), st.integers(0, 50)),
                 min_size=10, max_size=100)
ALARMS = ('hello', 'deadline', 'stuck', 'last word')


def live(data, steps, outcomes):
    """Chaos for ``steps``, then a world that works, until the agent has ended."""
    is_chaos = [True]
    universe = Universe(lambda name: data.draw(FATES, label=name) if is_chaos[0] else 'answered', outcomes)
    for what, index in steps:
        if what == 'again' and universe.old:
            universe.feed(universe.old[-1 - index % len(universe.old)])
        elif what == 'over':
            universe.api.is_over |= index == 7
        elif what == 'alarm':
            if index % 4 == 0:
                universe.take(index, is_alarm=True)
        else:
            universe.take(index)
        assert_consistent(universe)
    is_chaos[0] = False
    for _ in range(400):       # alarms ring last: in a world that works there is time enough
        if universe.agent.end or not (universe.take(0) or universe.take(0, is_alarm=True)):
            break
        assert_consistent(universe)
    return universe


@settings(max_examples=400)
@given(data=st.data(), steps=STEPS, outcomes=OUTCOMES)
def test_any_order_ends_in_the_right_disk_or_a_clear_failure(data, steps, outcomes):
    assert_ended_well(live(data, steps, outcomes))


@settings(max_examples=200)
@given(data=st.data(), losses=st.integers(0, 60), outcomes=OUTCOMES)
def test_losses_alone_never_change_the_result(data, losses, outcomes):
    """Without alarms and without an end from outside, the report comes, and it tells the truth."""
    universe = Universe(lambda name: data.draw(FATES, label=name) if len(universe.agent.all(core.Call)) < losses
                        else 'answered', outcomes)
    for _ in range(600):
        if universe.agent.end or not universe.take(0):
            break
    assert_consistent(universe)
    assert_ended_well(universe)
    failed = next((outcome for outcome in outcomes if outcome != 'good'), None)
    assert universe.api.report['result'] == ('failed' if failed else 'done')
    assert failed is None or universe.api.report['error']['code'] == failed
