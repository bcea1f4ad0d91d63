"""Which CPU a busy process is on: the rule, and what becomes of real threads and programs."""

import os
import pathlib
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import concurrency, cpu, programs

SHARES = st.dictionaries(st.integers(0, 7), st.floats(0, 1), min_size=2)


@pytest.mark.parametrize(('here', 'own', 'busy', 'expected'), [
    (None, 0.7, {0: 0.7, 1: 0}, None),           # not busy enough
    (None, 0.8, {0: 0.9, 1: 0.4}, 1),            # the CPU that has most to give
    (0, 0.5, {0: 0.6, 1: 0}, 0),                 # less than it went for, and more than it stays for
    (0, 0.3, {0: 0.4, 1: 0}, None),              # a quiet one is let go
    (0, 0.5, {0: 1, 1: 0.3}, 0),                 # others: 0.5 here, 0.3 there
    (0, 0.5, {0: 1, 1: 0.2}, 1),                 # 0.5 here, 0.2 there
    (3, 0.9, {0: 1}, 0),                         # its own was taken away
    (0, 0.9, {}, None)])                         # a system that tells nothing
def test_a_busy_process_is_where_others_are_not(here, own, busy, expected):
    assert cpu.choose(here, own, busy) == expected


@given(SHARES, st.floats(0, 1), st.data())
def test_it_goes_only_where_it_is_better_off(busy, own, data):
    here = data.draw(st.sampled_from([None, *busy]))
    chosen = cpu.choose(here, own, busy)
    others = {number: share - own if number == here else share for number, share in busy.items()}
    if chosen is None:
        assert own < cpu.BUSY
    elif here is None:
        assert others[chosen] == min(others.values())
    else:
        assert chosen == here or others[here] - others[chosen] > cpu.WORTH


def test_what_is_told_of_the_system_is_told_in_seconds():
    before = cpu.used()
    assert concurrency.wait_for(lambda: cpu.used()[1] > before[1], 60, every=0)
    seconds, _, busy = cpu.used()
    assert seconds > before[0]
    assert set(os.sched_getaffinity(0)) <= set(busy)
    assert all(before[2][number] <= spent for number, spent in busy.items())
    assert max(busy.values()) <= os.sysconf('SC_NPROCESSORS_ONLN') * float(pathlib.Path('/proc/uptime').read_text().split()[0])


@pytest.fixture
def site():
    site = Site()
    yield site
    site.end()


class Site:
    """The place of this process, which is told what it uses."""

    def __init__(self):
        self.all = os.sched_getaffinity(0)
        self._seconds, self._own, self._busy = 0, 0, dict.fromkeys(self.all, 0)
        self.place = cpu.Place(lambda: (self._seconds, self._own, dict(self._busy)))
        self._stopping = threading.Event()
        self.other = concurrency.spawn(self._stopping.wait)
        self.place.look()

    def look(self, own, others=None):
        """After a second in which this process used ``own`` of a CPU, and ``others`` ({CPU: share}) what they used."""
        self._seconds, self._own = self._seconds + 1, self._own + own
        for number, share in (others or {}).items():
            self._busy[number] += share
        if self.place.cpu is not None:
            self._busy[self.place.cpu] += own
        self.place.look()

    def threads(self):
        return {frozenset(os.sched_getaffinity(thread)) for thread in (0, self.other.native_id)}

    def end(self):
        for thread in (0, self.other.native_id):
            os.sched_setaffinity(thread, self.all)
        self.place.go(None)
        self._stopping.set()
        assert self.threads() == {frozenset(self.all)}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason='one CPU')
class TestThreads:
    def test_all_go_and_come_back(self, site):
        first, second, *_ = sorted(site.all)
        site.look(0.5)
        assert site.threads() == {frozenset(site.all)}
        site.look(0.9, dict.fromkeys(site.all - {second}, 0.5))
        assert site.threads() == {frozenset({second})}
        site.look(0.9, dict.fromkeys(site.all - {first}, 0.9))
        assert site.threads() == {frozenset({first})}
        site.look(0.1)
        assert site.threads() == {frozenset(site.all)}

    def test_one_that_was_begun_meanwhile_follows(self, site):
        site.look(0.9)
        os.sched_setaffinity(site.other.native_id, site.all)
        site.look(0.9)
        assert site.threads() == {frozenset({site.place.cpu})}

    def test_what_needs_no_turn_and_programs_may_use_all(self, site, monkeypatch):
        monkeypatch.setattr(cpu, 'everywhere', site.place.everywhere)
        words = ('-c', 'import os; print(*os.sched_getaffinity(0))')
        site.look(0.9)
        assert {int(word) for word in programs.run(sys.executable, *words).split()} == site.all
        with site.place.everywhere():
            site.look(0.9)
            with site.place.everywhere():
                pass
            assert os.sched_getaffinity(0) == site.all
            assert os.sched_getaffinity(site.other.native_id) == {site.place.cpu}
        assert site.threads() == {frozenset({site.place.cpu})}

    def test_who_is_moved_by_others_stays_there(self, site):
        site.look(0.9)
        there = {max(site.all)} if site.place.cpu != max(site.all) else {min(site.all)}
        os.sched_setaffinity(0, there)
        site.look(0.9)
        assert site.place.cpu is None
        assert os.sched_getaffinity(0) == there
