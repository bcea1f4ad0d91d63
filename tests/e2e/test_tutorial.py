"""The tutorial of devices, as a reader types it: what the page says is printed is printed."""

import os
import pathlib
import subprocess
import sys

import pytest

from ingot.concurrency import wait_for
from ingot.lab import image
from ingot.ramdisk import build
from tests import tutorial
from tests.e2e.conftest import CACHE, LONG
from tests.e2e.test_demo import left_running

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / 'docs' / 'tutorial-devices.md'


@pytest.fixture
def home(tmp_path, built):
    """A home of its own, with ``ingot`` on the path, and the ramdisk and the image as an earlier run would have left them."""
    (tmp_path / 'bin').mkdir()
    ingot = tmp_path / 'bin' / 'ingot'
    ingot.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m ingot.cli.main "$@"\n')
    ingot.chmod(0o755)
    stage = tmp_path / 'devices' / 'stage'
    stage.mkdir(parents=True)
    build.build(built / 'ramdisk')
    image.build(CACHE / 'tutorial' / 'image')
    for folder in (built / 'ramdisk', CACHE / 'tutorial' / 'image'):
        subprocess.run(['cp', '-a', '--sparse=always', folder, stage], check=True)
    return tmp_path


def test_a_reader_can_follow_the_tutorial_of_devices(home):
    shell = tutorial.Shell(HOME=str(home), PATH=f'{home / "bin"}:{os.environ["PATH"]}', INGOT_CACHE=str(CACHE), LC_ALL='C')
    try:
        commands = tutorial.follow(PAGE.read_text(), shell, LONG)
    finally:
        shell.run('kill $SERVE; ingot lab down --folder $RACK', 60)
        shell.end()
    assert len(commands) > 30
    assert wait_for(lambda: not left_running(home), LONG), left_running(home)
