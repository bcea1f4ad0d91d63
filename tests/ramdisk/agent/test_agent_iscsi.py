import pathlib
import struct
import subprocess

import pytest
from agent_bench import TARGET, add_disk, put

from ingot.ramdisk.agent import iscsi, netlink
from ingot.ramdisk.agent.errors import Refused, Unreachable

#: What open-iscsi 2.1.8 says.
DENIED = ('iscsistart: Logging into iqn.2026-11.ingot:op-1 10.0.0.1:3260,1\n'
          'iscsistart: initiator reported error (24 - iSCSI login failed due to authorization failure)\n')
SILENT = 'iscsistart: initiator reported error (8 - connection timed out)\n'


def add_session(machine, number, iqn, host, disks):
    """A session as the kernel shows it; ``disks``: {lun: name}."""
    root = pathlib.Path(machine.sys)
    device = root / f'devices/platform/host{host}/session{number}'
    put(device / f'iscsi_session/session{number}/targetname', iqn)
    (device / f'iscsi_session/session{number}/device').symlink_to(device)
    (root / f'class/iscsi_session/session{number}').symlink_to(device / f'iscsi_session/session{number}')
    (device / f'target{host}:0:0/{host}:0:0:0').mkdir(parents=True)          # the controller's LUN 0 is no disk
    for lun, name in disks.items():
        add_disk(machine, name, 2 ** 20, place=str(device.relative_to(root) / f'target{host}:0:0/{host}:0:0:{lun}'))
    put(root / 'class/iscsi_transport/tcp/handle', '18446744072645304704')


@pytest.fixture
def two(machine):
    add_session(machine, 3, 'iqn.2026-11.ingot:other', 2, {1: 'sda'})
    add_session(machine, 14, TARGET['iqn'], 12, {1: 'sdb', 2: 'sdc'})
    return machine


def test_the_command_line():
    words = iscsi.command(TARGET, 'iqn.2026-11.ingot:525400aabbcc')
    assert words[:15] == ['iscsistart', '-i', 'iqn.2026-11.ingot:525400aabbcc', '-t', TARGET['iqn'], '-g', '1', '-a', '10.0.0.1',
                          '-p', '3260', '-u', 'op-1', '-w', 'a-very-secret-word']
    assert words[15::2] == ['-P'] * len(words[15::2])
    assert 'node.session.timeo.replacement_timeout=5' in words
    assert '-u' not in iscsi.command({**TARGET, 'user': None}, 'x')


def test_the_initiator_is_named_after_the_adapter():
    assert iscsi.initiator_name('52:54:00:aa:bb:cc') == 'iqn.2026-11.ingot:525400aabbcc'
    assert iscsi.initiator_name(None) == 'iqn.2026-11.ingot:unknown'


def test_sessions_and_disks_are_found_by_the_name_of_the_target(two):
    assert iscsi.find_sessions(two, TARGET['iqn']) == [14]
    assert iscsi.find_disk(two, TARGET['iqn'], 1) == 'sdb'
    assert iscsi.find_disk(two, TARGET['iqn'], 2) == 'sdc'
    assert iscsi.find_disk(two, TARGET['iqn'], 0) is None
    assert iscsi.find_disk(two, 'iqn.2026-11.ingot:other', 1) == 'sda'
    assert iscsi.find_disk(two, 'iqn.2026-11.ingot:none', 1) is None


@pytest.mark.parametrize(('output', 'status', 'kind', 'words'), [
    (DENIED, 255, Refused, 'authorization failure'), (SILENT, 255, Unreachable, 'connection timed out'),
    ('iscsistart: initiator reported error (19 - encountered iSCSI login failure)', 255, Refused, 'login failure'),
    ('Segmentation fault', 139, Unreachable, '139: Segmentation fault'), ('', 1, Unreachable, 'error 1')])
def test_failed_logins_are_told_apart(output, status, kind, words):
    error = iscsi.explain(output, status, TARGET)
    assert type(error) is kind
    assert words in str(error)
    assert TARGET['iqn'] in str(error)


def test_the_secret_is_in_no_message():
    assert TARGET['secret'] not in str(iscsi.explain(f'bad password {TARGET["secret"]}', 1, TARGET))


def test_a_login_that_hangs(monkeypatch):
    def hang(words, **kwargs):
        raise subprocess.TimeoutExpired(words, kwargs['timeout'])
    monkeypatch.setattr(subprocess, 'run', hang)
    with pytest.raises(Unreachable) as error:
        iscsi.run_iscsistart(iscsi.command(TARGET, 'x'), TARGET)
    assert TARGET['secret'] not in str(error.value)


def test_login_ends_what_is_left_of_an_old_session_and_finds_the_disk(two, monkeypatch):
    ended = []
    monkeypatch.setattr(netlink, 'end_session', lambda transport, number: ended.append((transport, number)))
    monkeypatch.setattr(subprocess, 'run', lambda words, **_: subprocess.CompletedProcess(words, 0, '', ''))
    put(pathlib.Path(two.sys, 'block/sdb/queue/max_hw_sectors_kb'), '32767')
    session = iscsi.Session(two, TARGET, 'x')
    assert session.login() == f'{two.dev}/sdb'
    assert ended == [(18446744072645304704, 14)]
    assert two.read('block/sdb/queue/max_sectors_kb') == '4096'
    assert session.logout() == 1


def test_logging_out_of_nothing(machine):
    assert iscsi.Session(machine, TARGET, 'x').logout() == 0


class Kernel:
    """Stands for the netlink socket: answers with news for everybody, then with the request itself and an error."""

    def __init__(self, errors):
        self.errors, self.sent, self.answers = errors, [], []

    def send(self, message):
        length, kind = struct.unpack_from('=IH', message)
        assert length == len(message)
        self.sent.append(message)
        news = struct.pack('=IHHII', 32, 105, 0, 0, 0) + struct.pack('=IiQ', 105, 0, 0)
        answer = struct.pack('=IHHII', 32, kind, 0, 0, 0) + struct.pack('=IiQ', kind, self.errors.get(kind, 0), 0)
        self.answers += [news, answer]

    def recv(self, size):
        return self.answers.pop(0)


def test_a_request_to_the_kernel():
    kernel = Kernel({})
    netlink.ask(kernel, 18, 0xFFFFFFFFC0A1B2C0, struct.pack('=IIQI', 14, 0, 0, 1))
    kind, error, handle, session, connection, _, flag = struct.unpack_from('=IIQIIQI', kernel.sent[0], 16)
    assert (kind, error, handle, session, connection, flag) == (18, 0, 0xFFFFFFFFC0A1B2C0, 14, 0, 1)
    assert kernel.answers == []


def test_a_request_that_the_kernel_refuses():
    with pytest.raises(OSError, match='busy') as error:
        netlink.ask(Kernel({12: -16}), 12, 1, struct.pack('=I', 14))
    assert error.value.errno == 16
