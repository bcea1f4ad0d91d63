"""How a process does many things at once; the only file that knows about threads or eventlet.

``start('eventlet')`` patches the process and must be the first thing that an entry point does; ``start('threads')``
changes nothing. Everything else here works the same under both.
"""

import concurrent.futures
import contextlib
import os
import queue
import socket
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


class Pool:
    """A bounded number of workers; ``submit`` never blocks, work waits in line.

    The result is a Future. ``close`` refuses new work and waits for what runs.
    """

    def __init__(self, workers, name='worker'):
        self._pool = concurrent.futures.ThreadPoolExecutor(workers, thread_name_prefix=name)

    def submit(self, function, *args, **kwargs):
        return self._pool.submit(function, *args, **kwargs)

    def close(self, *, is_waiting=True):
        self._pool.shutdown(wait=is_waiting, cancel_futures=True)


def spawn(function, *args, name=None, **kwargs):
    """Run ``function`` in a thread of its own that does not keep the process alive; returns the thread."""
    thread = threading.Thread(target=function, args=args, kwargs=kwargs, name=name, daemon=True)
    thread.start()
    return thread


def wait_for(predicate, seconds, *, every=0.05):
    """Ask ``predicate`` until its answer is true and return that, or return its last (false) answer after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        answer = predicate()
        if answer or time.monotonic() >= deadline:
            return answer
        time.sleep(every)


def notify_systemd(word):
    """Tell systemd ``word`` (READY=1, STOPPING=1 ...) when it started us; otherwise nothing."""
    address = os.environ.get('NOTIFY_SOCKET')
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(word.encode(), '\0' + address[1:] if address[0] == '@' else address)
