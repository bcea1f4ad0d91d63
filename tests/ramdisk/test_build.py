"""The ramdisk: built twice, taken apart, run as far as that goes without a machine, and (e2e) booted."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import time

import pytest

from ingot import debian, errors, initramfs, programs
from ingot.ramdisk import build, packages

AGENT = {
    '__init__.py': '',
    '__main__.py': """
import sys
from . import core
print('AGENT', core.say(), *sys.path, flush=True)
sys.exit(3)
""",
    'core.py': """
import hashlib
from .actions import write
def say():
    return hashlib.sha256(write.NAME).hexdigest()[:8]
""",
    'actions/__init__.py': '',
    'actions/write.py': """
import base64, gzip, http.client, json, mmap, os, secrets, socket, subprocess, threading, urllib.request
NAME = b'write'
""",
}


@pytest.fixture(scope='module')
def agent(tmp_path_factory):
    return write_agent(tmp_path_factory.mktemp('agent') / 'sources', AGENT)


def write_agent(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope='module')
def ramdisk(agent, tmp_path_factory):
    return build.build(tmp_path_factory.mktemp('ramdisk'), append='first.word  second.word=2', agent=agent, level=1)


@pytest.fixture(scope='module')
def tree(ramdisk, tmp_path_factory):
    return take_apart(ramdisk.initrd, tmp_path_factory.mktemp('tree'))


def take_apart(initrd, folder):
    archive = folder.with_name(f'{folder.name}.cpio')
    programs.run('zstd', '-dqf', initrd, '-o', archive)
    programs.run('cpio', '--extract', '--quiet', '--make-directories', '--no-absolute-filenames', '-F', archive, cwd=folder)
    return folder


def inside(tree, program, *args):
    """Run a program of the ramdisk with the ramdisk's loader and libraries, and no others."""
    libraries = tree / 'lib/x86_64-linux-gnu'
    return subprocess.run([tree / 'lib64/ld-linux-x86-64.so.2', '--inhibit-cache', '--library-path', libraries, tree / program,
                           *args], capture_output=True, text=True, timeout=60, check=False, cwd='/')


def test_two_builds_are_equal_byte_for_byte(ramdisk, agent, tmp_path):
    again = build.build(tmp_path / 'a-folder-with-another-name', append='first.word  second.word=2', agent=agent, level=1)
    for one, other in zip(ramdisk[:2], again[:2], strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_what_is_there_already_is_left_alone(ramdisk, agent):
    before = [path.stat().st_mtime_ns for path in ramdisk]
    assert build.build(ramdisk.initrd.parent, append='first.word  second.word=2', agent=agent, level=1) == ramdisk
    assert [path.stat().st_mtime_ns for path in ramdisk] == before
    assert sorted(path.name for path in ramdisk.initrd.parent.iterdir()) == ['initrd', 'kernel', 'ramdisk.json']


def test_a_changed_agent_makes_a_new_ramdisk(ramdisk, agent, tmp_path):
    folder = shutil.copytree(ramdisk.initrd.parent, tmp_path / 'copy')
    changed = shutil.copytree(agent, tmp_path / 'agent')
    (changed / 'core.py').write_text('def say():\n    return "changed"\n')
    again = build.build(folder, append='first.word  second.word=2', agent=changed, level=1)
    assert again.initrd.read_bytes() != ramdisk.initrd.read_bytes()
    assert json.loads(again.manifest.read_text())['inputs']['agent_sha256'] != (
        json.loads(ramdisk.manifest.read_text())['inputs']['agent_sha256'])


def test_the_manifest_says_what_went_in(ramdisk):
    manifest = json.loads(ramdisk.manifest.read_text())
    for package in manifest['inputs']['packages']:
        assert debian.path(debian.Package(**package)).exists()
    assert {'open-iscsi', 'busybox-static', 'python3.11-minimal'} <= {used['name'] for used in manifest['inputs']['packages']}
    assert manifest['files']['initrd']['bytes'] == ramdisk.initrd.stat().st_size
    assert any(path.endswith('/iscsi_tcp.ko') for path in manifest['modules'])


def test_the_real_one_is_small_and_every_module_of_its_agent_can_be_imported(tmp_path):
    ramdisk = build.build(tmp_path / 'ramdisk')
    assert ramdisk.initrd.stat().st_size < 10 * 2**20
    (tmp_path / 'tree').mkdir()
    tree = take_apart(ramdisk.initrd, tmp_path / 'tree')
    names = sorted('.'.join(path.relative_to(tree / 'ingot').with_suffix('').parts).removesuffix('.__init__')
                   for path in (tree / 'ingot').rglob('*.pyc'))
    done = inside(tree, 'usr/bin/python3', '-I', '-S', '-c', 'import sys, importlib; sys.path.insert(0, sys.argv[1])\n'
                  'for name in sys.argv[2:]: importlib.import_module(name)\n'
                  'print(sorted(sys.modules["agent.actions"].table()))', tree / 'ingot', *names)
    assert done.returncode == 0, done.stderr
    for action in ('inventory', 'erase metadata', 'write image', 'write configdrive'):
        assert repr(action) in done.stdout


def test_only_compiled_python_owned_by_root_at_one_time(tree, ramdisk):
    assert not list(tree.rglob('*.py'))
    assert sorted(str(path.relative_to(tree / 'ingot')) for path in tree.rglob('ingot/agent/**/*.pyc')) == [
        f'agent/{name}c' for name in sorted(AGENT)]
    listed = programs.run('cpio', '--list', '--verbose', '--numeric-uid-gid', '--quiet', '-F', f'{tree}.cpio',
                          environment={'TZ': 'UTC', 'LC_ALL': 'C'}).splitlines()
    assert len(listed) > 300
    for line in listed:
        assert line.split()[2:4] == ['0', '0'], line
        assert ' Jan  1  2000 ' in line, line


def test_the_agent_runs_under_the_ramdisks_own_python(tree):
    start = f'import sys; sys.path.insert(0, "{tree}/ingot"); import runpy\n'
    done = inside(tree, 'usr/bin/python3', '-I', '-S', '-u', '-c',
                  start + 'runpy.run_module("agent", run_name="__main__", alter_sys=True)')
    assert done.returncode == 3, done.stderr
    said, digest, *path = done.stdout.split()
    assert (said, digest) == ('AGENT', hashlib.sha256(b'write').hexdigest()[:8])
    assert {pathlib.Path(entry).is_relative_to(tree) for entry in path} == {True}


def test_digests_come_from_openssl_and_names_can_be_looked_up(tree):
    done = inside(tree, 'usr/bin/python3', '-I', '-S', '-c', 'import hashlib, socket, encodings.idna, datetime\n'
                  'print(hashlib.sha256.__module__, "ssl" in dir(), datetime.datetime.strptime("2026", "%Y").year)')
    assert done.stdout.split() == ['_hashlib', 'False', '2026'], done.stderr


@pytest.mark.parametrize(('program', 'words', 'said'), [
    ('sbin/iscsistart', ['-v'], 'iscsistart version'), ('sbin/modprobe', ['--version'], 'kmod version')])
def test_programs_have_their_libraries(tree, program, words, said):
    done = inside(tree, program, *words)
    assert said in done.stdout + done.stderr


def test_modules_load_with_all_they_need(tree):
    version, = (path.name for path in (tree / 'lib/modules').iterdir())
    wanted = (tree / 'ingot/modules').read_text().split()
    assert wanted == list(packages.ALWAYS['small'])
    shown = programs.run('modprobe', '-d', tree, '-S', version, '--show-depends', '-a', *wanted, 'virtio_net')
    assert {'scsi_mod.ko', 'libiscsi.ko', 'virtio_net.ko'} <= {pathlib.Path(line.split()[1]).name for line in shown.splitlines()}


def test_the_scripts_are_shell_and_their_programs_are_there(tree):
    for script in ('init', 'etc/udhcpc/default.script'):
        programs.run('busybox', 'sh', '-n', tree / script)
        assert (tree / script).stat().st_mode & 0o111
    for name in ('mount', 'ip', 'udhcpc', 'poweroff', 'reboot', 'dmesg', 'setsid', 'cttyhack', 'sleep', 'sync'):
        assert (tree / 'bin' / name).readlink() == pathlib.Path('busybox')
    assert (tree / 'ingot/append').read_text() == 'first.word second.word=2'


def test_a_lease_sets_address_route_and_name_servers(tmp_path):
    (tmp_path / 'ip').write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n')
    (tmp_path / 'ip').chmod(0o755)
    script = (pathlib.Path(build.__file__).with_name('udhcpc.sh')).read_text().replace('/etc/resolv.conf', f'{tmp_path}/resolv')
    subprocess.run(['/bin/sh', '-c', script, 'script', 'bound'], check=True, env={
        'PATH': str(tmp_path), 'interface': 'eth0', 'ip': '10.0.0.5', 'mask': '24', 'router': '10.0.0.1 10.0.0.2',
        'dns': '9.9.9.9 1.1.1.1'})
    assert (tmp_path / 'calls').read_text().splitlines() == [
        'address replace 10.0.0.5/24 dev eth0', 'route replace default via 10.0.0.1 dev eth0']
    assert (tmp_path / 'resolv').read_text() == 'nameserver 9.9.9.9\nnameserver 1.1.1.1\n'


def test_an_agent_that_needs_more_than_the_standard_library_is_refused(tmp_path):
    agent = write_agent(tmp_path / 'agent', AGENT | {'core.py': 'import requests\n'})
    with pytest.raises(errors.ProgramFailed, match=r'agent.core imports requests, which the standard library does not have'):
        build.build(tmp_path / 'out', agent=agent)
    assert not list((tmp_path / 'out').iterdir())


def test_wrong_words_are_refused(tmp_path, agent):
    with pytest.raises(errors.InvalidParameter, match='flavour "huge" is unknown; there are: small, full'):
        build.build(tmp_path, 'huge', agent=agent)
    with pytest.raises(errors.InvalidParameter, match=r'no __main__\.py'):
        build.build(tmp_path, agent=tmp_path)


def test_a_library_that_no_package_has_is_named(tree, tmp_path):
    (tmp_path / 'lib/x86_64-linux-gnu').mkdir(parents=True)
    for name in ('ld-linux-x86-64.so.2', 'libc.so.6'):
        shutil.copy(tree / ('lib64' if name.startswith('ld') else 'lib/x86_64-linux-gnu') / name,
                    tmp_path / 'lib/x86_64-linux-gnu' / name)
    with pytest.raises(errors.ProgramFailed, match=r'/iscsistart (needs \S+, which )?is in no unpacked package'):
        initramfs.libraries(tmp_path, tmp_path / 'out', [tree / 'sbin/iscsistart'])


def boot(ramdisk, marker, tmp_path, *machine, seconds=120):
    """What the serial port said until ``marker`` or the end of time."""
    console = tmp_path / 'console'
    console.touch()
    with subprocess.Popen([
            programs.find('setpriv'), '--pdeathsig', 'KILL', programs.find('qemu'), '-accel', 'tcg,thread=multi',
            '-machine', 'q35,smm=off,graphics=off', '-cpu', 'qemu64,+rdrand', '-m', '512', '-display', 'none', '-nodefaults',
            '-serial', f'file:{console}',
            '-kernel', ramdisk.kernel, '-initrd', ramdisk.initrd, '-append', 'console=ttyS0 quiet', *machine]) as qemu:
        deadline = time.monotonic() + seconds
        while marker not in console.read_text(errors='replace') and qemu.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        qemu.kill()
    return console.read_text(errors='replace')


@pytest.mark.e2e
def test_it_boots_to_the_agent_and_says_why_the_agent_ended(ramdisk, tmp_path):
    said = boot(ramdisk, 'power off in 30 s', tmp_path)
    assert 'AGENT ' in said
    assert 'ingot: the agent ended with status 3' in said
    assert 'power off in 30 s' in said


@pytest.mark.e2e
def test_the_full_flavour_drives_hardware(tmp_path):
    agent = write_agent(tmp_path / 'agent', {
        '__init__.py': '', '__main__.py': 'import os\nprint("SEEN", *os.listdir("/sys/class/net"), *os.listdir("/sys/block"), '
                                          '*(name for name in os.listdir("/dev") if "ipmi" in name))\n'})
    disk = tmp_path / 'disk'
    with open(disk, 'wb') as file:
        file.truncate(2**30)
    ramdisk = build.build(tmp_path / 'full', 'full', agent=agent, append='ingot.shell', level=1)
    said = boot(ramdisk, 'ingot.shell: a shell', tmp_path,
                '-device', 'e1000e,netdev=n', '-netdev', 'user,id=n,restrict=on',
                '-drive', f'file={disk},if=none,id=d,format=raw', '-device', 'ahci,id=a', '-device', 'ide-hd,bus=a.0,drive=d',
                '-device', 'ipmi-bmc-sim,id=bmc', '-device', 'isa-ipmi-kcs,bmc=bmc')
    seen = next(line for line in said.splitlines() if 'SEEN' in line).split()
    assert {'eth0', 'lo', 'sda', 'ipmi0'} <= set(seen)
    assert 'ingot.shell: a shell' in said
