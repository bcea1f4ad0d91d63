"""The feed, as the commands read it."""

import time
from unittest import mock

from ingot.cli import client


def test_a_crowded_feed_is_not_asked_again_at_once():
    """The API answers at once, with Retry-After, when as many wait as may wait."""
    answer = mock.Mock(status_code=200, headers={'Retry-After': '1'}, **{'json.return_value': {'events': [], 'next': 7}})
    feed = client.Feed(mock.Mock(**{'get.return_value': answer}), since=7)
    began = time.monotonic()
    assert feed.read(wait=2) == []
    assert time.monotonic() - began >= 0.9
