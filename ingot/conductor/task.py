"""A task: a node that we hold the lock of, its driver, and the operation under way; all its writes are fenced."""

import functools
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from ingot import concurrency, errors, states
from ingot.db import clock, history, lease, operation, port, queue
from ingot.db.engine import now, shown

log = logging.getLogger(__name__)

#: What the log says of events (the feed has all of it).
_WORDS = {'provision_state': '{from} -> {to}', 'power_state': 'power {from} -> {to}', 'step': 'step "{step}", attempt {attempt}',
          'undo': 'undo of step "{step}"', 'error': '{text}'}
#: Events that go on with what is under way: the target of it stays.
_SAME_TARGET = ('wait', 'resume', 'fail', 'abort', 'hold', 'unhold')
#: What goes together with the end of an operation: no step runs any more.
_NO_STEP = {'clean_step': {}, 'deploy_step': {}, 'service_step': {}}
#: Flows at whose end an instance is on the node.
_DEPLOYING = ('deploy', 'rebuild')
#: State -> the fault of a node whose own steps failed.
_FAULTS = {'clean failed': 'clean failure', 'service failed': 'service failure'}
_TIMEOUTS = {'inspect': 'inspect_timeout', 'clean': 'clean_timeout', 'delete': 'clean_timeout'}


def patience(conf, flow):
    """Seconds that the machine has for its part of ``flow``."""
    return conf.conductor[_TIMEOUTS.get(flow, 'deploy_timeout')]


class Task:
    """One holder's view of one node: ``node`` and ``operation`` are the rows as of the last write.

    ``deadline`` (seconds since the epoch) ends the step that runs; after it the lease is not renewed any more. What machines
    write to the operation meanwhile (their report) is seen when the lock is taken anew, and after ``save_error``.
    """

    def __init__(self, conf, database, drivers, node, *, stopping=None):
        self.conf, self.database, self.drivers = conf, database, drivers
        self.node, self.epoch, self.uuid = node, node['lock_epoch'], node['uuid']
        self.operation = operation.current(database, node)
        self.deadline = clock.time() + conf.conductor.step_timeout
        self.leased_until = node['lock_expires_at']
        self.token = None             # the machine's, in clear, within the step that gives it
        self._macs = node.pop('macs', None)
        self._stopping = stopping
        self._noted = []              # what is to be written together with the next write
        self._named = self._seen = self.operation and self.operation['step']     # the step that the row names; see ``show``

    def check_lease(self):
        """Stale when the lease may be another's by now: the machine is not to be touched any more."""
        if clock.time() >= self.leased_until:
            raise errors.Stale(f'Node {self.uuid}: our lease ran out {clock.time() - self.leased_until:.1f} s ago.')

    # What it works with.

    @property
    def is_stopping(self):
        return self._stopping is not None and self._stopping.is_set()

    @property
    def is_queued(self):
        """Whether its operation waits for a place."""
        return self.operation is not None and self.operation['status'] == 'queued'

    @property
    def macs(self):
        """MACs of its ports: they do not change while the node is locked.

        Not a functools.cached_property: all instances of it share a lock, which is held while the database answers.
        """
        if self._macs is None:
            self._macs = port.macs(self.database, self.node['id'])
        return self._macs

    def interface(self, kind):
        """The node's implementation of ``kind``; InvalidParameter when its driver is not enabled here or has none.

        Stale when the lease is lost: what comes of it would touch the machine.
        """
        self.check_lease()
        return self.drivers.of(self.node).interface(self.node, kind)

    def validate(self, *kinds):
        """Ask each interface whether the node has what it needs; InvalidParameter names what is missing."""
        for kind in kinds:
            self.interface(kind).validate(self.node)

    # Writes, each one transaction and only while the lock is ours.

    def save(self, values=None, events=(), *, writes=(), also=None, is_last=False, ask=None, **of_operation):
        """Write ``values`` to the node and ``of_operation`` to the operation, and what was noted; Stale when the lock is lost.

        ``ask``: a batch.Ask that is told when it is written.
        """
        notes = [*self._noted, _Note(values, events, writes, also, of_operation)]
        self._noted = []

        def change(row):
            return functools.reduce(lambda changed, note: changed | note.changes(row | changed), notes, {})

        def also(connection):
            for note in notes:
                if note.also:
                    note.also(connection)
        merged = functools.reduce(lambda changed, note: changed | note.of_operation, notes, {})
        write, changed = operation.changing(self.operation['uuid'], merged) if merged else (None, {})
        events = [event for note in notes for event in note.events]
        self.node = lease.update(
            self.database, self.node, self.epoch, change, events, is_last=is_last, ask=ask,
            writes=[*([write] if merged else ()), *(write for note in notes for write in note.writes)],
            also=also if any(note.also for note in notes) else None)
        if merged:
            self.operation = self.operation | changed
            self._named = self.operation['step']
        if events:
            level = logging.ERROR if any(kind == 'error' for kind, _ in events) else logging.INFO
            log.log(level, 'Node %s: %s', self.uuid, '; '.join(_WORDS[kind].format(**data) for kind, data in events))

    def note(self, values=None, events=(), *, writes=(), also=None, **of_operation):
        """As ``save``, together with the next write: for the end of a step, which comes to the same when it runs again.

        Only for what the database takes as it is: its refusal would not be an error of the step any more.
        """
        note = _Note(values, events, writes, also, of_operation)
        self._noted.append(note)
        self.node = self.node | note.changes(self.node)
        if of_operation:
            self.operation = self.operation | of_operation

    def accept(self, event, work, first, *, target=None, ended=None, values=None, has_room=True):
        """Store an operation: one write moves the node by ``event``, stores ``work``, begins with its ``first`` step and ends the
        operation named ``ended``.

        True when it begins now; or it is queued and the lock is let go of. ``has_room``: there is a worker to begin with it.
        """
        change, events = self._move(event, target=target)
        place = queue.place(self.database, work['flow'], self.node, has_room=has_room)
        is_queued = place['status'] == 'queued'
        if not is_queued:
            place |= self._beginning(first)
            events.append(('step', {'operation': work['uuid'], 'flow': work['flow'], 'step': first.name, 'attempt': 1}))
        writes, stored = operation.inserting(work | place)
        if ended:
            writes.insert(0, operation.ending(ended, f'Ended by the request for "{work["flow"]}".'))
        change |= {'operation': work['uuid'], 'last_error': None, 'target_power_state': None, **(values or {})}
        asking = queue.asking() if place.get('admitted_at') else None
        self.save(change, events, writes=writes, is_last=is_queued, ask=asking)
        self.operation = stored | {'node': self.uuid}
        self._named = self.operation['step']
        if is_queued:                    # and may be admitted by now, and be another's
            return False
        if self.has_place and (queue.is_limited(self.database) if asking.answer is None else asking.answer):
            self.line_up()
            return False
        return True

    @property
    def has_place(self):
        return self.operation['admitted_at'] is not None

    def line_up(self, step=None):
        """Wait for a place, to go on with ``step`` (or where it is), and let go of the lock."""
        values = {} if step is None else {'step': step.name}
        self.save(is_last=True, attempt=0, **queue.waiting(self.node), **values)

    def withdraw(self, values, *, writes, also):
        """End an operation that is queued, before anything came of it: the node is as it was, but for ``values``."""
        before, after = self.node['provision_state'], self.operation['state_before']
        moved = {'provision_state': after, 'target_provision_state': None, 'provision_updated_at': now(), 'operation': None}
        event = self._event('provision_state', **{'from': before, 'to': after, 'event': 'delete', 'target': None})
        self.save(moved | values, [event], writes=writes, also=also, is_last=True, status='failed', finished_at=now(),
                  error='It was withdrawn while it was queued.')

    def begin(self, step, **of_operation):
        """Save that ``step`` is about to run: its name, which attempt it is, whose epoch it runs in, and ``of_operation``.

        A quiet step is noted alone: who takes over begins with the one before it, and comes here again. Its row goes on with the
        attempts of that one.
        """
        attempt = self.operation['attempt'] + 1 if self.operation['step'] == step.name else 1
        counted = max(attempt, self.operation['attempt']) if step.is_quiet else attempt
        is_waiting = self.node['provision_state'] in states.WAITING
        values, events = self._move('resume') if is_waiting else ({}, [])
        write = self.note if step.is_quiet and attempt == 1 and not is_waiting else self.save
        write(values, [*events, self._event('step', step=step.name, attempt=attempt)],
              **self._beginning(step, counted), **of_operation)

    def show(self):
        """Called once in a heartbeat, by another thread: a quiet step that lasts is named in the row all the same."""
        running, seen = self.operation, self._seen
        self._seen = running and running['step']
        if running and running['step'] == seen != self._named:
            before = self._named
            lease.update(self.database, self.node, self.epoch, writes=[operation.naming(running, before)])
            if self._named == before:        # its own thread may have written meanwhile
                self._named = seen

    def is_in(self, step):
        """``step`` is the name of where the operation is, though its row may name another one; nothing is written."""
        self.operation = self.operation | {'step': step}

    def has_begun(self, step):
        """Whether ``step`` was begun by the one who holds the lock now, and nothing since."""
        return (self.operation['step'], self.operation['epoch']) == (step.name, self.epoch) and self.operation['attempt'] > 0

    def _beginning(self, step, attempt=1):
        """What the operation remembers when ``step`` begins, which sets its deadline."""
        self.deadline = clock.time() + (step.seconds(self.conf) if step.seconds else self.conf.conductor.step_timeout)
        return {'status': 'running', 'step': step.name, 'attempt': attempt, 'epoch': self.epoch, 'deadline_at': self.deadline}

    def begin_at_its_place(self, step):
        """As ``begin``, for a step that needs a place: False, and the operation is queued, when there is none at once."""
        if self.has_place:
            self.begin(step)
            return True
        if not queue.is_limited(self.database):
            self.begin(step, admitted_at=clock.time())
            if not queue.is_limited(self.database):     # asked again: a policy may have come that did not see us
                return True
        self.line_up(step)
        return False

    def begin_undo(self, step):
        """Make sure that the lock is ours still before something is undone."""
        self.deadline = clock.time() + self.conf.conductor.step_timeout
        self.save(None, [self._event('undo', step=step.name)], status='running', epoch=self.epoch,
                  deadline_at=self.deadline)

    def park(self):
        """The machine works alone from here: move to the waiting state and let go of the lock."""
        values, events = self._move('wait')
        self.save(values, events, is_last=True, status='waiting', deadline_at=clock.time() + self.patience)

    def hold(self):
        """An operator has the word: move to the state of holding and let go of the lock; no deadline ends this."""
        values, events = self._move('hold')
        self.save(values, events, is_last=True, status='held')

    def unhold(self, step):
        """The operator says go: ``step`` is next."""
        values, events = self._move('unhold')
        self.save(values, events, status='running', step=step, attempt=0)

    def start_again(self, reason):
        """The machine boots anew, from here, unless it has done its part: what it booted from, or read from, is gone; or nothing
        was heard of it."""
        report = self.operation['report']
        if self.operation['step'] != 'await machine' or (report and report['result'] == 'done'):
            return
        if report and not self.operation['export_iqn']:       # it had all that it needed
            return
        text = f'The machine boots once more: {reason}'
        log.warning('Node %s: %s', self.uuid, text)
        words = history.recording(self.node, text, kind=self._kind, severity='WARNING', conductor=self.conf.host)
        self.note(writes=[words], step='start ramdisk', attempt=1, **operation.UNHEARD)

    def pause(self, seconds):
        """Let ``seconds`` pass, unless this conductor is about to end."""
        if self._stopping is None:
            concurrency.Event().wait(seconds)
        else:
            self._stopping.wait(seconds)

    def hand_over(self):
        """Stop between two steps; whoever looks next goes on."""
        if self._noted:
            self.save()
        lease.hand_over(self.database, self.uuid, self.epoch)

    def finish(self):
        """All is done: move to the target, end the operation and let go of the lock in one write."""
        back = self.node['provision_state'] == 'cleaning' and (
            self.node['target_provision_state'] == 'manageable' or self.node['retired'])
        values, events = self._move('manage' if back else 'done')
        if self.node['fault'] in ('clean failure', 'service failure'):
            values |= {'maintenance': False, 'maintenance_reason': None, 'fault': None}
        if self.operation['flow'] in _DEPLOYING:
            values['last_deployed_at'] = now()
        self.save(values | self._heard() | _NO_STEP | {'operation': None}, events, writes=self._end_words(), is_last=True,
                  status='done', finished_at=now(), plan=None)

    def save_error(self, text):
        """Write why the operation fails, before anything is undone; from now on its machine is told to stop."""
        self.save(None, [self._event('error', text=text)], status='running', error=text, step=self.operation['step'])
        self.operation = operation.get(self.database, self.operation['uuid'])

    def finish_failed(self):
        """All is undone: move to the state of failure, tell why, end the operation and let go of the lock."""
        error = self.operation['error']
        can_fail = (self.node['provision_state'], 'fail') in states.MOVES
        values, events = self._move('fail' if can_fail else 'abort')
        fault = _FAULTS.get(values['provision_state'])
        if fault and (self.operation['session_hash'] or self.node['clean_step'] or self.node['service_step']):
            values |= {'maintenance': True, 'maintenance_reason': error, 'fault': fault}
        words = history.recording(self.node, error, kind=self._kind, conductor=self.conf.host)
        self.save(values | self._heard() | _NO_STEP | {'operation': None, 'last_error': error}, events, writes=[words],
                  is_last=True, status='failed', finished_at=now(), plan=None)

    def _heard(self):
        """When its agent spoke last: the operation knows it while it lasts, the node once it is over."""
        return {'last_heartbeat_at': shown(self.operation['heard_at'])} if self.operation['heard_at'] else {}

    def _end_words(self):
        if self._kind != 'cleaning':
            return []
        return [history.recording(self.node, f'{self.operation["flow"]} ended.', kind='cleaning', severity='INFO',
                                  conductor=self.conf.host)]

    @property
    def _kind(self):
        return 'cleaning' if 'clean' in self.operation['flow'] else 'provisioning'

    def move(self, event, values=None, *, writes=(), also=None):
        """Move the node by ``event`` with more ``values``, in the middle of a flow; written with the next write."""
        change, events = self._move(event)
        self.note(change | (values or {}), events, writes=writes, also=also)

    def release(self):
        """Let go of the lock, with a last write of what was noted."""
        if self._noted:
            self.save(is_last=True)
        else:
            lease.release(self.database, self.uuid, self.epoch)

    # Power, as every flow needs it.

    def power(self, target, timeout=None):
        """Bring the machine to ``target`` within ``timeout`` seconds; the state that it reached is noted.

        What was noted is written before: an operator sees what is, while the machine is switched.
        """
        if self._noted:
            self.save()
        self.interface('power').set(self.node, target, timeout or self.conf.conductor.power_timeout)
        self.note_power(states.POWER_RESULT[target])

    def note_power(self, state, **values):
        """The power state (and ``values`` of the node) are written with the next write."""
        if state != self.node['power_state']:
            event = self._event('power_state', **{'from': self.node['power_state'], 'to': state})
            self.note({'power_state': state, **values}, [event])
        elif values:
            self.note(values)

    @property
    def patience(self):
        return patience(self.conf, self.operation['flow'])

    def _move(self, event, *, target=None):
        """(values, events) of the move that ``event`` makes."""
        before = self.node['provision_state']
        if event in _SAME_TARGET:
            target = target or self.node['target_provision_state']
        after = states.move(before, event, target=target, is_queued=self.is_queued)
        data = {'from': before, 'to': after.state, 'event': event, 'target': after.target}
        return ({'provision_state': after.state, 'target_provision_state': after.target, 'provision_updated_at': now()},
                [self._event('provision_state', **data)])

    def _event(self, kind, **data):
        if self.operation:
            data |= {'operation': self.operation['uuid'], 'flow': self.operation['flow']}
        return kind, data


class _Note(NamedTuple):
    """One change: values of the node (or a function of its row that gives them), events, more writes, what else, values of the
    operation."""

    values: Any
    events: list
    writes: list
    also: Callable | None
    of_operation: dict

    def changes(self, row):
        return self.values(row) if callable(self.values) else self.values or {}
