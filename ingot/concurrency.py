"""How a process does many things at once; the only file that knows about threads or eventlet.

``start('eventlet')`` patches the process and must be the first thing that an entry point does; ``start('threads')``
changes nothing. Everything else here works the same under both.
"""

import concurrent.futures
import contextlib
import faulthandler
import functools
import os
import queue
import select
import selectors
import signal
import socket
import socketserver
import threading
import time
import warnings

Event = threading.Event
Future = concurrent.futures.Future


def Lock():                      # noqa: N802
    """A lock; looked up at each call, since ``start`` replaces what there is."""
    return threading.Lock()


def Queue():                     # noqa: N802
    """An unbounded queue with put, get(timeout=) and get_nowait."""
    return queue.SimpleQueue()


def start(backend):
    """Choose 'threads' or 'eventlet' for this process; call before anything else is imported that opens a socket."""
    if backend == 'eventlet':
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            import eventlet
        eventlet.monkey_patch()
        # It took its selector when it was imported, one that eventlet does not know and that would stop all threads.
        socketserver._ServerSelector = selectors.DefaultSelector


class Pool:
    """At most ``workers`` threads, begun as they are needed; ``submit`` never blocks, work waits in line.

    The result is a Future. No thread keeps the process alive: work that hangs does not hold up its end.
    """

    def __init__(self, workers, name='worker'):
        self._most, self._name = workers, name
        self._jobs, self._lock = Queue(), Lock()
        self._threads, self._unfinished, self._is_closed = [], 0, False

    def submit(self, function, *args, **kwargs):
        """RuntimeError when the pool is closed."""
        future = Future()
        with self._lock:
            if self._is_closed:
                raise RuntimeError(f'The pool "{self._name}" is closed.')
            self._unfinished += 1
            self._jobs.put((future, functools.partial(function, *args, **kwargs)))
            if len(self._threads) < min(self._unfinished, self._most):
                self._threads.append(spawn(self._work, name=f'{self._name}-{len(self._threads)}'))
        return future

    def close(self, *, is_waiting=True):
        """Refuse new work and return when all is done; or cancel what waits in line, and leave what runs alone."""
        with self._lock:
            self._is_closed = True
        if not is_waiting:
            with contextlib.suppress(queue.Empty):
                while True:
                    if job := self._jobs.get_nowait():       # None: it was closed before
                        job[0].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads if is_waiting else ():
            thread.join()

    def _work(self):
        while job := self._jobs.get():
            future, work = job
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            del future, work, job         # not kept alive until the next one comes
            with self._lock:
                self._unfinished -= 1


def spawn(function, *args, name=None, **kwargs):
    """Run ``function`` in a thread of its own that does not keep the process alive; returns the thread."""
    thread = threading.Thread(target=function, args=args, kwargs=kwargs, name=name, daemon=True)
    thread.start()
    return thread


class Signals:
    """Signals, in the order in which they arrive; made by the main thread.

    An Event that a handler sets can deadlock: the thread that it interrupts may hold the Event's lock. A pipe has none.
    """

    def __init__(self, *numbers):
        self._reader, self._writer = os.pipe()
        for number in numbers:
            signal.signal(number, lambda number, _: self.put(number))

    def put(self, number):
        """As if the signal had arrived; from any thread."""
        os.write(self._writer, bytes([number]))

    def wait(self, seconds=None):
        """The next one, or None when there is none within ``seconds``."""
        if select.select([self._reader], [], [], seconds)[0]:
            return signal.Signals(os.read(self._reader, 1)[0])
        return None


def tell_stacks():
    """At SIGUSR1, from now on, the stack of every thread goes to standard error: what does it do that seems to do nothing?"""
    faulthandler.register(signal.SIGUSR1)


def wait_for(predicate, seconds, *, every=0.05):
    """Ask ``predicate`` until its answer is true and return that, or return its last (false) answer after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        answer = predicate()
        if answer or time.monotonic() >= deadline:
            return answer
        time.sleep(every)


def thread_id():
    """The system's number of the thread that asks; under eventlet all have the same."""
    return threading.get_native_id()


def notify_systemd(word):
    """Tell systemd ``word`` (READY=1, STOPPING=1 ...) when it started us; otherwise nothing."""
    address = os.environ.get('NOTIFY_SOCKET')
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(word.encode(), '\0' + address[1:] if address[0] == '@' else address)
