"""The flows that this conductor runs now: who takes a lock, who keeps it alive, who takes up what others left."""

import contextlib
import functools
import logging

from ingot import concurrency, errors, fence, ring
from ingot.conductor import flow, offers, placement, power, queue, verb
from ingot.conductor.sync import Sync
from ingot.conductor.task import Task
from ingot.db import clock, lease
from ingot.db import conductor as conductors
from ingot.db import node as nodes
from ingot.db import operation as operations

log = logging.getLogger(__name__)
#: Seconds that ``stop`` waits for the steps that run.
PATIENCE = 20


class Crew:
    """Tasks by node, and the pool that carries them out."""

    def __init__(self, conf, database, drivers):
        self.conf, self.database, self.drivers = conf, database, drivers
        self.pool = concurrency.Pool(conf.workers, 'flow')
        self.steps_of = verb.steps_of
        self.line = queue.Line(self)
        self.started_at = clock.time()
        self._tasks = {}
        self._lock = concurrency.Lock()
        self._stopping, self._closed = concurrency.Event(), concurrency.Event()
        self.sync, self.offers, self.reporter = Sync(self), offers.Offers(self), placement.Reporter(self)
        self.peers = None            # how other conductors are told something (rpc.Bus), if there can be any

    @property
    def busy(self):
        """Uuids of the nodes that are worked on here now."""
        return set(self._tasks)

    @property
    def is_stopping(self):
        """No step begins any more."""
        return self._stopping.is_set()

    @property
    def is_closed(self):
        """No request, and no node of others, is taken any more."""
        return self._closed.is_set() or self.is_stopping

    def is_mine(self, place):
        """Whether nodes of this (slot, conductor group, driver) belong to this conductor. While nobody is on the list, all do."""
        ring = conductors.ring(self.database)
        return not ring.places() or ring.host(*place) == self.conf.host

    def share(self):
        """What belongs to this conductor, as ``Ring.share`` has it; None while nobody is on the list."""
        ring = conductors.ring(self.database)
        return ring.share(self.conf.host) if ring.places() else None

    def close(self):
        """Finish what was begun, and begin nothing more."""
        self._closed.set()

    @property
    def has_room(self):
        """Whether there is a worker for each task."""
        return len(self._tasks) <= self.conf.workers

    @property
    def room(self):
        """Workers that have nothing to do."""
        return max(self.conf.workers - len(self._tasks), 0)

    # Taking and leaving locks.

    def take(self, node_uuid, purpose):
        """A Task that holds the node's lock. Locked when it is held, or its holder died and is not followed yet.

        NotBegun when this conductor is about to end.
        """
        if self.is_closed:
            raise errors.NotBegun(f'Conductor {self.conf.host} is about to end; "{purpose}" is not begun.',
                                     remedy='Send the request again in some seconds.')
        task = self._begin(lease.take(self.database, node_uuid, self.conf.host, purpose, self.conf.conductor.lease_seconds))
        if task.operation and task.operation['status'] == 'running':
            self._forget(task)
            task.hand_over()
            raise errors.Locked(f'Node {node_uuid}: its "{task.operation["flow"]}" lost its conductor and is taken up '
                                f'again just now.')
        return task

    @contextlib.contextmanager
    def releasing(self, task, *, is_always=False):
        """Release the lock of ``task`` when the body raises an error (or at its end): nothing was begun then."""
        try:
            yield
        except Exception:
            self.release(task)
            raise
        if is_always:
            self.release(task)

    def _begin(self, node):
        task = Task(self.conf, self.database, self.drivers, node, stopping=self._stopping)
        with self._lock:
            self._tasks[task.uuid] = task
        return task

    def release(self, task):
        """Let go of a lock that no flow was begun with."""
        self._forget(task)
        task.release()

    def _forget(self, task):
        with self._lock:
            if self._tasks.get(task.uuid) is task:
                del self._tasks[task.uuid]

    # Carrying out.

    def submit(self, task, error=None):
        """Carry the task's operation on in the background, or give it up because of ``error``."""
        steps = self.steps_of(task.operation)
        work = functools.partial(flow.run, task, steps) if error is None else functools.partial(
            flow.fail, task, steps, error)
        self.pool.submit(self._carry_out, task, work)

    def leave_in_line(self, task):
        """The lock of ``task`` is let go of already, and its operation is queued or over: look who is next."""
        self._forget(task)
        self.line.came(is_waiting=task.is_queued)

    def go_on(self, task):
        """Carry an operation on that an operator held."""
        self.pool.submit(self._carry_out, task, functools.partial(
            flow.go_on, task, self.steps_of(task.operation)))

    def switch(self, task, target, timeout):
        """A power action in the background."""
        seconds = timeout or self.conf.conductor.soft_power_timeout
        task.deadline = clock.time() + seconds + self.conf.conductor.step_timeout
        self.work(task, functools.partial(power.switch, task, target, timeout))

    def work(self, task, work):
        """Call ``work``, which lets go of the lock of ``task``, in the background."""
        self.pool.submit(self._carry_out, task, work)

    def _carry_out(self, task, work):
        """What raises here has left the row as it was: the lease runs out, and the work is taken up again."""
        try:
            with fence.around(task.check_lease):
                result = work()
            if result is flow.WAIT and operations.is_reported(self.database, task.operation['uuid']):
                self.resume(task.uuid, task.operation['uuid'])      # its nudge came while we still held the lock
        except errors.Stale as error:
            log.warning('Node %s: stopped, %s', task.uuid, error)
        except Exception:
            log.exception('Node %s: left in the middle of its work; it is taken up when the lease runs out', task.uuid)
        finally:
            self._forget(task)
        if task.is_queued:
            self.line.came()
        else:
            self.line.moved()

    # Taking up.

    def resume(self, node_uuid, operation, error=None, *, boot_anew=None):
        """Go on with an operation that waits for its machine; nothing when somebody does already.

        ``boot_anew``: why the machine is to boot once more, unless it has done its part.
        """
        if self.is_closed:
            return
        with contextlib.suppress(errors.Locked, errors.NotFound):
            task = self.take(node_uuid, 'resume')
            if task.operation and task.operation['uuid'] == operation and task.operation['status'] == 'waiting':
                if boot_anew:
                    task.start_again(boot_anew)
                self.submit(task, error)
            else:
                self.release(task)

    def take_up(self):
        """At start: what a former life of this host held is ours again at once."""
        lease.expire_owner(self.database, self.conf.host)
        self.take_over()

    def take_over(self):
        """Go on with everything of ours whose lease ran out: what belongs to a conductor that died belongs to others by now."""
        for node_uuid, *place in lease.abandoned(self.database):
            if self.is_closed:
                return
            if self.is_mine(place):
                self.adopt(node_uuid)

    def tell(self, items):
        """Other conductors, soon, that these (queue.Item) have a place now and are theirs; who does not hear it finds them."""
        hosts = {}
        for item in items if self.peers else ():
            host = conductors.ring(self.database).host(ring.slot(item.node), item.group, item.driver)
            hosts.setdefault(host, []).append([item.node, item.flow])
        for host, begun in hosts.items():
            if host not in (None, self.conf.host):
                self.pool.submit(self.peers.tell, host, 'begin', {'items': begun})

    def adopt(self, node_uuid, purpose='take over'):
        """Go on with the operation of a node that nobody holds, at the step that it is in; nothing when somebody does."""
        with contextlib.suppress(errors.Locked, errors.NotFound):
            self._adopt(self._begin(lease.take(self.database, node_uuid, self.conf.host, purpose,
                                               self.conf.conductor.lease_seconds)))

    def _adopt(self, task):
        if task.operation and task.operation['status'] == 'running':
            if task.operation['attempt']:
                log.warning('Node %s: taking up "%s" at step "%s"', task.uuid, task.operation['flow'], task.operation['step'])
            self.submit(task)
            return
        if task.node['target_power_state']:
            task.save({'target_power_state': None,
                       'last_error': 'A power action was interrupted by the end of its conductor.'})
        self.release(task)

    # Keeping alive.

    def renew(self):
        """Renew the leases of all tasks in time, drop those that were lost, give up what hangs; tell what lasts."""
        with self._lock:
            tasks = list(self._tasks.values())
        hanging = [task for task in tasks if task.deadline < clock.time()]
        for task in hanging:
            task.leased_until = clock.time()           # its thread, should it come back, touches nothing more
            self._forget(task)
            with contextlib.suppress(errors.Stale):
                self._give_up(task)
        held = {task.uuid: task for task in tasks if task not in hanging}
        until = clock.time() + self.conf.conductor.lease_seconds
        lost = lease.renew(self.database, {uuid: task.epoch for uuid, task in held.items()}, self.conf.conductor.lease_seconds)
        for uuid, task in held.items():
            if uuid in lost:
                task.leased_until = clock.time()
                self._forget(task)
            else:
                task.leased_until = until
        for uuid, task in held.items():
            if uuid not in lost:
                with contextlib.suppress(errors.Stale):
                    task.show()

    def _give_up(self, hanging):
        """Take the lock from a thread of our own that does not come back; whatever it still writes is refused."""
        task = self._begin(lease.wrest(self.database, hanging.uuid, hanging.epoch, self.conf.host, 'give up',
                                       self.conf.conductor.lease_seconds))
        if task.operation is None:
            task.save({'target_power_state': None,
                       'last_error': f'"{hanging.node["lock_purpose"]}" did not end in time and was given up.'})
            self.release(task)
        elif task.operation['error'] is not None:
            task.finish_failed()
            self._forget(task)
        else:
            task.is_in(hanging.operation['step'])
            self.submit(task, errors.DeadlineExceeded(
                'it did not end in time.', remedy='Look in the conductor\'s log what it waited for.'))

    def finish(self):
        """Return when nothing is worked on any more."""
        concurrency.wait_for(lambda: not self.busy or self.is_stopping, float('inf'), every=0.5)

    def stop(self):
        """No step begins any more; waits some seconds for those that run, and leaves them to their leases then."""
        self._stopping.set()
        concurrency.wait_for(lambda: not self.busy, PATIENCE)
        self.pool.close(is_waiting=False)

    def node_of(self, operation):
        """The node of an operation, or a dict with what little is known when either is gone."""
        try:
            return nodes.get(self.database, operations.get(self.database, operation)['node'])
        except errors.NotFound:
            return None
