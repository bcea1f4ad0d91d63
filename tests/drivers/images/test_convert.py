"""qemu-img works under limits; what it cannot read, or what takes too long, is an error with a cause."""

import os
import struct
import time

import pytest

from ingot import errors
from ingot.drivers.images import convert


def to_raw(source, target, **more):
    convert.to_raw(str(source), str(target), **{'name': 'file:///x', 'virtual_size': 2 << 20, 'seconds': 60, **more})


@pytest.mark.parametrize('options', [
    (), ('-c',), ('-o', 'compat=0.10'), ('-o', 'extended_l2=on'), ('-c', '-o', 'compression_type=zstd')])
def test_the_disk_comes_out_as_it_went_in(make_qcow2, disk, tmp_path, options):
    source = make_qcow2('image', disk(1), *options)
    to_raw(source, tmp_path / 'raw')
    assert (tmp_path / 'raw').read_bytes() == disk(1)
    assert os.stat(tmp_path / 'raw').st_blocks * 512 < 300_000, 'sparse'
    assert 70000 + 4096 <= convert.data_bytes(str(source), name='x') <= 4 * 65536


def check(source):
    convert.check(str(source), name='file:///x', seconds=60)


def test_damaged_tables(make_qcow2, disk, tmp_path):
    source = make_qcow2('image', disk(1))
    check(source)
    content = bytearray(source.read_bytes())
    l1 = struct.unpack_from('>Q', content, 40)[0]
    content[l1:l1 + 8] = struct.pack('>Q', 1 << 55 | 1 << 63)
    source.write_bytes(content)
    with pytest.raises(errors.InvalidImage, match=r'is damaged: .* status 2'):
        check(source)


@pytest.mark.parametrize('options', [(), ('-c',)])
def test_file_cut_short(make_qcow2, disk, tmp_path, options):
    """qemu-img convert would read zeros where the file has ended."""
    source = make_qcow2('image', os.urandom(1 << 20), *options)
    os.truncate(source, os.stat(source).st_size - 200_000)
    with pytest.raises(errors.InvalidImage, match='is damaged'):
        check(source)


def test_unused_clusters_are_no_damage(make_qcow2, disk):
    source = make_qcow2('image', disk(1))
    content = bytearray(source.read_bytes())
    l1 = struct.unpack_from('>Q', content, 40)[0]
    content[l1:l1 + 8] = bytes(8)      # the second level belongs to nobody now
    source.write_bytes(content)
    check(source)


def test_it_never_writes_more_than_the_header_said(make_qcow2, disk, tmp_path):
    with pytest.raises(errors.InvalidImage):
        to_raw(make_qcow2('image', disk(1)), tmp_path / 'raw', virtual_size=1 << 20)
    assert not (tmp_path / 'raw').exists() or os.stat(tmp_path / 'raw').st_size <= (1 << 20) + 4096


def test_paths_are_paths(make_qcow2, disk, tmp_path, monkeypatch):
    """qemu-img would take these names for a protocol and for options."""
    source = make_qcow2('image', disk(1))
    monkeypatch.chdir(tmp_path)
    for name in ('nbd:unix:x', 'json:{}', 'a,b=c'):
        os.link(source, tmp_path / name)
        to_raw(name, f'{name}.raw')
        assert (tmp_path / f'{name}.raw').read_bytes() == disk(1)


def test_time_limit(tmp_path, monkeypatch):
    slow = tmp_path / 'qemu-img'
    slow.write_text('#!/bin/sh\nexec sleep 60\n')
    slow.chmod(0o755)
    monkeypatch.setitem(convert.programs.NAMES, 'qemu-img', (str(slow), 'qemu-utils'))
    started = time.monotonic()
    with pytest.raises(errors.DeadlineExceeded, match=r'did not end within 0\.3 s') as caught:
        to_raw('/x', '/y', seconds=0.3)
    assert time.monotonic() - started < 30
    assert 'convert_timeout' in caught.value.remedy


def test_full_disk(tmp_path, monkeypatch):
    full = tmp_path / 'qemu-img'
    full.write_text('#!/bin/sh\necho "qemu-img: error while writing: No space left on device" >&2\nexit 1\n')
    full.chmod(0o755)
    monkeypatch.setitem(convert.programs.NAMES, 'qemu-img', (str(full), 'qemu-utils'))
    with pytest.raises(errors.ImageUnavailable, match='disk of the image cache is full'):
        to_raw('/x', '/y')
