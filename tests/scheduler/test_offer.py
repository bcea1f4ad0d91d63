"""What a host offers: the most specific list, its first entry that matches; what the host needs itself is never offered."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingot import errors
from ingot.scheduler import device, match, offer

NODE = {'uuid': 'u', 'name': 'n1', 'resource_class': 'gold', 'conductor_group': 'rack1'}
DEVICE = {**dict.fromkeys(match.ATTRIBUTES), 'vendor_id': '10de', 'product_id': '20f1', 'address': '0000:17:00.0', 'labels': {},
          'extra_info': {}, 'reserved_for': None, 'offered': False, 'state': 'not_ready', 'state_reason': None}
GPU = {'match': {'vendor_id': '10de'}, 'extra_info': {'group': 'a'}}
READY = {**GPU, 'enable': True}
SECTIONS = {'nodes': {'n1': [GPU]}, 'resource_classes': {'gold': [GPU]}, 'conductor_groups': {'rack1': [GPU]}, 'default': [GPU]}


def listed(*entries):
    return offer.Information({'default': list(entries)}).of(NODE)


def test_the_most_specific_list_is_the_whole_list():
    order = ['nodes/n1', 'resource_classes/gold', 'conductor_groups/rack1', 'default']
    for number, place in enumerate(order):
        left = {name: section for name, section in SECTIONS.items() if name in [one.partition('/')[0] for one in order[number:]]}
        assert offer.Information(left).of(NODE).place == place
    by_uuid = {**SECTIONS, 'nodes': {'n1': [GPU], 'u': []}}
    assert offer.Information(by_uuid).of(NODE).entry(DEVICE) is None, 'an empty list for the node: nothing, whatever others say'


def test_without_a_file_nothing_is_offered():
    assert offer.Information(None).of(NODE).entry(DEVICE) is None


def test_the_first_entry_that_matches_gives_the_labels():
    other = {'match': [{'product_id': '20f1'}, {'vendor_id': '8086'}], 'extra_info': {'group': 'b'}}
    assert listed(other, GPU).entry(DEVICE) == other
    assert listed(GPU, other).entry(DEVICE) == GPU
    assert listed(GPU).entry({**DEVICE, 'vendor_id': '1002'}) is None


def test_labels_of_operators_widen_nothing():
    information = [{'match': {'vendor_id': '10de'}}]
    assert listed(*information).entry({**DEVICE, 'vendor_id': '1002', 'labels': {'vendor_id': '10de'}}) is None


def test_the_digest_is_of_what_the_entries_say():
    assert listed(GPU).digest == offer.digest([{'extra_info': {'group': 'a'}, 'match': {'vendor_id': '10de'}}])
    assert len({listed(*entries).digest for entries in ([], [GPU], [READY], [GPU, READY], [READY, GPU])}) == 5


def test_what_is_offered_newly_waits_for_an_operator_unless_the_entry_says_enable():
    assert offer.applied(listed(GPU), DEVICE) == {'offered': True, 'extra_info': {'group': 'a'}}
    assert offer.applied(listed(READY), DEVICE)['state'] == 'ready'


def test_what_an_operator_disabled_stays_so():
    judged = {**DEVICE, 'state_reason': 'Its fan is loud.'}
    assert offer.applied(listed(READY), judged) == {'offered': True, 'extra_info': {'group': 'a'}}
    withdrawn = {**DEVICE, 'state_reason': offer.WITHDRAWN}
    assert offer.applied(listed(READY), withdrawn)['state'] == 'ready', 'it was not an operator who said so'


@pytest.mark.parametrize(('state', 'after'), [('ready', 'not_ready'), ('claimed', 'draining'), ('in_use', 'draining'),
                                              ('failed', 'failed'), ('draining', 'draining')])
def test_what_is_withdrawn_is_taken_from_nobody(state, after):
    values = offer.applied(listed(), {**DEVICE, 'offered': True, 'extra_info': {'group': 'a'}, 'state': state})
    assert values['offered'] is False
    assert values['extra_info'] == {}
    assert values.get('state', state) == after


@pytest.mark.parametrize('reserved', ['pxe', 'bmc', 'boot disk'])
def test_what_the_host_needs_is_refused_even_when_it_is_listed(reserved):
    values = offer.applied(listed(READY), {**DEVICE, 'reserved_for': reserved})
    assert values == {'state_reason': offer.why_reserved(reserved)}
    assert reserved in values['state_reason']
    freed = offer.applied(listed(READY), {**DEVICE, **values})
    assert freed['state'] == 'ready', 'once the host does not need it any more, its reason does not count as an operator\'s'


@given(some.lists(some.sampled_from([(), (GPU,), (READY,)]), max_size=6), some.sampled_from(device.STATES),
       some.sampled_from([None, 'pxe']))
def test_applying_twice_changes_nothing_and_ready_is_always_offered(lists, state, reserved):
    now = {**DEVICE, 'state': state if state != 'enabling' else 'not_ready', 'reserved_for': reserved, 'offered': True}
    for entries in itertools.chain(lists, [()]):
        now |= offer.applied(listed(*entries), now)
        assert offer.applied(listed(*entries), now) == {}
        assert now['offered'] or now['state'] != 'ready'
        assert not (reserved and now['offered'])


@pytest.mark.parametrize(('document', 'words'), [
    ([], 'is an object with the sections'), ({'racks': {}}, 'unknown: racks'), ({'nodes': []}, 'nodes must be an object'),
    ({'default': {}}, 'default must be a list'), ({'nodes': {'n1': 'all'}}, 'nodes/n1 must be a list'),
    ({'default': [{'extra_info': {}}]}, 'entry 0: an entry is an object with match'),
    ({'default': [GPU, {**GPU, 'enabled': True}]}, 'entry 1: an entry is an object'),
    ({'default': [{'match': {'vendor': '10de'}}]}, 'vendor.* is no attribute'),
    ({'default': [{'match': {'vendor_id': 4318}}]}, 'vendor_id 4318 is a number'),
    ({'default': [{'match': {'vendor_id': {'regex': '.*'}}}]}, 'is no operator'),
    ({'default': [{'match': {'group': 'a'}}]}, 'is no attribute'),
    ({'default': [{**GPU, 'extra_info': {'vendor_id': '1002'}}]}, 'vendor_id is an attribute of devices'),
    ({'default': [{**GPU, 'extra_info': {'a b': 1}}]}, 'name of a label'),
    ({'default': [{**GPU, 'extra_info': {'a': []}}]}, 'Label a: expected text'),
    ({'default': [{**GPU, 'enable': 'yes'}]}, 'enable is true or false'),
])
def test_what_is_wrong_with_a_document_is_named_with_its_place(document, words):
    with pytest.raises(errors.Invalid, match=words):
        offer.Information(document)
