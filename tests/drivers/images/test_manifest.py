"""From extents and chunks alone the image can be built again; holes and zeros do not travel."""

import hashlib
import os
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.drivers import base
from ingot.drivers.images import manifest

K = 1024
PLACES = st.integers(0, 9 * K) | st.sampled_from([0, 4, 64, 4096, 4096 - 4, 4096 + 64, 8192])      # KiB
PIECES = st.lists(st.tuples(PLACES, st.integers(1, 200), st.booleans()), max_size=12)


def write(path, size, pieces):
    """A sparse file of ``size`` bytes; a piece is (KiB offset, KiB length, whether it is written zeros)."""
    with open(path, 'wb') as file:
        for number, (offset, length, is_zero) in enumerate(pieces):
            file.seek(offset * K)
            file.write(bytes(length * K) if is_zero else hashlib.shake_128(b'%d' % number).digest(length * K))
        file.truncate(size)


def check(path, measured):
    with open(path, 'rb') as file:
        content = file.read()
    assert measured.size == len(content)
    rebuilt = bytearray(measured.size)
    end = -1
    for offset, length in measured.extents:
        assert offset % 4096 == 0
        assert length > 0
        assert (offset + length) % 4096 == 0 or offset + length == measured.size
        assert offset > end, 'extents ascend and do not touch'
        end = offset + length
        rebuilt[offset:end] = content[offset:end]
    assert rebuilt == content
    chunks = [content[start:start + measured.chunk_size] for start in range(0, len(content), measured.chunk_size)]
    assert measured.chunks == [hashlib.sha256(chunk).hexdigest() for chunk in chunks]
    return hashlib.sha256(content).hexdigest()


@settings(max_examples=60)
@given(PIECES, st.integers(1, 10 * K * 2), st.booleans())
def test_any_sparse_file(pieces, sectors, is_known):
    with tempfile.NamedTemporaryFile() as file:
        write(file.name, sectors * 512, pieces)
        with open(file.name, 'rb') as content:
            known = hashlib.file_digest(content, 'sha256').hexdigest() if is_known else None
        measured, digest = manifest.build(file.name, known)
        assert digest == check(file.name, measured)
        manifest.save(measured, file.name + '.json')
        assert manifest.load(file.name + '.json') == measured
        os.unlink(file.name + '.json')


def test_written_zeros_become_gaps(tmp_path):
    path = tmp_path / 'raw'
    path.write_bytes(b'x' * 65536 + bytes(10 << 20) + b'y' * 4096)
    measured, _ = manifest.build(path)
    assert measured.extents == [(0, 65536), (65536 + (10 << 20), 4096)]
    assert measured.data_bytes == 65536 + 4096


def test_holes_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / 'raw'
    write(path, 1 << 40, [(5 * K * K, 64, False)])      # 1 TiB, 64 KiB of it data
    read = []
    real = os.pread
    monkeypatch.setattr(os, 'pread', lambda fd, length, offset: read.append(offset) or real(fd, length, offset))
    with open(path, 'rb') as file:
        file.seek(5 << 30)
        pieces = list(manifest._read(file.fileno(), 64 << 30))
    assert read == [5 << 30]
    assert len(pieces) == 16 * K


def test_an_image_of_nothing(tmp_path):
    write(tmp_path / 'raw', 9 << 20, [])
    measured, digest = manifest.build(tmp_path / 'raw')
    assert measured.extents == []
    assert digest == check(tmp_path / 'raw', measured)


def test_the_map_of_a_fragmented_image_stays_small(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, 'MOST_EXTENTS', 8)
    write(tmp_path / 'raw', 12 << 20, [(place, 4, False) for place in range(0, 12 * K, 256)] + [(11 * K, 1 * K, True)])
    measured, _ = manifest.build(tmp_path / 'raw')
    assert 1 <= len(measured.extents) <= 8
    check(tmp_path / 'raw', measured)


@pytest.mark.parametrize('text', ['', '{}', '[]', '{"size": 1}', '{"size":1,"chunk_size":1,"extents":3,"chunks":[]}'])
def test_a_damaged_manifest_is_no_manifest(tmp_path, text):
    (tmp_path / 'json').write_text(text)
    with pytest.raises(ValueError):
        manifest.load(tmp_path / 'json')


def test_it_loads_as_the_drivers_type(tmp_path):
    write(tmp_path / 'raw', 1 << 20, [(0, 64, False)])
    manifest.save(manifest.build(tmp_path / 'raw')[0], tmp_path / 'json')
    assert isinstance(manifest.load(tmp_path / 'json'), base.Manifest)
