"""What a match accepts, what it means, and what is nearest where it means nothing."""

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot import errors
from ingot.scheduler import match

GPU = {'vendor_id': '10de', 'product_id': '1db6', 'numa_node': 0, 'link_width': 16, 'driver': 'vfio-pci', 'group': 'a'}

MEANS = [
    ([{'vendor_id': '10de'}], True), ([{'vendor_id': '0x10DE'}], True), ([{'vendor_id': '8086'}], False),
    ([{'vendor_id': ['8086', '10DE']}], True), ([{'vendor_id': '8086'}, {'group': 'a'}], True),
    ([{'vendor_id': '10de', 'group': 'b'}], False), ([{'product_id': {'glob': '1D*'}}], True),
    ([{'product_id': {'glob': '*6'}}], True), ([{'product_id': {'glob': '*7'}}], False),
    ([{'link_width': {'>=': 16}}], True), ([{'link_width': {'>': 16}}], False), ([{'link_width': {'>': 4, '<': 32}}], True),
    ([{'numa_node': {'!=': 0}}], False), ([{'numa_node': 0}], True), ([{'numa_node': None}], False),
    ([{'max_vfs': None}], True), ([{'max_vfs': {'>=': 0}}], False), ([{'max_vfs': {'!=': 3}}], True),
    ([{'group': True}], False), ([{'address': {'glob': '*'}}], False),
]


@pytest.mark.parametrize(('value', 'expected'), MEANS, ids=[str(value) for value, _ in MEANS])
def test_what_a_match_means(value, expected):
    match.check(value)
    assert match.compiled(value)(GPU) is expected
    assert (match.nearest(value, [GPU]) is None) is expected


REFUSED = [
    ({}, 'list'), ([], 'list'), ([{}], 'at least one'), (['x'], r'match\[0\]'), ([{'vendor_id': []}], 'empty'),
    ([{'vendor_id': {}}], 'glob'), ([{'vendor_id': '10d'}], '4 hexadecimal'), ([{'vendor_id': 8086}], '4 hexadecimal'),
    ([{'link_width': '16'}], 'number'), ([{'link_width': True}], 'number'), ([{'driver': 1}], 'text'),
    ([{'driver': {'regex': '(a+)+'}}], 'glob, <'), ([{'driver': {'<': 'a'}}], 'order'), ([{'link_width': {'<': True}}], 'order'),
    ([{'vendor_id': {'<': 3}}], 'order'),
    ([{'driver': {'glob': '*****'}}], 'at most 4'), ([{'driver': {'glob': 3}}], 'A glob is text'),
    ([{'x y': 1}], 'no attribute'), ([{'driver': {'!=': ['a']}}], 'text'), ([{'group': {'in': {}}}], 'no operator'),
    ([{'group': [['deep']]}], 'label group'), ([{'a': 1}] * 101, '1 to 100'), ([{f'l{n}': 1 for n in range(33)}], '1 to 32'),
    ([{'l': list(range(1001))}], '1001 values'), ([{'driver': 'x' * 300}], '300 characters'),
]


@pytest.mark.parametrize(('value', 'words'), REFUSED, ids=[str(value)[:40] for value, _ in REFUSED])
def test_what_is_refused_names_what_would_be_accepted(value, words):
    with pytest.raises(errors.Invalid) as caught:
        match.check(value)
    assert re.search(words, caught.value.explain()), caught.value.explain()


def test_only_what_the_operator_allows_may_be_named():
    match.check([{'vendor_id': '10de', 'physnet': 'a'}], {'vendor_id', 'physnet'})
    with pytest.raises(errors.Invalid, match='did you mean vendor_id'):
        match.check([{'vendorid': '10de'}], {'vendor_id', 'physnet'})
    with pytest.raises(errors.Invalid, match='driver'):
        match.check([{'driver': 'x'}], {'vendor_id'})


def test_labels_of_the_host_win_and_never_hide_an_attribute():
    row = {'vendor_id': '10DE', 'unit': None,
           'labels': {'group': 'mine', 'vendor_id': '8086', 'x': 1}, 'extra_info': {'group': 'host'}}
    assert match.attributes(row) == {'vendor_id': '10de', 'group': 'host', 'x': 1}


def test_the_nearest_names_the_condition_and_the_value():
    others = [{**GPU, 'product_id': product} for product in ('1db4', '2330')]
    found = match.nearest([{'vendor_id': '10de', 'product_id': '1db5'}], others)
    assert (found['attribute'], found['nearest'], found['failing'], found['devices']) == ('product_id', '1db4', 1, 2)
    assert found['sentence'] == "No device has product_id '1db5'; the nearest has product_id '1db4' (2 match everything else)."
    assert match.nearest([{'vendor_id': 'ffff'}], []) is None


@given(st.text('ab*', max_size=8).filter(lambda text: text.count('*') <= 4), st.text('ab', max_size=10))
def test_a_glob_is_what_the_shell_means(pattern, text):
    assert match.globs(pattern.split('*'), text) == fnmatch.fnmatchcase(text, pattern)


def test_no_glob_explodes():
    holds = match.compiled([{'driver': {'glob': '*a*a*a*b'}}])
    began = time.process_time()
    assert not holds({'driver': 'a' * 100_000})
    assert time.process_time() - began < 0.5


_scalars = st.sampled_from(['a', 'b', 1, 2, True, None])
_conditions = _scalars | st.lists(_scalars, min_size=1, max_size=3) \
    | st.dictionaries(st.sampled_from(['<', '>=']), st.integers(0, 3), min_size=1) | st.fixed_dictionaries({'!=': _scalars})


def slow(value, device):
    """The same by the letter of the contract."""
    def same(a, b):
        return type(a) is type(b) and a == b

    def holds(condition, has):
        if isinstance(condition, list):
            return any(same(one, has) for one in condition)
        if not isinstance(condition, dict):
            return same(condition, has)
        number = type(has) is int
        signs = {'<': lambda x: number and has < x, '>=': lambda x: number and has >= x, '!=': lambda x: not same(x, has)}
        return all(signs[sign](x) for sign, x in condition.items())
    return any(all(holds(condition, device.get(name)) for name, condition in each.items()) for each in value)


@given(st.lists(st.dictionaries(st.sampled_from(['x', 'y']), _conditions, min_size=1), min_size=1, max_size=3),
       st.dictionaries(st.sampled_from(['x', 'y']), _scalars))
def test_the_compiled_match_is_the_one_of_the_contract(value, device):
    match.check(value)
    assert match.compiled(value)(device) is slow(value, device)
    assert (match.nearest(value, [device]) is None) is slow(value, device)
