"""The driver of docs/drivers.md, installed beside Ingot and not in it, deploys a machine through ``ingot serve``."""

import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request

import pytest

from ingot import concurrency
from ingot.cli import stage

PAGE = pathlib.Path(__file__).parents[2] / 'docs' / 'drivers.md'
MAC, SECONDS = '52:54:00:12:34:56', 60
VERSION = {'X-OpenStack-Ironic-API-Version': '1.115', 'Content-Type': 'application/json'}


def of_page(name):
    """The block of code that stands below `name`: in the page."""
    return re.search(rf'^`{re.escape(name)}`:\n\n```\w+\n(.*?)^```', PAGE.read_text(), re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
def installed(tmp_path):
    """A folder for sys.path that has the package of the page as pip would put it there."""
    project = tomllib.loads(of_page('pyproject.toml'))['project']
    folder = tmp_path / 'site'
    facts = folder / f'{project["name"].replace("-", "_")}-{project["version"]}.dist-info'
    facts.mkdir(parents=True)
    (folder / 'ingot_outlet.py').write_text(of_page('ingot_outlet.py'))
    (facts / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {project["name"]}\nVersion: {project["version"]}\n')
    points = project['entry-points']['ingot.drivers']
    (facts / 'entry_points.txt').write_text('[ingot.drivers]\n' + ''.join(f'{name} = {at}\n' for name, at in points.items()))
    return folder


class Machine(http.server.ThreadingHTTPServer):
    """A power outlet at any path, and what is plugged into it: switched on it netboots, or else boots its disk."""

    def __init__(self, boot_url, agent_url):
        super().__init__(('127.0.0.1', 0), Outlet)
        self.boot_url, self.agent_url = boot_url, agent_url
        self.is_on, self.boots, self.plans = False, [], []
        concurrency.spawn(self.serve_forever, name='outlet')

    def switch(self, is_on):
        if is_on and not self.is_on:
            concurrency.spawn(self.boot, name='machine')
        self.is_on = is_on

    def boot(self):
        """What firmware, iPXE and the agent do, in short: record, hello, plan, report."""
        try:
            with urllib.request.urlopen(f'{self.boot_url}/boot/{MAC.replace(":", "-")}.ipxe') as answer:
                words = dict(re.findall(r'ingot\.(\w+)=([^\s$]+)', answer.read().decode()))
        except urllib.error.HTTPError:
            self.boots.append('disk')
            return
        self.boots.append('network')
        session = 's' * 43
        plan = self.say(words, 'hello', {'version': 1, 'token': words['token'], 'session': session})
        self.plans.append([action['action'] for action in plan['actions']])
        self.say(words, 'report', {'seq': 1, 'result': 'done', 'data': {}}, Authorization=f'Bearer {session}')

    def say(self, words, what, body, **headers):
        return ask('POST', f'{words["api"]}/v1/agent/{words["operation"]}/{what}', body, **headers)


class Outlet(http.server.BaseHTTPRequestHandler):

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'on' if self.server.is_on else b'off')

    def do_PUT(self):
        self.server.switch(self.rfile.read(int(self.headers['Content-Length'])) == b'on')
        self.do_GET()

    def log_message(self, *_):
        """Silence."""


def ask(method, url, body=None, **headers):
    """The JSON of an answer ({} for none)."""
    request = urllib.request.Request(url, method=method, data=body if body is None else json.dumps(body).encode(),
                                     headers={**VERSION, **headers})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.loads(answer.read() or '{}')


@pytest.fixture
def site(tmp_path, installed):
    """(URL of an ``ingot serve`` with the driver, its machine)"""
    api, agent, boot, iscsi = stage.free_ports(4)
    for name, content in (('kernel', b'kernel'), ('initrd', b'initrd'), ('disk.raw', os.urandom(1 << 20))):
        (tmp_path / name).write_bytes(content)
    options = {'conductor.enabled_drivers': 'outlet', 'agent.port': agent, 'boot.port': boot, 'iscsi.port': iscsi,
               'boot.kernel': tmp_path / 'kernel', 'boot.ramdisk': tmp_path / 'initrd', 'images.allowed_paths': tmp_path}
    words = [word for name, value in options.items() for word in ('--set', f'{name}={value}')]
    path = os.pathsep.join([str(installed), os.environ.get('PYTHONPATH', '')]).rstrip(os.pathsep)
    with open(tmp_path / 'log', 'wb') as log:
        serve = subprocess.Popen(
            [sys.executable, '-m', 'ingot.cli.main', 'serve', '--port', str(api), '--state-dir', tmp_path / 'state', *words],
            stdout=log, stderr=log, env={**os.environ, 'PYTHONPATH': path})
    machine = Machine(f'http://127.0.0.1:{boot}', f'http://127.0.0.1:{agent}')
    try:
        assert concurrency.wait_for(lambda: b'Ingot serves' in (tmp_path / 'log').read_bytes() or serve.poll(), SECONDS)
        assert serve.poll() is None, (tmp_path / 'log').read_text()
        yield f'http://127.0.0.1:{api}/v1', machine
    finally:
        stage.end(serve)
        machine.shutdown()
        machine.server_close()


def bring(url, verb, state):
    """Ask for a verb and wait for its state."""
    ask('PUT', f'{url}/nodes/r1-u7/states/provision', {'target': verb})

    def is_at_rest():
        node = ask('GET', f'{url}/nodes/r1-u7/states')
        return not node['target_provision_state'] and node
    node = concurrency.wait_for(is_at_rest, SECONDS)
    assert node, f'{verb} does not end'
    assert node['provision_state'] == state, node


def test_the_driver_of_the_page_deploys_a_machine(site, tmp_path):
    url, machine = site
    [driver] = ask('GET', f'{url}/drivers')['drivers']
    assert driver['name'] == 'outlet'
    assert 'outlet_url' in ask('GET', f'{url}/drivers/outlet/properties')
    node = ask('POST', f'{url}/nodes', {
        'name': 'r1-u7', 'driver': 'outlet', 'driver_info': {'outlet_url': f'http://127.0.0.1:{machine.server_port}/7'},
        'instance_info': {'image_source': f'file://{tmp_path}/disk.raw'}})
    assert (node['power_interface'], node['deploy_interface'], node['raid_interface']) == ('outlet', 'iscsi', 'no-raid')
    ask('POST', f'{url}/ports', {'node_uuid': node['uuid'], 'address': MAC})
    bring(url, 'manage', 'manageable')
    bring(url, 'provide', 'available')
    assert (machine.boots, machine.plans, machine.is_on) == (['network'], [['inventory', 'erase metadata']], False)
    bring(url, 'active', 'active')
    assert machine.is_on
    assert concurrency.wait_for(lambda: machine.boots == ['network', 'network', 'disk'], SECONDS), machine.boots
    assert machine.plans[1] == ['write image']
    bring(url, 'deleted', 'available')
    assert not machine.is_on


def test_an_outlet_that_is_gone_is_told(site):
    url, machine = site
    ask('POST', f'{url}/nodes', {'name': 'r1-u7', 'driver': 'outlet', 'driver_info': {'outlet_url': 'http://127.0.0.1:1/7'}})
    bring(url, 'manage', 'enroll')
    error = ask('GET', f'{url}/nodes/r1-u7/states')['last_error']
    assert 'its power outlet does not answer' in error
    assert 'Remedy: Check driver_info/outlet_url' in error
    assert machine.boots == []
