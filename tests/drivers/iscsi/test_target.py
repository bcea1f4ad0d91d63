"""Targets: with the real tgtd, read by real initiators."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from ingot import concurrency, config, errors, programs
from ingot.drivers.iscsi import tgt
from ingot.drivers.iscsi.target import Targets
from ingot.drivers.iscsi.tgt import SPEED, Tgt

ONE, TWO = '6b1e0a5c-0000-4000-8000-000000000001', '6b1e0a5c-0000-4000-8000-000000000002'


def tgt_of(conf):
    return Tgt(os.path.join(conf.state_dir, 'iscsi', 'tgtd'))


def test_a_machine_reads_every_byte(targets, machine, image):
    path = image()
    assert machine.read(targets.export(ONE, path)) == pathlib.Path(path).read_bytes()


def test_the_same_export_for_the_same_operation(targets, image):
    path = image()
    first = targets.export(ONE, path)
    assert targets.export(ONE, path) == first
    assert first.iqn == f'iqn.2026-01.org.ingot:{ONE}'
    assert first.lun == 1
    assert len(first.secret) >= 16
    assert targets.export(TWO, path).secret != first.secret


def test_another_image_for_the_same_operation_keeps_the_secret(targets, machine, image):
    first, second = targets.export(ONE, image(1)), targets.export(ONE, image(2))
    assert first == second
    assert machine.read(second) == pathlib.Path(image(2)).read_bytes()


def test_what_machines_are_told_is_the_portal(conf, targets, image):
    conf.set_override('portal', '10.0.2.2:9999', 'iscsi')
    assert targets.export(ONE, image())[:2] == ('10.0.2.2', 9999)


@pytest.mark.parametrize('wrong', ['0' * 32, 'x'])
def test_a_wrong_secret_is_refused(targets, machine, image, wrong):
    export = targets.export(ONE, image())
    assert machine.log_in(export).returncode == 0
    refused = machine.log_in(export, secret=wrong)
    assert refused.returncode != 0
    assert 'Authentication failure' in refused.stderr


def test_without_a_secret_nobody_comes_in(targets, image):
    export = targets.export(ONE, image())
    done = subprocess.run(['iscsi-inq', f'iscsi://{export.host}:{export.port}/{export.iqn}/1'], capture_output=True, timeout=30)
    assert done.returncode != 0


def test_the_secret_of_one_does_not_open_the_other(targets, machine, image):
    one, two = targets.export(ONE, image(1)), targets.export(TWO, image(2))
    assert machine.log_in(two._replace(user=one.user, secret=one.secret)).returncode != 0
    assert machine.log_in(one).returncode == machine.log_in(two).returncode == 0


def test_two_machines_read_what_is_theirs(targets, machine, image):
    paths = {ONE: image(1), TWO: image(2)}
    exports = {operation: targets.export(operation, path) for operation, path in paths.items()}
    for operation, path in paths.items():
        assert machine.read(exports[operation]) == pathlib.Path(path).read_bytes()


def test_writes_are_refused(targets, machine, image):
    path = image()
    before = pathlib.Path(path).read_bytes()
    done = machine.write(targets.export(ONE, path))
    assert 'read-only' in (done.stdout + done.stderr).lower() or 'write protect' in (done.stdout + done.stderr).lower()
    assert pathlib.Path(path).read_bytes() == before


def test_big_bursts_are_set(conf, targets, image):
    targets.export(ONE, image())
    shown = programs.run('tgtadm', '--lld', 'iscsi', '--op', 'show', '--mode', 'target', '--tid', 1,
                         environment=tgt_of(conf).environment)
    for name, value in SPEED.items():
        assert f'{name}={value}\n' in shown


def test_nothing_is_left_after_withdraw(conf, targets, machine, image):
    export = targets.export(ONE, image())
    other = targets.export(TWO, image(2))
    targets.withdraw(ONE)
    assert targets.exported() == [TWO]
    assert list(tgt_of(conf).targets()) == [other.iqn]
    assert tgt_of(conf).accounts() == [TWO]
    assert machine.log_in(export).returncode != 0
    assert machine.log_in(other).returncode == 0


def test_withdraw_is_fine_with_nothing_and_with_half(conf, targets, machine, image):
    targets.withdraw(ONE)
    targets.export(TWO, image())
    targets.withdraw(ONE)
    tgt = tgt_of(conf)
    programs.run('tgtadm', '--lld', 'iscsi', '--op', 'new', '--mode', 'target', '--tid', 77,
                 '--targetname', f'iqn.2026-01.org.ingot:{ONE}', environment=tgt.environment)
    targets.withdraw(ONE)
    targets.withdraw(ONE)
    assert list(tgt.targets()) == [f'iqn.2026-01.org.ingot:{TWO}']


def test_half_an_export_is_made_whole(conf, targets, machine, image):
    """A crash after each step of the making: the next call ends in the same export."""
    path = image()
    export = targets.export(ONE, path)
    tgt, tid = tgt_of(conf), 1
    for undo in (['unbind', 'target', '--tid', tid, '--initiator-address', 'ALL'],
                 ['delete', 'account', '--user', ONE],
                 ['delete', 'logicalunit', '--tid', tid, '--lun', 1],
                 ['delete', 'target', '--tid', tid, '--force']):
        programs.run('tgtadm', '--lld', 'iscsi', '--op', undo[0], '--mode', *undo[1:], environment=tgt.environment)
        assert targets.export(ONE, path) == export
        assert machine.read(export) == pathlib.Path(path).read_bytes()


def test_withdraw_ends_an_open_session(targets, machine, image):
    export = targets.export(ONE, image())
    session = subprocess.Popen(['qemu-io', '-r', '-f', 'raw', machine.url(export)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        session.stdin.write('read 0 512\n')
        session.stdin.flush()
        while 'read 512/512' not in session.stdout.readline():
            assert session.poll() is None
        targets.withdraw(ONE)
        assert machine.log_in(export).returncode != 0
        assert targets.exported() == []
    finally:
        session.kill()
        session.communicate()


def test_a_killed_tgtd_comes_back_with_the_same_secrets(targets, machine, image):
    path = image()
    one, two = targets.export(ONE, path), targets.export(TWO, path)
    killed = targets.pid
    programs.kill(killed)
    assert concurrency.wait_for(lambda: targets.pid != killed and machine.log_in(one).returncode == 0, 60)
    assert concurrency.wait_for(lambda: machine.log_in(two).returncode == 0, 60)
    assert machine.read(one) == pathlib.Path(path).read_bytes()


def test_a_withdrawal_survives_a_tgtd_that_dies_under_it(conf, targets, image, monkeypatch):
    targets.export(ONE, image())
    accounts, killed = targets._tgt.accounts, []

    def accounts_of_the_dying():
        if not killed:
            killed.append(targets.pid)
            programs.kill(targets.pid)
        return accounts()

    monkeypatch.setattr(targets._tgt, 'accounts', accounts_of_the_dying)
    targets.withdraw(ONE)
    assert targets.pid != killed[0]
    assert tgt_of(conf).targets() == {}
    assert targets.exported() == []


@pytest.mark.parametrize(('times', 'left'), [(5, []), (10 ** 6, [ONE])], ids=['a while', 'for ever'])
def test_a_withdrawal_waits_for_commands_that_are_on_their_way(conf, targets, image, monkeypatch, times, left):
    targets.export(ONE, image())
    run, refused = programs.run, []

    def busy(name, *args, **more):
        if 'delete' in args and len(refused) < times:
            refused.append(args)
            raise errors.ProgramFailed('tgtadm ended with status 22: tgtadm: this logical unit is still active')
        return run(name, *args, **more)

    monkeypatch.setattr(programs, 'run', busy)
    monkeypatch.setattr(tgt, '_ACTIVE_SECONDS', 0.5 if left else 60)
    with pytest.raises(errors.ProgramFailed, match='still active') if left else contextlib.nullcontext():
        targets.withdraw(ONE)
    assert len(tgt_of(conf).targets()) == len(left)
    assert targets.exported() == left, 'what could not be withdrawn stays on record'


def test_an_export_asked_for_while_tgtd_is_dead_waits_for_it(targets, machine, image):
    targets.export(ONE, image())
    programs.kill(targets.pid)
    assert machine.log_in(targets.export(TWO, image(2))).returncode == 0


def test_the_next_conductor_brings_them_back(conf, targets, machine, image):
    path = image()
    export = targets.export(ONE, path)
    targets.stop()
    assert machine.log_in(export).returncode != 0
    successor = Targets(conf)
    try:
        successor.start()
        assert successor.exported() == [ONE]
        assert machine.read(export) == pathlib.Path(path).read_bytes()
        assert successor.export(ONE, path) == export
        successor.withdraw(ONE)
        assert machine.log_in(export).returncode != 0
    finally:
        successor.stop()


DOOMED = '''
import sys
from ingot import config
from ingot.drivers.iscsi.target import Targets
state, port, operation, path = sys.argv[1:]
targets = Targets(config.load(state_dir=state, iscsi__port=int(port)))
export = targets.export(operation, path)
print(targets.pid, export.secret, flush=True)
sys.stdin.read()
'''


def test_kill_9_of_the_conductor(conf, targets, machine, image):
    """Its tgtd dies with it; the successor, started at once, has the same target with the same secret."""
    path = image()
    doomed = subprocess.Popen([sys.executable, '-c', DOOMED, conf.state_dir, str(conf.iscsi.port), ONE, path],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    tgtd, secret = doomed.stdout.readline().split()
    doomed.kill()
    targets.start()
    doomed.communicate()
    assert targets.pid not in (None, int(tgtd))
    export = targets.export(ONE, path)
    assert export.secret == secret
    assert machine.read(export) == pathlib.Path(path).read_bytes()
    assert concurrency.wait_for(lambda: not os.path.exists(f'/proc/{tgtd}'), 30)


def test_an_image_that_is_gone_does_not_keep_the_others_away(conf, targets, machine, image):
    one, two = targets.export(ONE, image(1)), targets.export(TWO, image(2))
    targets.stop()
    os.unlink(image(1))
    targets.start()
    assert machine.log_in(two).returncode == 0
    assert machine.log_in(one).returncode != 0
    targets.withdraw(ONE)
    assert targets.exported() == [TWO]


def test_nothing_runs_while_nothing_is_exported(targets):
    targets.start()
    assert targets.pid is None


def test_stop_leaves_no_process(targets, image):
    targets.export(ONE, image())
    pid = targets.pid
    targets.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    targets.stop()


def test_secrets_are_on_disk_for_us_alone(conf, targets, image):
    export = targets.export(ONE, image())
    folder = pathlib.Path(conf.state_dir, 'iscsi')
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / f'{ONE}.json').stat().st_mode & 0o777 == 0o600
    assert json.loads((folder / f'{ONE}.json').read_text())['secret'] == export.secret


def test_a_taken_port_is_an_error_with_a_remedy_and_never_another_port(conf, targets, image, monkeypatch):
    monkeypatch.setattr('ingot.drivers.iscsi.target._PATIENCE', 0.3)
    with socket.create_server(('127.0.0.1', conf.iscsi.port)):
        with pytest.raises(errors.Unavailable, match=f'Port {conf.iscsi.port} of 127.0.0.1 is used by another program'):
            targets.export(ONE, image())
        assert targets.pid is None
    assert targets.export(ONE, image())


def test_a_tgtd_that_listens_elsewhere_is_killed(conf, targets, machine, image):
    """tgtd that finds its port taken opens port 3260 on all addresses instead of ending."""
    export = targets.export(ONE, image())
    tgt, port = tgt_of(conf), f'127.0.0.1:{conf.iscsi.port}'
    programs.run('tgtadm', '--lld', 'iscsi', '--op', 'delete', '--mode', 'portal', '--param', f'portal={port}',
                 environment=tgt.environment)
    stray = targets.pid
    assert targets.export(ONE, image()) == export
    assert targets.pid != stray
    assert tgt.portals() == [port]
    assert machine.log_in(export).returncode == 0


@pytest.mark.parametrize('size', [0, 513])
def test_an_image_that_is_not_of_whole_sectors_is_refused(targets, tmp_path, size):
    path = tmp_path / 'odd.raw'
    path.write_bytes(bytes(size))
    with pytest.raises(errors.InvalidImage, match=f'{size} bytes'):
        targets.export(ONE, str(path))


def test_an_image_that_is_not_there_is_refused(targets, tmp_path):
    with pytest.raises(errors.InvalidImage, match='No such file'):
        targets.export(ONE, str(tmp_path / 'nothing'))


@pytest.mark.parametrize('operation', ['../evil', 'a b', ''])
def test_an_operation_is_no_path(targets, image, operation):
    with pytest.raises(errors.Invalid):
        targets.export(operation, image())


def test_a_state_folder_with_a_long_name(tmp_path, conf, machine, image):
    deep = tmp_path / ('long' * 20) / ('name' * 20)
    targets = Targets(config.load(state_dir=str(deep), iscsi__port=conf.iscsi.port))
    try:
        assert machine.log_in(targets.export(ONE, image())).returncode == 0
    finally:
        targets.stop()


def test_many_at_once(targets, machine, image):
    path = image()
    pool = concurrency.Pool(8)
    operations = [f'operation-{number}' for number in range(8)]
    exports = list(map(concurrency.Future.result, [pool.submit(targets.export, one, path) for one in operations]))
    assert all(machine.log_in(export).returncode == 0 for export in exports)
    list(map(concurrency.Future.result, [pool.submit(targets.withdraw, one) for one in operations]))
    assert targets.exported() == []
    pool.close()
