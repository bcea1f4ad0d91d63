"""Virtual environments for programs that are no part of Ingot: made once in the cache folder, never touching the system."""

import shutil
import subprocess
import sys

from ingot import debian


def venv(name, *requirements):
    """Folder of the programs of a virtual environment with ``requirements`` (pip's words) in it."""
    folder = debian.cache_folder() / 'venvs' / name
    stamp, wanted = folder / 'installed', ' '.join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f'Installing {wanted} into {folder} ...', file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, '-m', 'venv', folder], check=True)
        subprocess.run([folder / 'bin/pip', 'install', '-q', '--disable-pip-version-check', *requirements], check=True)
        stamp.write_text(wanted)
    return folder / 'bin'
