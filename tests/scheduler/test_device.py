"""States of PCI devices: the table is whole, what somebody has is taken from nobody, and every state has an exit."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingot import errors
from ingot.scheduler import device

EVENTS = sorted({event for _, event in device.MOVES})
DEVICE = {'state': 'ready', 'offered': True, 'reserved_for': None, 'allocation_id': None}


def test_every_state_is_reached_and_left():
    assert {*device.MOVES.values(), 'enabling', 'not_ready'} == set(device.STATES)
    assert {state for state, _ in device.MOVES} == set(device.STATES)
    assert all((state, 'vanish') in device.MOVES for state in device.STATES if state != 'removed')


@given(some.lists(some.sampled_from(EVENTS), max_size=12))
def test_whoever_has_a_device_keeps_it_until_it_is_released_fails_or_vanishes(events):
    state, has = 'not_ready', False
    for event in events:
        if (state, event) not in device.MOVES:
            continue
        state = device.move(state, event)
        has = event in ('claim', 'return_claimed', 'return_in_use') or (
            has and event not in ('release', 'fail', 'vanish'))
        assert has == (state in ('claimed', 'in_use', 'draining'))


def test_only_release_ends_a_drain_and_it_does_not_come_back_by_itself():
    assert device.move('claimed', 'drain') == device.move('in_use', 'drain') == 'draining'
    assert device.move('draining', 'deploy') == 'draining'
    assert device.move('draining', 'release') == 'not_ready'
    assert device.move('in_use', 'release') == 'ready'


def test_a_refusal_names_what_is_possible_and_a_remedy():
    with pytest.raises(errors.InvalidState, match=r'"disable" is not .* "in_use"; possible now: drain') as caught:
        device.move('in_use', 'disable')
    assert 'Drain it' in caught.value.remedy


@pytest.mark.parametrize('change', [{'state': 'not_ready'}, {'state': 'draining'}, {'offered': False}, {'reserved_for': 'pxe'},
                                    {'allocation_id': 7}])
def test_only_what_is_ready_offered_and_nobodys_counts(change):
    assert device.counts(DEVICE)
    assert not device.counts({**DEVICE, **change})


def test_what_returns_is_whose_it_was():
    def after(allocation, *, is_deployed):
        return device.move('removed', device.back({'allocation_id': allocation}, is_deployed=is_deployed))
    assert [after(None, is_deployed=True), after(1, is_deployed=False), after(1, is_deployed=True)] == [
        'not_ready', 'claimed', 'in_use']
