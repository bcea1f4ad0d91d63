"""A real tgtd on a free port of 127.0.0.1, and libiscsi's tools as the machine."""

import random
import socket
import subprocess

import pytest

from ingot import config
from ingot.drivers.iscsi.target import Targets


class Machine:
    """Reads LUNs as a machine would."""

    def __init__(self, folder):
        self.folder = folder

    def url(self, export, *, secret=None):
        return (f'iscsi://{export.user}%{secret or export.secret}@{export.host}:{export.port}'
                f'/{export.iqn}/{export.lun}')

    def log_in(self, export, *, secret=None):
        return subprocess.run(['iscsi-inq', self.url(export, secret=secret)], capture_output=True, text=True, timeout=30)

    def read(self, export):
        """All bytes of the LUN."""
        copy = self.folder / 'copy.raw'
        subprocess.run(['qemu-img', 'convert', '-O', 'raw', self.url(export), copy], check=True, capture_output=True, timeout=60)
        return copy.read_bytes()

    def write(self, export):
        return subprocess.run(['qemu-io', '-f', 'raw', '-c', 'write -P 7 0 4096', self.url(export)], capture_output=True,
                              text=True, timeout=30)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def conf(tmp_path):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    return config.load(state_dir=str(tmp_path / 'state'), iscsi__port=port)


@pytest.fixture
def targets(conf):
    service = Targets(conf)
    yield service
    service.stop()


@pytest.fixture
def image(tmp_path):
    """image(seed) -> path of a raw image of 4 MiB + 512 bytes, half of it a hole."""
    def make(seed=1):
        path = tmp_path / f'{seed}.raw'
        noise = random.Random(seed)
        with path.open('wb') as file:
            file.write(noise.randbytes(1 << 20))
            file.seek(4 << 20)
            file.write(noise.randbytes(512))
        return str(path)
    return make
