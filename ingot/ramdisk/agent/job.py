"""What a running action is given: the machine, what came before, ways to tell, and the question whether to stop."""

import threading
import time

from .errors import Stopped

_TELL_SECONDS = 0.5           # progress is told at most so often


class Job:
    """``tell(kind, data)`` takes events; ``open_session(target)`` gives an iscsi.Session or what stands for one."""

    def __init__(self, machine, line, data, tell, open_session, is_stopping=None):
        self.machine, self.line, self.data, self.tell, self.open_session = machine, line, data, tell, open_session
        self.is_stopping = is_stopping or threading.Event()

    def log(self, text, level='info'):
        self.tell('log', {'level': level, 'text': text})

    def check(self):
        """Raises Stopped once the action was told to stop. To be called at least each second."""
        if self.is_stopping.is_set():
            raise Stopped()

    def pause(self, seconds):
        """Wait; Stopped at once when told to stop."""
        self.is_stopping.wait(seconds)
        self.check()


class Meter:
    """Counts bytes of one phase, from any thread, and tells of them at most twice a second, and at the end."""

    def __init__(self, job, phase, total):
        self._job, self._phase, self._total = job, phase, total
        self._lock, self._done, self._told_at = threading.Lock(), 0, 0.0
        self._started = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self._started

    @property
    def rate(self):
        """Bytes a second since the start."""
        return int(self._done / max(self.seconds, 1e-6))

    def add(self, count):
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told_at < _TELL_SECONDS and self._done != self._total:
                return
            self._told_at = now
            self._job.tell('progress', {'phase': self._phase, 'done': self._done, 'total': self._total,
                                        'rate': self.rate})
