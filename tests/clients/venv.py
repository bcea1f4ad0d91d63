"""Virtual environments for programs that are no part of Ingot: made once in the cache folder, never touching the system."""

import shutil
import subprocess
import sys

from ingot import debian
from ingot.drivers.images import lockfile

#: Seconds for pip to finish in another process.
_PATIENCE = 900


def venv(name, *requirements):
    """Folder of the programs of a virtual environment with ``requirements`` (pip's words) in it."""
    folder = debian.cache_folder() / 'venvs' / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lockfile.hold(f'{folder}.lock', _PATIENCE, what=f'install {name}'):     # tests run in several processes
        _install(folder, requirements)
    return folder / 'bin'


def _install(folder, requirements):
    stamp, wanted = folder / 'installed', ' '.join(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f'Installing {wanted} into {folder} ...', file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, '-m', 'venv', folder], check=True)
    subprocess.run([folder / 'bin/pip', 'install', '-q', '--disable-pip-version-check', *requirements], check=True)
    stamp.write_text(wanted)
