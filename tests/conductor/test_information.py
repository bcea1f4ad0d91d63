"""The file of what hosts offer: read again when it changes; a broken one is refused at start, and replaces no good one later."""

import logging
import os

import pytest

from ingot import errors
from ingot.conductor import information
from tests.scheduler.test_offer import DEVICE, NODE

GOOD = 'default:\n- match: {vendor_id: "10de"}\n  extra_info: {group: a}\n'


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'pci.yaml'


def write(path, text):
    """A new file in the place of the old one, as editors and configuration tools leave it."""
    fresh = path.with_suffix('.new')
    fresh.write_text(text)
    os.replace(fresh, path)


def test_it_is_read_again_when_it_changes(path):
    write(path, GOOD)
    file = information.File(path)
    first = file.current()
    assert first.of(NODE).entry(DEVICE)['extra_info'] == {'group': 'a'}
    assert file.current() is first
    write(path, GOOD.replace('group: a', 'group: b'))
    assert file.current().of(NODE).entry(DEVICE)['extra_info'] == {'group': 'b'}


def test_json_is_as_good(path):
    write(path, '{"default": [{"match": {"vendor_id": "10de"}}]}')
    assert information.read(path).of(NODE).entry(DEVICE)


def test_a_broken_one_does_not_replace_a_good_one_and_is_told_once(path, caplog):
    write(path, GOOD)
    file = information.File(path)
    good = file.current()
    write(path, 'default:\n- match: {colour: red}\n')
    with caplog.at_level(logging.ERROR):
        assert file.current() is file.current() is good
    [line] = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert str(path) in line
    assert 'colour' in line
    path.unlink()
    assert file.current() is good
    write(path, 'default: []\n')
    assert file.current().of(NODE).entry(DEVICE) is None


@pytest.mark.parametrize(('text', 'words'), [
    ('default: [', 'line 2: neither YAML nor JSON|line 1: neither'), ('a: !!python/object:os.system {}', 'neither YAML'),
    ('default: [{match: {colour: red}}]', 'colour')])
def test_a_broken_one_is_refused_at_start(path, house, text, words):
    write(path, text)
    with pytest.raises(errors.Invalid, match=words) as caught:
        house.service(pci__information=str(path))
    assert str(path) in str(caught.value)


def test_one_that_is_not_there_is_refused_at_start(path, house):
    with pytest.raises(errors.Invalid, match='cannot be read: No such file'):
        house.service(pci__information=str(path))
