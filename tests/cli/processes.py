"""Processes of Ingot as an operator starts them."""

import contextlib
import subprocess
import sys

INGOT = [sys.executable, '-m', 'ingot.cli.main']


@contextlib.contextmanager
def running(folder, command, words, name=None):
    """(process, its greeting), with a state folder of its own in ``folder``; ended by SIGTERM, if it has not ended yet."""
    name = name or command
    with open(folder / f'{name}.log', 'a') as log:
        process = subprocess.Popen([*INGOT, command, '--state-dir', str(folder / name), *words], stdout=subprocess.PIPE,
                                   stderr=log, text=True)
    try:
        greeting = process.stdout.readline()
        assert greeting, (folder / f'{name}.log').read_text()
        yield process, greeting
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
