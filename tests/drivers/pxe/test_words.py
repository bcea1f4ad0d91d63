"""Words of the kernel line: what comes through, and what must not."""

import pytest

from ingot import errors
from ingot.drivers.pxe import words

NODE = {'uuid': 'n1', 'driver_info': {}}


def test_parameters_come_last_and_bare_words_stay_bare():
    assert words.line(NODE, {'ingot.token': 'a-b_c', 'debug': None}, 'console=tty0 console=ttyS0,115200') == \
        'console=tty0 console=ttyS0,115200 ingot.token=a-b_c debug'


def test_a_word_that_is_a_parameter_already_comes_once():
    assert words.line(NODE, {'console=ttyS0': None}, 'console=ttyS0 quiet') == 'quiet console=ttyS0'


@pytest.mark.parametrize(('info', 'expected'), [
    ({}, 'quiet'), ({'kernel_append_params': ''}, ''), ({'kernel_append_params': 'debug'}, 'debug'),
    ({'kernel_append_params': '%default% debug'}, 'quiet debug')])
def test_the_node_s_words_replace_or_extend_the_default(info, expected):
    assert words.append_text({'driver_info': info}, 'quiet') == expected


@pytest.mark.parametrize('text', [
    'a\nboot evil', 'a\rb', 'a\tb', 'a=${net0/mac}', 'x${', 'a || shell', 'a && shell', 'é', 'nul\0'])
def test_nothing_that_ipxe_would_act_upon(text):
    with pytest.raises(errors.InvalidParameter, match='Node n1: kernel_append_params'):
        words.line(NODE, {}, text)


@pytest.mark.parametrize('value', ['a b', 'a\nb', '${x}', '', 'é'])
def test_parameters_are_checked_too(value):
    if value == '':
        assert words.line(NODE, {'a': value}, '') == 'a='
        return
    with pytest.raises(errors.InvalidParameter):
        words.line(NODE, {'a': value}, '')


@pytest.mark.parametrize('word', ['ingot.api=http://evil', 'ingot.token=x', 'initrd=other'])
def test_our_own_words_are_ours(word):
    with pytest.raises(errors.InvalidParameter, match='which Ingot sets itself'):
        words.line(NODE, {}, word)


def test_what_is_left_to_the_operator():
    assert words.line(NODE, {}, 'ingot.measure=1 console=ttyS0') == 'ingot.measure=1 console=ttyS0'


def test_a_line_that_linux_would_cut_off():
    with pytest.raises(errors.InvalidParameter, match='2005 characters; accepted are 1900'):
        words.line(NODE, {}, 'a' * 2005)


def test_a_secret_is_not_repeated_in_the_error():
    with pytest.raises(errors.InvalidParameter) as refused:
        words.line(NODE, {'ingot.token': 'hush hush'}, '')
    assert 'hush' not in refused.value.explain()
    assert 'ingot.token' in str(refused.value)
