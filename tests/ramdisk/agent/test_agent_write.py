import errno
import os
import pathlib
import subprocess
import time

import pytest
from agent_bench import GIB, MIB, TARGET, Bench, FakeSession, add_disk, fill, make_image, make_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingot.ramdisk.agent import block
from ingot.ramdisk.agent.actions import write
from ingot.ramdisk.agent.errors import AgentError, Refused, Stopped, Unreachable

SIZE, CHUNK = 6 * MIB, MIB
#: Data, gaps inside of chunks, whole chunks of gap, an extent over the border of chunks, an end that is no whole sector.
EXTENTS = [(0, 8192), (MIB - MIB // 4, MIB // 2), (4 * MIB + 4096, 4096), (SIZE - 12288, 12288)]


@pytest.fixture
def disk(machine):
    path = add_disk(machine, 'vda', 5 * GIB, serial='ROOT')
    fill(path)
    return path


def act(image):
    return {'action': 'write image', 'root_device': {}, 'target': TARGET, 'image': image}


def assert_written(path, image_path, size):
    """Disk and image are equal, gaps included; behind the image the disk is as it was, but for its last MiB."""
    with open(path, 'rb') as disk:
        assert disk.read(size) == image_path.read_bytes()
        assert disk.read(MIB) == b'\xAA' * MIB
        disk.seek(-MIB, os.SEEK_END)
        assert disk.read() == bytes(MIB)


def test_disk_equals_image_with_its_gaps(machine, disk, tmp_path):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    bench = Bench(machine, FakeSession(tmp_path / 'image'))
    result = write.run(act(image), bench.job)
    assert_written(disk, tmp_path / 'image', SIZE)
    assert result['root_disk']['serial'] == 'ROOT'
    assert result['write']['bytes'] == sum(length for _, length in EXTENTS)
    assert not bench.session.is_open
    assert [data['phase'] for kind, data in bench.told if kind == 'phase'] == ['verify image']
    ends = {data['phase']: data for kind, data in bench.told if kind == 'progress'}
    assert ends['write image']['done'] == ends['write image']['total'] == result['write']['bytes']
    assert ends['verify image']['done'] == SIZE


@pytest.mark.parametrize(('size', 'extents'), [
    (4 * MIB, [(0, 4 * MIB)]), (4 * MIB, []), (4 * MIB + 512, [(4 * MIB, 512)]), (9 * MIB, [(4096, 9 * MIB - 4096)])])
def test_images_of_other_shapes(machine, disk, tmp_path, size, extents):
    image = make_image(tmp_path / 'image', size, extents)
    write.run(act(image), Bench(machine, FakeSession(tmp_path / 'image')).job)
    with open(disk, 'rb') as file:
        assert file.read(size) == (tmp_path / 'image').read_bytes()


def test_an_image_of_no_whole_sectors_ends_in_zeros(machine, disk, tmp_path):
    image = make_image(tmp_path / 'image', MIB + 100, [(MIB, 100)])
    with open(tmp_path / 'image', 'r+b') as file:      # the target shows whole sectors, with whatever lies there
        file.seek(MIB + 100)
        file.write(b'X' * 412)
    write.run(act(image), Bench(machine, FakeSession(tmp_path / 'image')).job)
    with open(disk, 'rb') as file:
        assert file.read(MIB + 100) == (tmp_path / 'image').read_bytes()[:MIB + 100]
        assert file.read(412) == bytes(412)


def test_the_disk_of_the_target_is_never_written(machine, tmp_path):
    target = add_disk(machine, 'sda', 5 * GIB, place='devices/platform/host5/session2/target5:0:0/5:0:0:1')
    fill(target)
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    with pytest.raises(AgentError) as error:
        write.run(act(image), Bench(machine, FakeSession(tmp_path / 'image')).job)
    assert error.value.code == 'no-root-disk'
    with open(target, 'rb') as file:
        assert file.read(MIB) == b'\xAA' * MIB


@pytest.mark.parametrize(('change', 'words'), [
    ({'extents': [[0, 8192], [4096, 8192]]}, 'extents'), ({'chunks': ['00']}, '1 chunks'), ({'size': 0}, 'size 0'),
    ({'extents': [[0, SIZE + 4096]]}, 'extents'), ({'extents': [[100, 8092]]}, 'extents'), ({'chunk_size': 1000}, '1000')])
def test_a_manifest_that_contradicts_itself_touches_nothing(machine, disk, tmp_path, change, words):
    image = {**make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK), **change}
    bench = Bench(machine, FakeSession(tmp_path / 'image'))
    with pytest.raises(AgentError) as error:
        write.run(act(image), bench.job)
    assert error.value.code == 'plan-refused'
    assert words in error.value.message
    assert bench.session.count == 0
    with open(disk, 'rb') as file:
        assert file.read(MIB) == b'\xAA' * MIB


def test_an_image_larger_than_every_disk(machine, tmp_path):
    path = add_disk(machine, 'vda', 4 * GIB)
    fill(path)
    image = {'size': 5 * GIB, 'chunk_size': GIB, 'extents': [], 'chunks': [''] * 5}
    bench = Bench(machine, FakeSession(path))
    with pytest.raises(AgentError) as error:
        write.run(act(image), bench.job)
    assert error.value.code == 'image-too-big'
    assert bench.session.count == 0


def test_a_target_smaller_than_the_image(machine, disk, tmp_path):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    os.truncate(tmp_path / 'image', MIB)
    bench = Bench(machine, FakeSession(tmp_path / 'image'))
    with pytest.raises(AgentError) as error:
        write.run(act(image), bench.job)
    assert error.value.code == 'iscsi-refused'
    assert not bench.session.is_open


def test_other_bytes_than_the_manifest_says(machine, disk, tmp_path):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    image['chunks'][0] = '0' * 64
    with pytest.raises(AgentError) as error:
        write.run(act(image), Bench(machine, FakeSession(tmp_path / 'image')).job)
    assert error.value.code == 'checksum-mismatch'
    assert f'between byte 0 and {CHUNK}' in error.value.message


@pytest.mark.parametrize('offset', [0, 2 * MIB + 5, MIB - 17, SIZE - 1])
def test_a_disk_that_gives_back_other_bytes(machine, disk, tmp_path, monkeypatch, offset):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    real_flush = block.Device.flush

    def flush_and_spoil(device):
        real_flush(device)
        with open(disk, 'r+b') as file:
            file.seek(offset)
            old = file.read(1)
            file.seek(offset)
            file.write(bytes([old[0] ^ 1]))

    monkeypatch.setattr(block.Device, 'flush', flush_and_spoil)
    monkeypatch.setattr(write, 'wipe', lambda *_: None)
    with pytest.raises(AgentError) as error:
        write.run(act(image), Bench(machine, FakeSession(tmp_path / 'image')).job)
    assert error.value.code == 'checksum-mismatch'
    assert f'byte {offset // CHUNK * CHUNK} ' in error.value.message


@pytest.mark.parametrize('method', ['write_from', 'read_into', 'zero', 'flush'])
def test_a_failing_disk_is_named(machine, disk, tmp_path, monkeypatch, method):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    real = getattr(block.Device, method)

    def fail(device, *args):
        if device.path == str(disk):
            raise OSError(errno.EIO, 'Input/output error')
        return real(device, *args)

    monkeypatch.setattr(block.Device, method, fail)
    bench = Bench(machine, FakeSession(tmp_path / 'image'))
    with pytest.raises(AgentError) as error:
        write.run(act(image), bench.job)
    assert error.value.code == 'disk-error'
    assert str(disk) in error.value.message
    assert 'ROOT' in error.value.message
    assert 'at byte' in error.value.message
    assert not bench.session.is_open


def fail_reads(monkeypatch, path, times):
    """Reads of ``path`` fail; each element of ``times`` says after how many good ones the next fails."""
    real, left = block.Device.read_into, list(times)

    def read(device, *args):
        if device.path == str(path) and left:
            left[0] -= 1
            if left[0] < 0:
                left.pop(0)
                raise OSError(errno.EIO, 'Input/output error')
        return real(device, *args)
    monkeypatch.setattr(block.Device, 'read_into', read)


def test_a_lost_network_is_logged_in_to_again(machine, disk, tmp_path, monkeypatch):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    fail_reads(monkeypatch, tmp_path / 'image', [2, 0, 1])
    session = FakeSession(tmp_path / 'image', Unreachable('no answer'), Refused('not yet'), tmp_path / 'image')
    bench = Bench(machine, session)
    write.run(act(image), bench.job)
    assert_written(disk, tmp_path / 'image', SIZE)
    assert 'logging in again' in bench.logs()
    assert 'is back' in bench.logs()
    assert not session.is_open


def test_a_network_that_stays_away(machine, disk, tmp_path, monkeypatch):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    fail_reads(monkeypatch, tmp_path / 'image', [2])
    bench = Bench(machine, FakeSession(tmp_path / 'image', Unreachable('nobody there')), pauses=7)
    with pytest.raises(AgentError) as error:
        write.run(act(image), bench.job)
    assert error.value.code == 'iscsi-lost'
    assert 'nobody there' in error.value.message


def test_a_target_that_is_broken_for_good(machine, disk, tmp_path, monkeypatch):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    fail_reads(monkeypatch, tmp_path / 'image', [0] * 1000)
    with pytest.raises(AgentError) as error:
        write.run(act(image), Bench(machine, FakeSession(tmp_path / 'image')).job)
    assert error.value.code == 'iscsi-lost'
    assert 'did not help' in error.value.message


def test_a_refused_login_fails_soon_and_keeps_the_disk(machine, disk, tmp_path):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    bench = Bench(machine, FakeSession(Refused('authorization failure')))
    with pytest.raises(AgentError) as error:
        write.run(act(image), bench.job)
    assert error.value.code == 'iscsi-refused'
    assert bench.session.count == 3
    with open(disk, 'rb') as file:
        assert file.read(MIB) == b'\xAA' * MIB


def test_a_first_login_waits_for_the_network(machine, disk, tmp_path):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    session = FakeSession(*[Unreachable('no route')] * 20, tmp_path / 'image')
    write.run(act(image), Bench(machine, session).job)
    assert_written(disk, tmp_path / 'image', SIZE)


def test_stopping_ends_it_at_once(machine, disk, tmp_path):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    bench = Bench(machine, FakeSession(tmp_path / 'image'))
    bench.job.is_stopping.set()
    started = time.monotonic()
    with pytest.raises(Stopped):
        write.run(act(image), bench.job)
    assert time.monotonic() - started < 10
    assert not bench.session.is_open


def test_the_limit_of_the_disk_is_measured_when_asked(machine, disk, tmp_path):
    image = make_image(tmp_path / 'image', SIZE, EXTENTS, chunk_size=CHUNK)
    bench = Bench(machine, FakeSession(tmp_path / 'image'))
    bench.job.line = bench.job.line._replace(is_measuring=True)
    assert write.run(act(image), bench.job)['write']['disk_limit_mbs'] > 0
    with open(disk, 'rb') as file:
        assert file.read(SIZE) == (tmp_path / 'image').read_bytes()


PIECES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=6)


def spread(pieces):
    """Pairs (pages of gap, pages of data) as extents with a gap of at least one page between them."""
    at, extents = 0, []
    for gap, length in pieces:
        at += gap + bool(extents and not gap)
        extents.append((at * 4096, length * 4096))
        at += length
    return extents, max(1, at) * 4096


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(pieces=PIECES, tail=st.integers(0, 50), failures=st.lists(st.integers(0, 6), max_size=4),
       logins=st.lists(st.sampled_from([True, False]), max_size=6), chunk=st.sampled_from([4096, 65536, 4 * MIB]))
def test_any_image_over_any_network_is_written_right(tmp_path_factory, pieces, tail, failures, logins, chunk):
    folder = tmp_path_factory.mktemp('any')
    machine = make_machine(folder)
    disk = add_disk(machine, 'vda', 4 * GIB)
    fill(disk, upto=MIB)
    extents, end = spread(pieces)
    image = make_image(folder / 'image', end + tail * 512, extents, chunk_size=chunk)
    session = FakeSession(folder / 'image', *[folder / 'image' if good else Unreachable('lost') for good in logins],
                          folder / 'image')
    with pytest.MonkeyPatch.context() as patch:
        fail_reads(patch, folder / 'image', failures)
        write.run(act(image), Bench(machine, session).job)
    with open(disk, 'rb') as file:
        assert file.read(image['size']) == (folder / 'image').read_bytes()
    assert not session.is_open
    pathlib.Path(disk).unlink()


@pytest.fixture
def loop(tmp_path):
    """A real block device, where this machine lets us have one."""
    (tmp_path / 'loop').write_bytes(b'\xAA' * (32 * MIB))
    done = subprocess.run(['losetup', '--find', '--show', '--direct-io=off', tmp_path / 'loop'], capture_output=True,
                          text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        pytest.skip('no loop device can be had here')
    yield done.stdout.strip()
    subprocess.run(['losetup', '--detach', done.stdout.strip()], check=True)


def test_a_block_device_is_zeroed_by_the_kernel(loop, monkeypatch):
    monkeypatch.setattr(block.Device, '_write_zeros', lambda *_: pytest.fail('BLKZEROOUT was not used'))
    device = block.Device(loop, is_writable=True)
    assert (device.is_block, device.size, device.sector) == (True, 32 * MIB, 512)
    device.zero(4096, 8 * MIB)
    device.flush()
    assert device.read(0, 4096) == b'\xAA' * 4096
    assert device.read(4096, 8 * MIB) == bytes(8 * MIB)
    assert device.read(4096 + 8 * MIB, 4096) == b'\xAA' * 4096
    device.close()


def test_a_block_device_in_use_is_not_opened(loop):
    first = block.Device(loop, is_writable=True)
    with pytest.raises(OSError, match='busy'):
        block.Device(loop, is_writable=True)
    first.close()
