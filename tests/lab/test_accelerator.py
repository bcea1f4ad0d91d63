"""KVM is believed when a kernel ran in it, and at no other time."""

import os
import stat
import subprocess

import pytest

from ingot.lab import accelerator


@pytest.fixture
def qemu(tmp_path, monkeypatch):
    """``qemu(script)``: what stands for QEMU; /dev/kvm can be opened."""
    really = os.access
    monkeypatch.setattr('os.access', lambda path, mode: path == '/dev/kvm' or really(path, mode))
    monkeypatch.setattr(accelerator, 'SECONDS', 1)

    def make(script):
        program = tmp_path / 'qemu'
        program.write_text(f'#!/bin/sh\n{script}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setitem(accelerator.programs.NAMES, 'qemu', (str(program), 'qemu'))
        accelerator.accelerator.cache_clear()
        return '/boot/kernel'

    yield make
    accelerator.accelerator.cache_clear()


@pytest.mark.parametrize(('script', 'found'), [
    ('echo booting; echo kvm-runs-kernels-here', 'kvm'), ('echo SeaBIOS; exec sleep 60', 'tcg'),
    ('echo kvm-runs-kernels-here; exec sleep 60', 'kvm'), ('echo no >&2; exit 1', 'tcg')])
def test_the_kernels_word_counts(qemu, script, found):
    assert accelerator.accelerator(qemu(script)) == found


def test_it_is_asked_once(qemu, tmp_path):
    kernel = qemu(f'echo x >> {tmp_path}/asked')
    assert accelerator.accelerator(kernel) == accelerator.accelerator(kernel) == 'tcg'
    assert (tmp_path / 'asked').read_text() == 'x\n'


def test_without_a_kernel_or_the_right_it_is_tcg(monkeypatch):
    accelerator.accelerator.cache_clear()
    assert accelerator.accelerator() == 'tcg'
    monkeypatch.setattr('os.access', lambda path, mode: False)
    assert accelerator.accelerator('/boot/kernel') == 'tcg'
    accelerator.accelerator.cache_clear()


def test_the_archive_is_a_cpio_with_the_right_modes(tmp_path):
    data = accelerator._archive({'bin': None, 'bin/busybox': b'program', 'init': b'script'})
    listed = subprocess.run(['cpio', '-tv', '--quiet'], input=data, capture_output=True, check=True).stdout.decode().splitlines()
    assert [(line.split()[0], line.split()[-1]) for line in listed] == [
        ('drwxr-xr-x', 'bin'), ('-rwxr-xr-x', 'bin/busybox'), ('-rwxr-xr-x', 'init')]
