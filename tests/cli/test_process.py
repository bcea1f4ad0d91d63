"""What the long-running commands share: a busy process stays on one CPU, and is let go."""

import contextlib
import os
import pathlib
import subprocess
import sys

import pytest

from ingot import concurrency
from ingot.cli import stage

#: Long enough for a machine with much other work.
_PATIENCE = 120
_BUSY = '''
import pathlib, sys
from ingot import concurrency, cpu
from ingot.cli import process

cpu.BUSY, cpu.QUIET = 0.05, 0.02       # whatever share others leave to it

class Work:
    def start(self):
        concurrency.spawn(self.work)

    def work(self):
        while pathlib.Path(sys.argv[1]).exists():
            sum(range(10_000))

    def stop(self):
        pass

sys.exit(process.run(process.Parts([Work()]), lambda: 'ready'))
'''


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason='one CPU')
def test_a_busy_process_stays_on_one_cpu_until_it_has_less_to_do(tmp_path):
    work = tmp_path / 'work'
    work.touch()
    process = subprocess.Popen([sys.executable, '-c', _BUSY, work], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b'ready\n'
        assert concurrency.wait_for(lambda: [len(cpus) for cpus in places(process.pid)] == [1], _PATIENCE), 'all on the same one'
        work.unlink()
        assert concurrency.wait_for(lambda: places(process.pid) == {frozenset(os.sched_getaffinity(0))}, _PATIENCE)
    finally:
        stage.end(process)
    assert process.wait(30) == 0


def places(pid):
    """The sets of CPUs on which its threads may be."""
    found = set()
    for thread in pathlib.Path(f'/proc/{pid}/task').iterdir():
        with contextlib.suppress(ProcessLookupError):        # it has just ended
            found.add(frozenset(os.sched_getaffinity(int(thread.name))))
    return found
