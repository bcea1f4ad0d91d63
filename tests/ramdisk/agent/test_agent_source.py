import errno
import threading

import pytest
from agent_bench import MIB, TARGET, Bench, FakeSession

from ingot.ramdisk.agent import block
from ingot.ramdisk.agent.errors import Stopped
from ingot.ramdisk.agent.source import Source


@pytest.fixture
def image(tmp_path):
    (tmp_path / 'image').write_bytes(b'\x01' * MIB + b'\x02' * MIB)
    return tmp_path / 'image'


def test_two_readers_that_lose_the_network_together_log_in_once(machine, image, monkeypatch):
    """A second login would end the session that the first one has just made."""
    meeting, real = threading.Barrier(2, timeout=30), block.Device.read_into
    broken = []

    def read(device, *args):
        if device in broken:
            meeting.wait()
            raise OSError(errno.EIO, 'Input/output error')
        return real(device, *args)

    session = FakeSession(image)
    bench = Bench(machine, session)
    source = Source(bench.job, TARGET)
    broken.append(source._device)
    monkeypatch.setattr(block.Device, 'read_into', read)
    views = [memoryview(block.buffer(MIB)) for _ in range(2)]
    threads = [threading.Thread(target=source.read_into, args=(index * MIB, view)) for index, view in enumerate(views)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [view[0] for view in views] == [1, 2]
    assert session.count == 2
    source.close()
    assert not session.is_open


def test_a_stopped_job_reads_no_more(machine, image):
    bench = Bench(machine, FakeSession(image))
    source = Source(bench.job, TARGET)
    bench.job.is_stopping.set()
    with pytest.raises(Stopped):
        source.read_into(0, memoryview(block.buffer(4096)))


def test_a_session_that_cannot_be_ended_is_a_warning(machine, image, monkeypatch):
    bench = Bench(machine, FakeSession(image))
    source = Source(bench.job, TARGET)

    def refuse():
        raise OSError(errno.EBUSY, 'Device or resource busy')
    monkeypatch.setattr(bench.session, 'logout', refuse)
    source.close()
    assert bench.told[-1][1]['level'] == 'warning'
    assert 'busy' in bench.logs()
