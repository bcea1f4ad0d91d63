"""The examples of docs/scheduling.md are so."""

import doctest
import pathlib

PAGE = pathlib.Path(__file__).parents[2] / 'docs' / 'scheduling.md'


def test_the_examples_of_the_page():
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 15
    assert not found.failed
