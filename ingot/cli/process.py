"""What the long-running commands share: parts that start in order, stop in reverse, and a wait for the signal between."""

import contextlib
import ctypes
import gc
import itertools
import logging
import signal

from ingot import concurrency, cpu
from ingot.api import app, server

log = logging.getLogger(__name__)
#: mallopt of glibc: M_ARENA_MAX, heaps for all threads; M_MMAP_THRESHOLD, bytes from which on a block goes back at once.
_HEAPS = {-8: 2, -3: 256 * 1024}
#: How often is asked which CPU to be on, every which time free memory is given back; how often a drain is asked whether it has
#: ended.
_LOOK_SECONDS, _TRIM_EVERY, _DRAIN_SECONDS = 1, 20, 0.5


class Parts:
    """Things with ``start`` and ``stop``, and things to ``close`` at the very end."""

    def __init__(self, parts, closing=()):
        self._parts, self._closing, self._started = parts, closing, []

    def start(self):
        for part in self._parts:
            self._started.append(part)
            part.start()

    def drain(self):
        """Let those that can finish what they do, and take on nothing more."""
        for part in self._started:
            if hasattr(part, 'drain'):
                part.drain()

    def stop(self):
        """The reverse of start; one part that fails to stop does not keep the others."""
        for end in [part.stop for part in reversed(self._started)] + [thing.close for thing in self._closing]:
            try:
                end()
            except Exception:
                log.exception('%s did not end cleanly', type(end.__self__).__name__)


def run(parts, greeting):
    """Start ``parts``, print ``greeting()``, wait for a signal, stop them; returns the exit status.

    SIGTERM and SIGINT: soon. SIGUSR2: when all is finished that was begun, however long that takes. SIGUSR1 shows stacks.
    """
    concurrency.tell_stacks()
    signals = concurrency.Signals(signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)
    limit_heaps()
    try:
        parts.start()
        spare_collector()
        print(greeting(), flush=True)
        concurrency.notify_systemd('READY=1')
        _wait(parts, signals)
    finally:
        concurrency.notify_systemd('STOPPING=1')
        parts.stop()
    return 0


def _wait(parts, signals):
    """Return when it is time to stop."""
    draining, looks = None, itertools.count(1)
    while draining is None or draining.is_alive():
        match signals.wait(_LOOK_SECONDS if draining is None else _DRAIN_SECONDS):
            case signal.SIGUSR2:
                draining = draining or concurrency.spawn(_drain, parts, name='drain')
            case None:
                cpu.look()
                if next(looks) % _TRIM_EVERY == 0:
                    trim_heaps()
            case _:
                return


def _drain(parts):
    log.info('Draining: what was begun is finished, nothing more is begun here')
    parts.drain()


def limit_heaps():
    """Each thread would have its own heap, and each keeps what its largest answer once took."""
    with contextlib.suppress(OSError, AttributeError):       # another C library
        for parameter, value in _HEAPS.items():
            ctypes.CDLL(None).mallopt(parameter, value)


def trim_heaps():
    """What lies free between small things that stay goes back to the system; takes some milliseconds."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def spare_collector():
    """What is here now stays; and a list of 1,000 nodes is no garbage, however many dicts it takes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def http_servers(conf, database, client):
    """(the machines' listener, the API) with ``client`` to reach conductors."""
    return (server.Server(app.build_machine_side(conf, database, client), conf.agent.host, conf.agent.port,
                          conf.api.threads),
            server.Server(app.build(conf, database, client), conf.api.host, conf.api.port, conf.api.threads))
