"""The feed, as the commands read it."""

import time
from unittest import mock

import pytest
from keystoneauth1.exceptions import ConnectFailure

from ingot.cli import client


def test_a_crowded_feed_is_not_asked_again_at_once():
    """The API answers at once, with Retry-After, when as many wait as may wait."""
    answer = mock.Mock(status_code=200, headers={'Retry-After': '1'}, **{'json.return_value': {'events': [], 'next': 7}})
    feed = client.Feed(mock.Mock(**{'get.return_value': answer}), since=7)
    began = time.monotonic()
    assert feed.read(wait=2) == []
    assert time.monotonic() - began >= 0.9


def test_an_api_that_restarts_is_waited_for():
    call = mock.Mock(side_effect=[ConnectFailure('refused'), ConnectFailure('refused'), 'back'])
    assert client.steadily(call, 1, two=2) == 'back'
    assert call.mock_calls == [mock.call(1, two=2)] * 3


def test_an_api_that_stays_away_is_told(monkeypatch):
    monkeypatch.setattr(client, 'PATIENCE', 0)
    with pytest.raises(ConnectFailure, match='refused'):
        client.steadily(mock.Mock(side_effect=ConnectFailure('refused')))
