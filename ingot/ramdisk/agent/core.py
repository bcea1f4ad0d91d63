"""The agent's mind: ``step(state, message) -> (state, effects)``; pure.

It decides what is said to the API and when, which action runs, and when the machine goes off. At most one call is on
its way and at most one action runs. Every call and every pause has a number, so that answers and timers that come late,
twice or out of order are recognised and change nothing. The protocol is docs/agent-protocol.md.
"""

from typing import NamedTuple

from .messages import Answered, Call, Done, End, Failed, Run, Say, Started, Stop, Told, Unanswered, Wake, Woken
from .outbox import Outbox

POWER_OFF = 'power off'
_HELLO_SECONDS = 1800      # to reach the API before there is a plan that says how long
_LAST_WORD_SECONDS = 60    # for the report after the deadline
_STUCK_SECONDS = 30        # for an action to obey a stop
_REFUSED_SECONDS = 30      # so that a person at the console can read why
_PACE_SECONDS = 0.5        # between two calls with events
_REFUSALS = (400, 413, 415, 422)     # saying the same thing again gets the same answer


# -- state -------------------------------------------------------------------------------------------------------------
class Identity(NamedTuple):
    """Who the machine is, and which actions it can carry out."""

    operation: str
    token: str
    session: str
    boot_id: str
    macs: tuple
    known: frozenset


class State(NamedTuple):
    who: Identity
    stage: str = 'hello'           # hello working reporting stopping ended
    plan: dict | None = None
    index: int = -1                # of the running action
    data: dict = {}                # replaced, never changed in place
    outbox: Outbox = Outbox()
    report: dict | None = None
    call: tuple | None = None      # (number, 'hello' | 'events' | 'report', highest seq in it)
    pause: tuple | None = None     # (number, is it a back-off?)
    numbers: int = 0
    failures: int = 0              # calls that failed in a row
    is_late: bool = False


def begin(who):
    return State(who)


def step(state, message):
    """What ``message`` makes of ``state``, and what is to be done in the world."""
    if state.stage == 'ended':
        return state, []
    state, effects = _HANDLERS[type(message)](state, message)
    state, more = _speak(state)
    return state, effects + more


# -- saying things -----------------------------------------------------------------------------------------------------
def _speak(state):
    """Start the next call, if there is something to say and nothing is on its way."""
    kind = _next_kind(state)
    if kind is None:
        return state, []
    number = state.numbers + 1
    body, highest = _body(state, kind)
    call = Call(number, f'/v1/agent/{state.who.operation}/{kind}', body, None if kind == 'hello' else state.who.session)
    return state._replace(call=(number, kind, highest), numbers=number, pause=None), [call]


def _next_kind(state):
    is_backing_off = state.pause is not None and state.pause[1]
    if state.call or is_backing_off or state.stage in ('ended', 'stopping'):
        return None
    if state.stage == 'hello':
        return 'hello'
    if state.report:                  # events get one chance, so that trouble with them cannot hold the last word back
        return 'events' if state.outbox.events and not state.failures else 'report'
    return 'events' if state.outbox.events and state.pause is None else None


def _body(state, kind):
    if kind == 'hello':
        who = state.who
        return {'version': 1, 'token': who.token, 'session': who.session, 'boot_id': who.boot_id,
                'macs': list(who.macs)}, 0
    if kind == 'events':
        batch = state.outbox.batch()
        return {'events': batch}, batch[-1]['seq']
    return state.report, state.report['seq']


def _pause(state, seconds, *, is_backoff):
    number = state.numbers + 1
    return state._replace(numbers=number, pause=(number, is_backoff)), [Wake(number, seconds)]


def back_off(failures):
    """Seconds to wait after so many failures in a row: 0.5, 1, 2, 4, 8, 10, 10 ..."""
    return min(10.0, 0.5 * 2 ** min(failures - 1, 10))


def _try_again(state, reason):
    state = state._replace(failures=state.failures + 1)
    seconds = back_off(state.failures)
    state, effects = _pause(state, seconds, is_backoff=True)
    return state, [Say(f'no answer from the API ({reason}), again in {seconds:g} s'), *effects]


# -- handlers ----------------------------------------------------------------------------------------------------------
def _started(state, message):
    return state, [Wake('hello', _HELLO_SECONDS), Say(f'calling home for operation {state.who.operation}')]


def _answered(state, message):
    if state.call is None or state.call[0] != message.call:
        return state, []
    (_, kind, highest), state = state.call, state._replace(call=None)
    if message.status in (401, 410):
        return _dismissed(state, kind, message)
    if message.status == 200 and isinstance(message.body, dict):
        return _ACCEPTED[kind](state._replace(failures=0), message.body, highest)
    if message.status in _REFUSALS and kind != 'hello':
        return _refused(state, kind, message, highest)
    return _try_again(state, f'status {message.status}')


def _unanswered(state, message):
    if state.call is None or state.call[0] != message.call:
        return state, []
    return _try_again(state._replace(call=None), message.reason)


def _dismissed(state, kind, message):
    """401 and 410: nobody wants us any more."""
    if kind == 'hello' and message.status == 401:
        return _end(state, POWER_OFF, 'the API refused the token of this boot (used up, wrong, or of an operation that is '
                    f'over): switching off in {_REFUSED_SECONDS} s. Start the operation again.', _REFUSED_SECONDS)
    why = 'the operation is over' if message.status == 410 else 'the API does not know this session any more'
    if state.stage == 'working':
        return state._replace(stage='stopping'), [Say(f'{why}: stopping'), Stop(), Wake('stuck', _STUCK_SECONDS)]
    return _end(state, POWER_OFF, f'{why}: switching off')


def _refused(state, kind, message, highest):
    """The API understood and did not like it: events are dropped, a report is replaced by a short one, once."""
    if kind == 'events':
        state, effects = _pause(state._replace(outbox=state.outbox.settle(highest)), _PACE_SECONDS, is_backoff=False)
        return state, [Say(f'the API refused events (status {message.status}), dropped'), *effects]
    if not state.report.get('data'):
        return _try_again(state, f'status {message.status}')
    error = {'code': 'internal', 'action': '', 'remedy': 'See the log of the API.',
             'message': f'The API refused the report (result {state.report["result"]}) with status {message.status}.'}
    report = {'seq': state.report['seq'], 'result': 'failed', 'error': state.report.get('error', error), 'data': {}}
    return state._replace(report=report), [Say(error['message'])]


def _got_plan(state, plan, _):
    fault = _fault_of(plan, state.who.known)
    state = state._replace(stage='working', plan=plan if isinstance(plan, dict) else {})
    if fault:
        return _finish(state, {'code': 'plan-refused', 'action': '', 'message': fault,
                               'remedy': 'Build the ramdisk from the same version of Ingot as the conductor.'})
    state, effects = _next_action(state)
    return state, [Say(f'got a plan of {len(plan["actions"])} actions'), Wake('deadline', plan['deadline']), *effects]


def _fault_of(plan, known):
    """What is wrong with the plan as a whole, or None. Nothing was touched yet."""
    if plan.get('version') != 1:
        return f'The plan has version {plan.get("version")!r}; this ramdisk understands 1.'
    if isinstance(plan.get('deadline'), bool) or not isinstance(plan.get('deadline'), (int, float)):
        return f'The deadline of the plan is {plan.get("deadline")!r}, not a number of seconds.'
    if not isinstance(plan.get('actions'), list) or not all(isinstance(one, dict) for one in plan['actions']):
        return 'The plan has no list of actions.'
    unknown = [str(one.get('action')) for one in plan['actions'] if one.get('action') not in known]
    return (f'The plan asks for "{unknown[0]}"; this ramdisk knows: {", ".join(sorted(known))}.' if unknown else None)


def _next_action(state):
    index = state.index + 1
    if index == len(state.plan['actions']):
        return _finish(state, None)
    action = state.plan['actions'][index]
    state = state._replace(index=index, outbox=state.outbox.put('phase', {'phase': action['action']}))
    return state, [Say(action['action']), Run(index, action, state.data)]


def _told(state, message):
    if message.index != state.index or state.stage != 'working':
        return state, []
    says = [Say(message.data['phase'])] if message.kind == 'phase' else []
    says += [Say(message.data['text'])] if message.kind == 'log' else []
    return state._replace(outbox=state.outbox.put(message.kind, message.data)), says


def _done(state, message):
    if not _is_expected(state, message):
        return state, []
    state = _timed(state, message, message.data)
    if state.stage == 'stopping':
        return _end(state, POWER_OFF, 'stopped: switching off')
    if state.is_late:
        return _finish(state, _late(state))
    return _next_action(state)


def _failed(state, message):
    if not _is_expected(state, message):
        return state, []
    state = _timed(state, message, {})
    if state.stage == 'stopping':
        return _end(state, POWER_OFF, 'stopped: switching off')
    if message.error['code'] == 'stopped':
        return _finish(state, _late(state))
    return _finish(state, {**message.error, 'action': state.plan['actions'][state.index]['action']})


def _is_expected(state, message):
    return message.index == state.index and state.stage in ('working', 'stopping')


def _timed(state, message, data):
    name = state.plan['actions'][message.index]['action']
    timings = {**state.data.get('timings', {}), name: round(message.seconds, 3)}
    return state._replace(data={**state.data, **data, 'timings': timings})


def _late(state):
    name = state.plan['actions'][state.index]['action']
    return {'code': 'deadline-exceeded', 'action': name,
            'message': f'The plan was not done within its {state.plan["deadline"]:g} s; they ended in "{name}".',
            'remedy': 'See the progress of the operation for what took so long; raise the timeout of the operation.'}


def _finish(state, error):
    """The last word is ready: done when there is no ``error``."""
    outbox, seq = state.outbox.number()
    report = {'seq': seq, 'result': 'failed' if error else 'done', 'data': state.data}
    if error:
        report['error'] = error
    says = f'failed ({error["code"]}): {error["message"]}' if error else 'done'
    wake = [Wake('last word', _LAST_WORD_SECONDS)] if state.is_late else []
    return state._replace(stage='reporting', outbox=outbox, report=report), [Say(says), *wake]


def _events_stored(state, body, highest):
    seq = body.get('seq')
    state = state._replace(outbox=state.outbox.settle(max(seq, highest) if isinstance(seq, int) else highest))
    return _pause(state, _PACE_SECONDS, is_backoff=False)


def _report_stored(state, body, _):
    then = body.get('then') or (state.plan or {}).get('then') or POWER_OFF
    return _end(state, then, f'reported; now: {then}')


def _end(state, then, text, seconds=0):
    return state._replace(stage='ended', call=None, pause=None), [Say(text), End(then, seconds)]


def _woken(state, message):
    if message.timer in _ALARMS:
        return _ALARMS[message.timer](state)
    if state.pause and state.pause[0] == message.timer:
        return state._replace(pause=None), []
    return state, []


def _hello_late(state):
    if state.stage != 'hello':
        return state, []
    return _end(state, POWER_OFF, f'the API did not answer for {_HELLO_SECONDS} s: switching off')


def _deadline(state):
    if state.stage == 'working':
        return state._replace(is_late=True), [Say('the deadline has passed: stopping'), Stop(),
                                                      Wake('stuck', _STUCK_SECONDS)]
    return state._replace(is_late=True), [Wake('last word', _LAST_WORD_SECONDS)]


def _stuck(state):
    if state.stage == 'stopping':
        return _end(state, POWER_OFF, 'an action does not stop: switching off')
    return _finish(state, _late(state)) if state.stage == 'working' else (state, [])


def _last_word(state):
    return _end(state, POWER_OFF, 'nobody took the report: switching off')


_ACCEPTED = {'hello': _got_plan, 'events': _events_stored, 'report': _report_stored}
_ALARMS = {'hello': _hello_late, 'deadline': _deadline, 'stuck': _stuck, 'last word': _last_word}
_HANDLERS = {Started: _started, Answered: _answered, Unanswered: _unanswered, Woken: _woken, Told: _told, Done: _done,
             Failed: _failed}
