"""``openstack baremetal`` (python-ironicclient), unmodified, as an operator types it."""

import json
import os
import pathlib
import subprocess
import sys

PROGRAM = pathlib.Path(sys.executable).with_name('openstack')


def run(url, *words, form='json', status=0):
    """What the command prints, parsed when ``form`` is json; with another ``status`` what it says on standard error."""
    environment = {**os.environ, 'OS_AUTH_TYPE': 'none', 'OS_ENDPOINT': url}
    done = subprocess.run([PROGRAM, 'baremetal', *words, *(['-f', form] if form else [])], capture_output=True, text=True,
                          env=environment, timeout=120)
    assert done.returncode == status, done.stderr
    if status:
        return done.stderr
    return json.loads(done.stdout) if form else done.stdout
