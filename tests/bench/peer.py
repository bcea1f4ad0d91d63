"""Ironic 39.0.0 from PyPI, in a virtual environment of its own: what Ingot is measured against, side by side."""

import contextlib
import os
import signal
import subprocess
import urllib.error
import urllib.request

from ingot import concurrency
from ingot.cli import stage
from tests.clients.venv import venv

_KINDS = ('bios', 'boot', 'console', 'deploy', 'firmware', 'inspect', 'management', 'power', 'raid', 'rescue', 'vendor')
#: Kinds that a node may do without.
_OPTIONAL = {'bios', 'console', 'firmware', 'inspect', 'raid', 'rescue', 'vendor'}
#: One process (API and conductor), no authentication; a large heartbeat_timeout since it sends none over SQLite.
_CONF = """[DEFAULT]
auth_strategy = noauth
host = 127.0.0.1
my_ip = 127.0.0.1
state_path = {0}
tempdir = {0}
log_file = {0}/ironic.log
use_stderr = false
rpc_transport = none
enabled_hardware_types = fake-hardware
enabled_network_interfaces = noop
enabled_storage_interfaces = fake,noop
{2}
[api]
host_ip = 127.0.0.1
port = {1}
[conductor]
heartbeat_timeout = 100000
automated_clean = false
[database]
connection = {3}
[dhcp]
dhcp_provider = none
[oslo_concurrency]
lock_path = {0}
[service_catalog]
endpoint_override = http://127.0.0.1:{1}
[sensor_data]
send_sensor_data = false
"""


@contextlib.contextmanager
def ironic(folder, database=None):
    """(port, pid) of a server that lives in ``folder`` and ends with the context. ``database``: its URL; default: SQLite."""
    programs = venv('ironic-39.0.0', 'ironic==39.0.0', 'PyMySQL')
    port, = stage.free_ports(1)
    conf = folder / 'ironic.conf'
    conf.write_text(_CONF.format(folder, port, '\n'.join(
        f'enabled_{kind}_interfaces = fake' + (f',no-{kind}' if kind in _OPTIONAL else '') for kind in _KINDS), database or f'sqlite:///{folder}/ironic.sqlite'))
    log = folder / 'out'
    with open(log, 'wb') as out:
        words = ['--config-file', conf]
        subprocess.run([programs / 'ironic-dbsync', *words, 'create_schema'], check=True, stdout=out, stderr=out)
        process = subprocess.Popen([programs / 'ironic', *words], stdout=out, stderr=out, start_new_session=True)
    try:
        assert concurrency.wait_for(lambda: _serves(port) or process.poll() is not None, 120, every=0.2)
        assert process.poll() is None, log.read_text()[-3000:]
        yield port, process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _serves(port):
    with contextlib.suppress(OSError, urllib.error.URLError):
        return b'fake-hardware' in urllib.request.urlopen(f'http://127.0.0.1:{port}/v1/drivers', timeout=10).read()
    return False
