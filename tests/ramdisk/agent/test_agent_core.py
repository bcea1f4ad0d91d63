import pytest

from ingot.ramdisk.agent import core
from ingot.ramdisk.agent.core import Answered, Call, Done, End, Failed, Run, Started, Stop, Told, Unanswered, Wake, Woken
from ingot.ramdisk.agent.recorded import Recorded

WHO = core.Identity('op-1', 'tok', 'ses', 'boot', ('52:54:00:00:00:01',), frozenset({'inventory', 'write image'}))
PLAN = {'version': 1, 'operation': 'op-1', 'node': 'n', 'deadline': 100, 'then': 'power off',
        'actions': [{'action': 'inventory'}, {'action': 'write image', 'root_device': {}}]}
BROKEN = {'code': 'disk-error', 'message': 'sda is broken', 'remedy': 'replace it'}


@pytest.fixture
def agent():
    """An agent that has just said hello."""
    agent = Recorded(core.begin(WHO))
    agent.feed(Started())
    return agent


@pytest.fixture
def worker(agent):
    """An agent that has a plan and carries out its first action."""
    agent.feed(Answered(1, 200, PLAN))
    return agent


def call(agent):
    return agent.all(Call)[-1]


def answer(agent, body=None, status=200):
    return agent.feed(Answered(call(agent).call, status, {} if body is None else body))


def settle(agent):
    """Answer events and let pauses pass, until the report is on its way."""
    for _ in range(20):
        if call(agent).path.endswith('report') and agent.state.call:
            return call(agent).body
        if agent.state.call:
            answer(agent, {})
        else:
            agent.feed(Woken(agent.all(Wake)[-1].timer))
    raise AssertionError('no report came')


def test_hello_says_who_the_machine_is(agent):
    assert call(agent) == Call(1, '/v1/agent/op-1/hello', {
        'version': 1, 'token': 'tok', 'session': 'ses', 'boot_id': 'boot', 'macs': ['52:54:00:00:00:01']}, None)


def test_hello_is_said_again_with_the_same_session_and_longer_pauses(agent):
    pauses = []
    for _ in range(7):
        agent.feed(Unanswered(call(agent).call, 'no route'))
        pauses.append(agent.all(Wake)[-1].seconds)
        agent.feed(Woken(agent.all(Wake)[-1].timer))
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10]
    assert {one.body['session'] for one in agent.all(Call)} == {'ses'}
    assert len(agent.all(Call)) == 8


@pytest.mark.parametrize('status', [500, 502, 503, 404, 429])
def test_an_api_in_trouble_is_asked_again(agent, status):
    answer(agent, {}, status)
    assert agent.end is None
    assert agent.all(Wake)[-1].seconds == 0.5


def test_a_wrong_token_is_final_and_readable(agent):
    assert answer(agent, {}, 401)[-1] == End('power off', 30)
    assert 'refused the token' in agent.said[-1]


def test_an_operation_that_is_over(agent):
    assert answer(agent, {}, 410)[-1] == End('power off', 0)


def test_nobody_answers_for_half_an_hour(agent):
    agent.feed(Woken('hello'))
    assert agent.end.then == 'power off'


def test_a_plan_starts_its_first_action(worker):
    assert worker.all(Run) == [Run(0, {'action': 'inventory'}, {})]
    assert Wake('deadline', 100) in worker.effects
    assert call(worker).body == {'events': [{'seq': 1, 'kind': 'phase', 'data': {'phase': 'inventory'}}]}
    assert call(worker).session == 'ses'


def test_a_plan_that_came_twice_is_carried_out_once(worker):
    worker.feed(Answered(1, 200, PLAN))
    worker.feed(Started())
    assert len(worker.all(Run)) == 1


@pytest.mark.parametrize(('change', 'words'), [
    ({'version': 2}, 'version 2'), ({'deadline': None}, 'deadline'), ({'deadline': True}, 'deadline'),
    ({'actions': 'all'}, 'no list'), ({'actions': ['x']}, 'no list'), ({'actions': [{'action': 'dance'}]}, '"dance"')])
def test_a_plan_that_is_not_understood_is_refused_as_a_whole(agent, change, words):
    answer(agent, {**PLAN, **change})
    assert not agent.all(Run)
    report = call(agent).body
    assert (report['result'], report['error']['code']) == ('failed', 'plan-refused')
    assert words in report['error']['message']


def test_actions_follow_each_other_and_the_report_has_it_all(worker):
    worker.feed(Done(0, {'inventory': {'cpu': 1}}, 0.25))
    assert worker.all(Run)[-1] == Run(1, PLAN['actions'][1], {'inventory': {'cpu': 1}, 'timings': {'inventory': 0.25}})
    worker.feed(Done(1, {'root_disk': {'name': 'sda'}}, 4.2))
    assert settle(worker) == {'seq': 3, 'result': 'done', 'data': {
        'inventory': {'cpu': 1}, 'root_disk': {'name': 'sda'}, 'timings': {'inventory': 0.25, 'write image': 4.2}}}


@pytest.mark.parametrize('then', ['power off', 'reboot', 'wait'])
def test_the_answer_to_the_report_says_what_now(worker, then):
    worker.feed(Done(0, {}, 1))
    worker.feed(Done(1, {}, 1))
    settle(worker)
    answer(worker, {'then': then})
    assert worker.end == End(then, 0)
    assert worker.feed(Woken('deadline')) == []


def test_a_failure_ends_the_plan(worker):
    worker.feed(Failed(0, BROKEN, 1))
    report = settle(worker)
    assert report['error'] == {**BROKEN, 'action': 'inventory'}
    assert len(worker.all(Run)) == 1


def test_a_result_that_comes_twice_or_late_counts_once(worker):
    worker.feed(Done(0, {}, 1))
    worker.feed(Done(0, {}, 1))
    worker.feed(Failed(0, BROKEN, 1))
    assert [run.index for run in worker.all(Run)] == [0, 1]
    assert worker.state.stage == 'working'
    worker.feed(Done(1, {}, 1))
    assert settle(worker)['result'] == 'done'


def test_of_progress_only_the_newest_waits(worker):
    for done in range(5):
        worker.feed(Told(0, 'progress', {'done': done}))
    worker.feed(Told(0, 'log', {'level': 'info', 'text': 'hm'}))
    answer(worker, {'seq': 1})
    assert len(worker.all(Call)) == 2
    worker.feed(Woken(worker.all(Wake)[-1].timer))
    assert call(worker).body['events'] == [{'seq': 6, 'kind': 'progress', 'data': {'done': 4}},
                                           {'seq': 7, 'kind': 'log', 'data': {'level': 'info', 'text': 'hm'}}]


def test_progress_pushes_out_no_phase_and_no_log(worker):
    worker.feed(Told(0, 'phase', {'phase': 'write image'}))
    worker.feed(Told(0, 'log', {'level': 'info', 'text': 'hm'}))
    for done in range(3):
        worker.feed(Told(0, 'progress', {'done': done}))
    answer(worker, {'seq': 1})
    worker.feed(Woken(worker.all(Wake)[-1].timer))
    assert [event['kind'] for event in call(worker).body['events']] == ['phase', 'log', 'progress']


def test_events_go_out_at_most_twice_a_second(worker):
    answer(worker, {'seq': 1})
    worker.feed(Told(0, 'progress', {'done': 1}))
    assert len(worker.all(Call)) == 2
    assert worker.all(Wake)[-1].seconds == 0.5


def test_lost_events_are_told_again(worker):
    worker.feed(Unanswered(call(worker).call, 'reset'))
    worker.feed(Woken(worker.all(Wake)[-1].timer))
    assert call(worker).body['events'][0]['seq'] == 1


def test_trouble_with_events_does_not_hold_back_the_last_word(worker):
    worker.feed(Unanswered(call(worker).call, 'reset'))
    worker.feed(Failed(0, BROKEN, 1))
    worker.feed(Woken(worker.all(Wake)[-1].timer))
    assert call(worker).path == '/v1/agent/op-1/report'


def test_events_that_the_api_refuses_are_dropped(worker):
    answer(worker, {}, 400)
    assert worker.state.outbox.events == ()
    assert worker.end is None


def test_a_report_that_the_api_refuses_becomes_a_short_one(worker):
    worker.feed(Done(0, {'inventory': {'x': 1}}, 1))
    worker.feed(Failed(1, BROKEN, 1))
    settle(worker)
    answer(worker, {}, 413)
    assert call(worker).body == {'seq': 3, 'result': 'failed', 'error': {**BROKEN, 'action': 'write image'}, 'data': {}}
    answer(worker, {}, 413)
    assert worker.all(Wake)[-1].seconds == 0.5


@pytest.mark.parametrize('status', [401, 410])
def test_an_operation_that_is_given_up_stops_the_action_first(worker, status):
    assert Stop() in answer(worker, {}, status)
    assert worker.end is None
    worker.feed(Failed(0, {'code': 'stopped', 'message': '', 'remedy': ''}, 1))
    assert worker.end == End('power off', 0)
    assert not worker.state.call


def test_an_action_that_does_not_stop_is_switched_off(worker):
    answer(worker, {}, 410)
    worker.feed(Woken('stuck'))
    assert worker.end == End('power off', 0)


def test_the_deadline_stops_the_action_and_is_reported(worker):
    assert Stop() in worker.feed(Woken('deadline'))
    worker.feed(Failed(0, {'code': 'stopped', 'message': '', 'remedy': ''}, 1))
    report = settle(worker)
    assert (report['error']['code'], report['error']['action']) == ('deadline-exceeded', 'inventory')
    worker.feed(Woken('last word'))
    assert worker.end.then == 'power off'


def test_after_the_deadline_nothing_more_is_begun(worker):
    worker.feed(Woken('deadline'))
    worker.feed(Done(0, {}, 1))
    assert len(worker.all(Run)) == 1
    assert settle(worker)['error']['code'] == 'deadline-exceeded'


def test_an_action_that_explains_its_end_is_believed(worker):
    worker.feed(Woken('deadline'))
    worker.feed(Failed(0, {**BROKEN, 'code': 'iscsi-lost'}, 1))
    assert settle(worker)['error']['code'] == 'iscsi-lost'


def test_an_action_that_hangs_at_the_deadline_is_reported(worker):
    worker.feed(Woken('deadline'))
    worker.feed(Woken('stuck'))
    assert settle(worker)['error']['code'] == 'deadline-exceeded'


def test_a_report_that_nobody_takes(worker):
    worker.feed(Failed(0, BROKEN, 1))
    worker.feed(Woken('deadline'))
    assert worker.end is None
    worker.feed(Woken('last word'))
    assert worker.end == End('power off', 0)
