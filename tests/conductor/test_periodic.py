"""The table of periodic work: every job gets its turns, and a job that fails gets its next one."""

from ingot import concurrency
from ingot.conductor import periodic


def test_jobs_take_turns_and_survive_their_failures(house, monkeypatch):
    turns = {'good': 0, 'bad': 0}
    both = concurrency.Event()

    def work(name):
        def count(crew):
            turns[name] += 1
            if min(turns.values()) >= 3:
                both.set()
            if name == 'bad':
                raise RuntimeError('seeded failure')
        return count
    jobs = tuple((name, lambda conf: 0.01, work(name)) for name in turns)
    monkeypatch.setattr(periodic, 'TABLE', jobs)
    monkeypatch.setattr(periodic, 'ALONE', ())
    runner = periodic.Periodic(house.service().crew)
    runner.start()
    assert both.wait(30)
    runner.stop()
    stopped = dict(turns)
    assert not concurrency.wait_for(lambda: turns != stopped, 0.1)


def test_leases_are_renewed_often_enough(house):
    """Two renewals may be lost before a lease is."""
    conf = house.conf()
    every = {name: seconds(conf) for name, seconds, _ in periodic.ALONE}
    assert every['heartbeat'] * 3 <= conf.conductor.lease_seconds


def test_every_job_of_the_tables_runs(house):
    service = house.service()
    for _, seconds, work in periodic.TABLE + periodic.ALONE:
        assert seconds(service.conf) > 0
        work(service.crew)
