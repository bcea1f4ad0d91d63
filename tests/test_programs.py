"""Programs that are run to their end, and programs that are kept running."""

import pathlib
import sys
import time

import pytest

from ingot import concurrency, errors, programs


@pytest.fixture
def daemon(tmp_path):
    """A function (shell script, log) -> Daemon that is stopped at the end."""
    made = []

    def make(script, log=tmp_path / 'log', **more):
        made.append(programs.Daemon('sh', ['-c', script], log=log, **more))
        return made[-1]
    yield make
    for one in made:
        one.stop(0.2)


def lives(pid):
    return pathlib.Path(f'/proc/{pid}').exists()


def test_run_tells_status_and_last_words_and_no_secret():
    with pytest.raises(errors.ProgramFailed, match=r'^sh ended with status 3: no \*\*\* here$'):
        programs.run('sh', '-c', 'echo no swordfish here >&2; exit 3', secrets=['swordfish'])
    assert programs.run('sh', '-c', 'echo out; exit 3', accepts=(0, 3)) == 'out\n'


def test_run_kills_what_takes_too_long():
    with pytest.raises(errors.ProgramFailed, match=r'did not end within 0\.2 s'):
        programs.run('sleep', 600, timeout=0.2)


def test_a_program_reads_what_it_is_given_and_never_our_own_input(tmp_path):
    assert programs.run('cat', stdin='text') == 'text'
    script = 'from ingot import programs; print(repr(programs.run("cat")))'
    assert programs.run(sys.executable, '-c', script, stdin='a word for the parent') == "''\n"


def test_a_missing_program_names_its_package():
    with pytest.raises(errors.ProgramFailed, match='"no-such-program" is not installed') as caught:
        programs.run('no-such-program')
    assert caught.value.remedy == 'apt-get install no-such-program'


def test_a_daemon_that_dies_is_started_again(daemon):
    told = concurrency.Event()
    kept = daemon('exec sleep 600', on_restart=told.set)
    kept.start()
    first = kept.pid
    programs.kill(first)
    assert told.wait(30)
    assert concurrency.wait_for(lambda: kept.is_alive and kept.pid != first, 30)
    second = kept.pid
    kept.stop()
    assert not lives(second)
    assert (kept.is_alive, kept.restarts) == (False, 1)


def test_a_daemon_that_cannot_be_run_says_so_at_once(daemon, tmp_path):
    kept, began = daemon('exec sleep 600', log=tmp_path / 'no such folder' / 'log'), time.monotonic()
    with pytest.raises(errors.ProgramFailed, match=r'sh cannot be started: .*No such file'):
        kept.start()
    assert time.monotonic() - began < 9, 'it did not wait for what cannot come'


def test_a_daemon_that_dies_young_is_not_started_all_the_time(daemon, tmp_path):
    """It would fill its log, and keep a core busy."""
    kept = daemon('echo born; exit 1')
    kept.start()
    assert concurrency.wait_for(lambda: kept.restarts >= 3, 30)
    births = []
    for wanted in (4, 5):
        assert concurrency.wait_for(lambda wanted=wanted: kept.restarts >= wanted, 30, every=0.01)
        births.append(time.monotonic())
    assert births[1] - births[0] > 1


def test_the_log_of_a_talkative_daemon_stays_short(daemon, tmp_path, monkeypatch):
    monkeypatch.setattr(programs, 'LOG_BYTES', 1000)
    monkeypatch.setattr(programs, 'LOOK_SECONDS', 0.05)
    kept = daemon('while :; do echo "there is always something to say"; sleep 0.01; done')
    kept.start()
    sizes = set()

    def has_shrunk():
        sizes.add((tmp_path / 'log').stat().st_size)
        return max(sizes) > 1000 and (tmp_path / 'log').stat().st_size < 500
    assert concurrency.wait_for(has_shrunk, 30, every=0.01)
    assert kept.restarts == 0


def test_a_daemon_that_does_not_obey_is_killed(daemon, tmp_path):
    kept = daemon('trap "" TERM; echo ready; while :; do sleep 1; done')
    kept.start()
    assert concurrency.wait_for(lambda: 'ready' in (tmp_path / 'log').read_text(), 30)
    pid = kept.pid
    kept.stop(0.2)
    assert not lives(pid)
