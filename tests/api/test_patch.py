import pytest

from ingot import errors
from ingot.api import patch

CURRENT = {'extra': {'a': {'b': [1, 2]}, 'x/y': 1, 'm~n': 2}, 'name': 'n'}


def apply(*operations):
    return patch.apply(patch.read([dict(zip(('op', 'path', 'value'), operation, strict=False)) for operation in operations]),
                       CURRENT)


@pytest.mark.parametrize(('operation', 'expected'), [
    (('add', '/name', 'other'), {'name': 'other'}),
    (('replace', '/name', None), {'name': None}),
    (('remove', '/name'), {'name': patch.GONE}),
    (('add', '/extra/new', {'k': 1}), {'extra': {**CURRENT['extra'], 'new': {'k': 1}}}),
    (('replace', '/extra/a', 3), {'extra': {**CURRENT['extra'], 'a': 3}}),
    (('add', '/extra/a/b/-', 3), {'extra': {**CURRENT['extra'], 'a': {'b': [1, 2, 3]}}}),
    (('add', '/extra/a/b/0', 3), {'extra': {**CURRENT['extra'], 'a': {'b': [3, 1, 2]}}}),
    (('replace', '/extra/a/b/1', 3), {'extra': {**CURRENT['extra'], 'a': {'b': [1, 3]}}}),
    (('remove', '/extra/a/b/0'), {'extra': {**CURRENT['extra'], 'a': {'b': [2]}}}),
    (('replace', '/extra/x~1y', 9), {'extra': {**CURRENT['extra'], 'x/y': 9}}),
    (('replace', '/extra/m~0n', 9), {'extra': {**CURRENT['extra'], 'm~n': 9}}),
    (('add', '/extra/', 9), {'extra': {**CURRENT['extra'], '': 9}}),
])
def test_an_operation_changes_its_attribute_and_nothing_else(operation, expected):
    before = repr(CURRENT)
    assert apply(operation) == expected
    assert repr(CURRENT) == before


def test_operations_see_what_those_before_them_did():
    assert apply(('add', '/extra/n', {}), ('add', '/extra/n/k', [1]), ('remove', '/extra/n/k/0'))['extra']['n'] == {'k': []}


@pytest.mark.parametrize('operation', [
    ('replace', '/extra/none', 1), ('remove', '/extra/none'), ('add', '/extra/none/deeper', 1), ('add', '/nothing', 1),
    ('add', '/extra/a/b/5', 1), ('replace', '/extra/a/b/2', 1), ('remove', '/extra/a/b/-'), ('add', '/extra/a/b/01', 1),
    ('add', '/extra/a/b/-1', 1), ('add', '/name/deeper', 1), ('add', '/name/deeper/still', 1),
])
def test_a_path_to_nowhere_is_refused_with_its_operation(operation):
    with pytest.raises(errors.PatchRefused, match='Operation 1'):
        apply(('add', '/name', 'n'), operation)


@pytest.mark.parametrize('document', [
    {}, None, 'patch', 3, [1], [[]], [{}], [{'op': 'add'}], [{'path': '/name'}], [{'op': 'add', 'path': '/name'}],
    [{'op': 'test', 'path': '/name', 'value': 1}], [{'op': 'move', 'path': '/name', 'from': '/x'}],
    [{'op': 'copy', 'path': '/name', 'value': 1}], [{'op': ['add'], 'path': '/name', 'value': 1}],
    [{'op': 'add', 'path': 'name', 'value': 1}], [{'op': 'add', 'path': '', 'value': 1}],
    [{'op': 'add', 'path': '/', 'value': 1}], [{'op': 'add', 'path': '/a~2', 'value': 1}],
    [{'op': 'add', 'path': '/a~', 'value': 1}], [{'op': 'add', 'path': ['name'], 'value': 1}],
    [{'op': 'add', 'path': '/name', 'value': 1, 'more': 2}],
])
def test_what_is_no_patch_is_refused(document):
    with pytest.raises(errors.PatchRefused):
        patch.read(document)


def test_an_empty_patch_changes_nothing():
    assert patch.apply(patch.read([]), CURRENT) == {}
