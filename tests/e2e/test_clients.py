"""The demo's steps by ``openstack baremetal`` (python-ironicclient) against a live ``ingot serve`` with a fake machine."""

import contextlib
import functools
import re
import signal
import subprocess
import sys

import pytest

from tests import openstack_command
from tests.e2e.conftest import LONG


@contextlib.contextmanager
def serving(folder, port=0):
    """``ingot serve`` in a process of its own; yields (process, URL) and stops it with SIGTERM."""
    sets = [f'--set={option}' for option in ('agent.port=0', 'boot.port=0')]
    with open(folder / 'log', 'a') as log:
        process = subprocess.Popen([sys.executable, '-m', 'ingot.cli.main', 'serve', '--port', str(port), '--state-dir',
                                    str(folder / 'state'), *sets], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        greeting = process.stdout.readline()
        found = re.search(r'http://127\.0\.0\.1:[0-9]+', greeting)
        assert found, (greeting, (folder / 'log').read_text())
        yield process, found[0]
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


@pytest.fixture
def cli(tmp_path):
    """Runs ``openstack baremetal WORDS``; at the end the server must stop cleanly."""
    with serving(tmp_path) as (process, url):
        yield functools.partial(openstack_command.run, url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert 'Traceback' not in (tmp_path / 'log').read_text()


def test_the_openstack_command_takes_a_machine_through_its_life(cli):
    wait = ['--wait', str(LONG)]

    def shown():
        return cli('node', 'show', 'web-1')

    node = cli('node', 'create', '--driver', 'fake-hardware', '--name', 'web-1', '--resource-class', 'gold')
    assert (node['provision_state'], node['power_state']) == ('enroll', None)
    assert cli('port', 'create', '52:54:00:00:00:01', '--node', node['uuid'])['node_uuid'] == node['uuid']
    assert {row['Result'] for row in cli('node', 'validate', 'web-1')} <= {True, None}
    cli('node', 'manage', 'web-1', *wait, form=None)
    assert (shown()['provision_state'], shown()['power_state']) == ('manageable', 'power off')
    cli('node', 'provide', 'web-1', *wait, form=None)
    assert shown()['provision_state'] == 'available'

    cli('node', 'set', 'web-1', '--instance-info', 'image_source=file:///images/os.raw', form=None)
    cli('node', 'deploy', 'web-1', '--config-drive', '{"meta_data": {"hostname": "web-1"}}', *wait, form=None)
    deployed = shown()
    assert [deployed[name] for name in ('provision_state', 'target_provision_state', 'power_state', 'last_error')] == [
        'active', None, 'power on', None]
    assert 'is "active"' in cli('node', 'deploy', 'web-1', form=None, status=1)

    assert cli('node', 'boot', 'device', 'show', 'web-1') == {'boot_device': 'disk', 'persistent': True}
    cli('node', 'boot', 'device', 'set', 'web-1', 'pxe', form=None)
    assert cli('node', 'boot', 'device', 'show', 'web-1')['boot_device'] == 'pxe'
    cli('node', 'power', 'off', 'web-1', '--power-timeout', '60', form=None)
    cli('node', 'power', 'on', 'web-1', form=None)

    cli('node', 'rebuild', 'web-1', *wait, form=None)
    assert shown()['provision_state'] == 'active'
    assert cli('node', 'delete', 'web-1', form=None, status=1)
    cli('node', 'undeploy', 'web-1', *wait, form=None)
    assert (shown()['provision_state'], shown()['instance_info']) == ('available', {})
    cli('node', 'delete', 'web-1', form=None)
    assert (cli('node', 'list'), cli('port', 'list')) == ([], [])
