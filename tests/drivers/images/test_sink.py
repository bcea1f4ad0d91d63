"""What is taken in any portions is what lies in the file; zeros take no room."""

import hashlib
import os
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot import errors
from ingot.drivers.images.sink import Sink


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 300_000), st.booleans()), max_size=12), st.integers(0, 3))
def test_any_portions(portions, restart_after):
    with tempfile.NamedTemporaryFile() as file:
        with Sink(file.name, algorithm='sha512', limit=1 << 30, make_room=lambda need: None, name='x') as sink:
            content = b''
            for number, (length, is_zero) in enumerate(portions):
                data = bytes(length) if is_zero else hashlib.shake_128(b'%d' % number).digest(length)
                sink.take(data)
                content += data
                if number == restart_after:
                    sink.restart()
                    content = b''
                assert sink.received == len(content)
            digest = sink.finish()
        with open(file.name, 'rb') as written:
            assert written.read() == content
        assert digest == hashlib.sha512(content).hexdigest()


def test_zeros_are_holes(tmp_path):
    with Sink(tmp_path / 'x', algorithm='sha256', limit=1 << 30, make_room=lambda need: None, name='x') as sink:
        for _ in range(64):
            sink.take(bytes(1 << 20))
        sink.finish()
    assert os.stat(tmp_path / 'x').st_size == 64 << 20
    assert os.stat(tmp_path / 'x').st_blocks == 0


def test_room_is_asked_for(tmp_path):
    asked = []
    with Sink(tmp_path / 'x', algorithm='sha256', limit=100, make_room=asked.append, name='x') as sink:
        sink.expect(80)
        sink.take(b'x' * 30)
        sink.expect(80)
        with pytest.raises(errors.TooLarge, match='x has 101 bytes or more; at most 100'):
            sink.expect(101)
        with pytest.raises(errors.TooLarge):
            sink.take(b'x' * 71)
    assert asked == [80, 50]
