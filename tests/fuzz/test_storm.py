"""A small storm of malformed requests, seconds long; the whole one is ``make fuzz``."""

import pytest

from tests.fuzz import run


@pytest.fixture(scope='module')
def served():
    with run.running() as found:
        yield found


def test_three_thousand_malformed_requests_are_answered_and_leave_the_server_well(served):
    clients, report = run.fuzz(*served, count=3000, seed=1)
    assert [one for client in clients for one in client.wrong] == []
    assert run.complaints(clients, report, growth=40) == [], str(report)
