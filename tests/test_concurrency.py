"""Pools and waiting, with threads and with eventlet."""

import subprocess
import sys
import threading

import pytest

from ingot import concurrency


def test_all_that_was_submitted_is_done_before_a_pool_is_closed():
    gate, done = threading.Event(), []
    pool = concurrency.Pool(2)
    first = pool.submit(gate.wait, 30)
    futures = [pool.submit(done.append, number) for number in range(20)]
    threading.Timer(0.05, gate.set).start()
    pool.close()
    assert first.result(0)
    assert sorted(done) == list(range(20))
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError, match='closed'):
        pool.submit(done.append, 99)


def test_a_pool_that_does_not_wait_cancels_what_waits_in_line():
    gate, begun = threading.Event(), threading.Event()
    pool = concurrency.Pool(1)
    running = pool.submit(lambda: begun.set() or gate.wait(30))
    assert begun.wait(30)
    waiting = pool.submit(pytest.fail, 'it was cancelled')
    pool.close(is_waiting=False)
    assert waiting.cancelled()
    gate.set()
    assert running.result(30)


def test_no_more_workers_than_allowed_and_none_for_nothing():
    gate, lock, now, most = threading.Event(), threading.Lock(), [0], [0]

    def work():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] == 3:
                gate.set()
        assert gate.wait(30)
        with lock:
            now[0] -= 1
    before = threading.active_count()
    pool = concurrency.Pool(3)
    assert threading.active_count() == before
    futures = [pool.submit(work) for _ in range(9)]
    for future in futures:
        future.result(30)
    pool.close()
    assert most == [3]


def test_an_error_is_the_futures():
    pool = concurrency.Pool(1)
    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result(30)
    assert pool.submit(lambda: 'and it goes on').result(30) == 'and it goes on'
    pool.close()


@pytest.mark.parametrize('backend', ['threads', 'eventlet'])
def test_work_that_hangs_does_not_keep_the_process(backend):
    """A conductor that was told to stop ends, whatever its steps wait for."""
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', f'''
from ingot import concurrency
concurrency.start({backend!r})
pool, begun = concurrency.Pool(2), concurrency.Event()
pool.submit(lambda: begun.set() or concurrency.Event().wait(600))
assert begun.wait(30) and pool.submit(lambda: 7).result(30) == 7
pool.close(is_waiting=False)
print('over')
'''], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ('over\n', 0), done.stderr


@pytest.mark.parametrize('backend', ['threads', 'eventlet'])
def test_a_server_that_waits_for_requests_holds_up_nobody(backend):
    """Whatever was imported before: the boot files of a conductor are served by http.server."""
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', f'''
import http.server, urllib.request
from ingot import concurrency
concurrency.start({backend!r})
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
concurrency.spawn(server.serve_forever)
print(urllib.request.urlopen(f'http://127.0.0.1:{{server.server_port}}/', timeout=30).status)
server.shutdown()
'''], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ('200\n', 0), done.stderr


@pytest.mark.parametrize('backend', ['threads', 'eventlet'])
def test_signals_arrive_in_their_order_and_one_shows_the_stacks(backend):
    """A program of its own: a process has one handler for each signal."""
    done = subprocess.run([sys.executable, '-c', f"""
from ingot import concurrency
concurrency.start({backend!r})
import os, signal
concurrency.tell_stacks()
signals = concurrency.Signals(signal.SIGTERM, signal.SIGUSR2)
assert signals.wait(0.01) is None
def a_function_that_is_there():
    for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGTERM):
        os.kill(os.getpid(), number)
a_function_that_is_there()
concurrency.spawn(signals.put, signal.SIGINT)
print([signals.wait(30).name for _ in range(3)])
"""], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "['SIGUSR2', 'SIGTERM', 'SIGINT']\n"
    assert 'in a_function_that_is_there' in done.stderr
