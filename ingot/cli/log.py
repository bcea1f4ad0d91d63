"""The log: lines to standard error, where systemd and terminals both like it; writing it holds up nobody."""

import collections
import functools
import logging
import sys
import time

from ingot import concurrency

FORMAT = '%(asctime)s %(levelname).1s %(name)s: %(message)s'
#: Libraries that say more than an operator wants to know.
_NOISY = ('stevedore', 'openstack', 'keystoneauth', 'urllib3', 'pecan', 'wsme', 'alembic')
#: So often who logs goes on with the lines of others; then a thread of its own does. Seconds that the last lines may take.
_ROUNDS, _PATIENCE = 10, 5
#: Lines that wait for a reader who has stopped to read; then the oldest are forgotten.
_MOST = 10_000


def start(*, is_debug):
    """Log from here on; with ``is_debug`` also what libraries say."""
    # What no line shows need not be found out for each: where it was logged, and by which thread and process.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = logging.logAsyncioTasks = False
    lines = Lines(sys.stderr)
    lines.setFormatter(Format(FORMAT))
    logging.basicConfig(level=logging.DEBUG if is_debug else logging.INFO, handlers=[lines])
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.INFO if is_debug else logging.WARNING)


class Format(logging.Formatter):
    """As logging.Formatter without a datefmt: the time to the second is made once a second."""

    def formatTime(self, record, datefmt=None):      # noqa: N802
        return self.default_msec_format % (_local(self.default_time_format, int(record.created)), record.msecs)


@functools.lru_cache(2)
def _local(layout, second):
    return time.strftime(layout, time.localtime(second))


class Lines(logging.Handler):
    """Writes lines to ``stream``, in order. A line is there when the call returns, unless another thread is writing just then,
    which goes on with it: with a lock, as logging.StreamHandler has it, threads that log wait for each other at each line.
    """

    def __init__(self, stream):
        super().__init__()
        self._stream, self._lines = stream, collections.deque(maxlen=_MOST)
        self._writing = concurrency.Lock()         # held by who writes

    def createLock(self):      # noqa: N802
        """Of logging's own lock there is no need."""
        self.lock = None

    def handle(self, record):
        is_wanted = self.filter(record)
        if is_wanted:
            self.emit(record)
        return is_wanted

    def emit(self, record):
        try:
            self._lines.append(f'{self.format(record)}\n')
            self._go_on(_ROUNDS)
        except Exception:
            self.handleError(record)

    def flush(self):
        """At the end of the process: all is written, also by who had begun to."""
        if self._writing.acquire(timeout=_PATIENCE):
            self._write_and_release()

    def _go_on(self, rounds):
        while self._lines and self._writing.acquire(blocking=False):
            self._write_and_release()
            rounds -= 1
            if rounds == 0:
                concurrency.spawn(self._go_on, float('inf'), name='log')
                return

    def _write_and_release(self):
        try:
            self._write()
        finally:
            self._writing.release()

    def _write(self):
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        self._stream.write(''.join(lines))
        self._stream.flush()
