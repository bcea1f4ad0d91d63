"""Moments in query strings."""

import pytest

from ingot.api.types.scalar import Time


@pytest.mark.parametrize(('given', 'stored'), [
    ('2026-11-20T22:45:32Z', '2026-11-20T22:45:32+00:00'), ('2026-11-20T22:45:32+02:00', '2026-11-20T20:45:32+00:00'),
    ('2026-11-20T22:45:32 02:00', '2026-11-20T20:45:32+00:00'), ('2026-11-20T22:45:32.9-01:30', '2026-11-21T00:15:32+00:00'),
    ('2026-11-20', '2026-11-20T00:00:00+00:00')])
def test_moments_are_stored_as_all_times_are(given, stored):
    assert Time().parse(given) == stored


@pytest.mark.parametrize('given', ['', 'now', '2026', '20261120', '2026-11-20T22:45:32', '2026-13-01',
                                   '2026-11-20T22:45:32+99:00', '9999-12-31T23:59:59-02:00', '0001-01-01T00:00:00+02:00',
                                   '2026-W01-1', 5, [], 'x' * 5000])
def test_what_is_no_moment_is_refused(given):
    with pytest.raises(ValueError, match='expected a time such as 2026-11-20T22:45:32Z'):
        Time().validate(given)
