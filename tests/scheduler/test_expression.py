"""Expressions over inventories: what they mean, what they refuse and where."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot import errors
from ingot.scheduler import expression

FACTS = {'cpu': {'count': 32, 'architecture': 'x86_64', 'flags': ['avx', 'vmx']}, 'memory': {'physical_mb': 65536},
         'disks': [{'size': 500 << 30, 'rotational': False}, {'size': 10 ** 12, 'rotational': True, 'serial': 'S2'}],
         'stats': {'net-1': {'free': 7}, 'a.b': {'c': 1}}, 'nothing': None, 'empty': []}
MEANS = {
    'cpu.count >= 32': True, 'cpu.count > 32': False, 'cpu.count != 31': True, 'memory.physical_mb >= 64GiB': True,
    'memory.physical_mb >= 65GiB': False, 'disks[*].size >= 480GiB': True, 'disks.size > 2TB': False,
    'disks[0].rotational': False,
    'disks[1].rotational': True, 'disks[7].rotational': False, 'all(disks.rotational == false)': False,
    'all(disks.size > 1GB and disks.size < 2TB)': True, 'all(empty == 3)': False, 'all(gpus.size > 1)': False,
    'count(disks where size >= 1TB) >= 1': True, 'count(disks where size >= 1TB and rotational == false) >= 1': False,
    'count(disks) == 2': True, 'count(gpus) == 0': True, 'stats.net-1.free >= 5 and not cpu.count < 3': True,
    'cpu.count == 1 or cpu.architecture ~ "x86*"': True, 'cpu.architecture ~ "*64" and (cpu.count < 3 or cpu.count > 30)': True,
    'gpu == null': True, 'gpu != null': False, 'nothing == null': True, 'gpu != 3': False, 'cpu.count == true': False,
    "cpu.flags == 'avx'": True, 'cpu.architecture > 3': False, 'stats."a.b".c == 1': True, 'not disks.serial == "S1"': True,
    'cpu.count == 32 or cpu.count == 1 and cpu.count == 2': True, 'cpu.count >= -1.5': True,
}


@pytest.mark.parametrize('text', MEANS)
def test_what_an_expression_means(text):
    assert expression.parse(text).holds(FACTS) is MEANS[text]


REFUSED = {
    'cpu.architecture == x86': 'position 20', 'cpu.count >=': 'the end', 'foo(bar)': 'all( or count(',
    'cpu.count >= 3 4': 'and, or',
    '(' * 17 + 'a' + ')' * 17: '16 levels', 'a $ 3': 'position 2', 'cpu.count >= 3XB': 'GiB', 'a < "b"': 'a number after <',
    'all(cpu.count == 1 and disks.size == 3)': 'one list', 'not': 'a name', 'a ~ 3': 'in quotes', 'a ~ "*****"': 'at most 4',
    'a[1.5] == 3': 'a whole number', 'a < null': 'a number', 'count(disks) >= 3GB': 'without a unit', 'and == 3': 'a name',
    ' or '.join(['a'] * 65): '64 comparisons', 'a' * 1025: '1024', '': '1 to 1024',
    '__import__("os")': 'all( or count(', '(a': 'is )',
    'count(disks where) > 1': 'a name', 'a ~ null': 'in quotes',
}


@pytest.mark.parametrize(('text', 'words'), REFUSED.items(), ids=[text[:30] for text in REFUSED])
def test_what_is_refused_says_where_and_what_is_expected(text, words):
    with pytest.raises(errors.Invalid) as caught:
        expression.parse(text, name='where[0]')
    assert words in str(caught.value)
    assert str(caught.value).startswith('where[0]')


@settings(max_examples=150)
@given(st.text('abc.()[]*<>=!~"0123 andornotall', max_size=40))
def test_any_text_is_an_expression_or_refused(text):
    with contextlib.suppress(errors.Invalid):
        assert expression.parse(text).holds(FACTS) in (True, False)


def test_a_single_comparison_tells_its_parts():
    assert expression.parse('(cpu.count >= 64)')[2:] == (('cpu', 'count'), '>=', 64)
    for text in ('not cpu.count >= 64', 'cpu.count >= 1 and cpu.count < 9', 'count(disks where size > 1) > 2',
                 'all(disks.size > 3)'):
        assert expression.parse(text).sign is None, text
