"""A lock file excludes threads and processes, names what it waits for, and leaves nothing behind."""

import concurrent.futures
import os
import subprocess
import sys

import pytest

from ingot import errors
from ingot.drivers.images import lockfile


def test_nobody_else_is_inside(tmp_path):
    path, inside, most = str(tmp_path / 'lock'), [], []

    def work(worker):
        for _ in range(25):
            with lockfile.hold(path, 60, what='test'):
                inside.append(worker)
                os.stat(path)      # lets others run
                most.append(len(inside))
                inside.remove(worker)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work, worker) for worker in range(8)]:
            future.result(100)
    assert most == [1] * 200
    assert os.listdir(tmp_path) == []


def test_one_who_waited_with_a_removed_name_takes_the_new_one(tmp_path, monkeypatch):
    """Opened the old file, which its holder then removed; somebody else made a new one: both must not be in."""
    path = str(tmp_path / 'lock')
    real = lockfile.fcntl.flock
    late = []

    def flock(file, how):
        if not late:
            late.append(1)
            os.unlink(path)
            late.append(lockfile._take(path))
        return real(file, how)
    monkeypatch.setattr(lockfile.fcntl, 'flock', flock)
    assert lockfile._take(path) is None
    late[1].close()


def test_another_process_is_named_and_its_death_frees(tmp_path):
    path = str(tmp_path / 'lock')
    code = ('from ingot.drivers.images import lockfile\n'
            f'with lockfile.hold({path!r}, 5, what="x"):\n print("in", flush=True)\n input()')
    other = subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == 'in\n'
        with pytest.raises(errors.DeadlineExceeded, match=r'did not end to change things within 0\.1 s'):
            with lockfile.hold(path, 0.1, what='change things'):
                raise AssertionError('it was taken')
    finally:
        other.kill()
        other.communicate()
    with lockfile.hold(path, 5, what='change things'):
        assert os.path.exists(path)
    assert not os.path.exists(path)
