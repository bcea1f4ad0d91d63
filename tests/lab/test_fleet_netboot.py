"""Fifty machines behind real BMCs at a real ``ingot serve``: boot server, scripts, image cache, iSCSI exports, listener."""

import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import urllib.parse

import pytest

from ingot import concurrency
from ingot.cli import stage
from ingot.lab.fleet.identity import mac
from ingot.lab.fleet.world import World
from ingot.lab.server import BmcServer
from ingot.lab.simulated import SimulatedMachine
from tests.clients import serve

COUNT, MIB, LONG = 50, 2 ** 20, 150
USER, PASSWORD = 'admin', 'a secret of 20 bytes'


class Chassis(SimulatedMachine):
    """What a BMC wants of a machine, its inside being one of a fleet."""

    __slots__ = ('fleet', 'number')

    def __init__(self, fleet, number):
        super().__init__()
        self.fleet, self.number = fleet, number

    def obey(self, action):
        super().obey(action)
        self.fleet.switch(self.number, action, self.history[-1][1])


class Api:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body), {
            'Content-Type': 'application/json', 'X-OpenStack-Ironic-API-Version': '1.81'})
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status < 300, content
        return json.loads(content) if content else None

    def deploy(self, uuid, image):
        """Give the node an image; it is deployed by ``bring``."""
        self.ask('PATCH', f'/v1/nodes/{uuid}', [{'op': 'replace', 'path': '/instance_info', 'value': described(image)}])

    def states(self):
        return {node['uuid']: node for node in self.ask('GET', '/v1/nodes?fields=uuid,provision_state,last_error')['nodes']}

    def bring(self, nodes, verb, goal):
        """Ask for a verb, and wait until all nodes have reached the state; fails with what they say instead."""
        for uuid in nodes:
            self.ask('PUT', f'/v1/nodes/{uuid}/states/provision', {'target': verb})

        def are_there():
            found = self.states()
            return all(found[uuid]['provision_state'] == goal for uuid in nodes)
        assert concurrency.wait_for(are_there, LONG, every=0.3), [
            node for node in self.states().values() if node['provision_state'] != goal][:3]


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    """An image of 8 MiB with data at its begin and behind a gap."""
    path = tmp_path_factory.mktemp('images') / 'image.raw'
    with open(path, 'wb') as file:
        file.truncate(8 * MIB)
        file.write(b'\xeb\x3c' + os.urandom(MIB))
        file.seek(5 * MIB)
        file.write(os.urandom(MIB))
    return path


@contextlib.contextmanager
def serving(folder, image, **options):
    """(URL, port of the boot server) of an ``ingot serve`` with all that machines of a fleet need."""
    for name in ('kernel', 'initrd'):
        (folder / name).write_bytes(os.urandom(100_000))
    agent, boot, iscsi = stage.free_ports(3)
    with serve.ingot(folder, agent__port=agent, boot__port=boot, iscsi__port=iscsi, boot__kernel=folder / 'kernel',
                     boot__ramdisk=folder / 'initrd', images__allowed_paths=image.parent, ipmi__poll_seconds=0.1,
                     **options) as (url, _):
        yield url, boot


@pytest.fixture(scope='module')
def served(tmp_path_factory, image):
    """(Api, the fleet, its nodes): ``ingot serve`` as a process, BMCs and machines here."""
    with contextlib.ExitStack() as stack:
        url, boot = stack.enter_context(serving(tmp_path_factory.mktemp('served'), image))
        bmcs, fleet = BmcServer('0.0.0.0', 0), World(COUNT, boot_url=f'http://127.0.0.1:{boot}', pace=10)
        for part in (bmcs, fleet):
            part.start()
            stack.callback(part.stop)
        api, nodes = Api(url), []
        for number in range(COUNT):
            address = f'127.31.0.{number + 1}'
            bmcs.add(address, Chassis(fleet, number), USER, PASSWORD)
            nodes.append(enrol(api, number, address, bmcs.port, image))
        yield api, fleet, nodes


def enrol(api, number, address, port, image):
    node = api.ask('POST', '/v1/nodes', {
        'driver': 'ipmi', 'driver_info': {'ipmi_address': address, 'ipmi_port': port, 'ipmi_username': USER,
                                          'ipmi_password': PASSWORD},
        'instance_info': described(image)})
    api.ask('POST', '/v1/ports', {'node_uuid': node['uuid'], 'address': mac(number)})
    return node['uuid']


def described(image):
    return {'image_source': f'file://{image}', 'image_os_hash_algo': 'sha256',
            'image_os_hash_value': hashlib.sha256(image.read_bytes()).hexdigest()}


def test_fifty_machines_are_cleaned_and_deployed(served, image):
    api, fleet, nodes = served
    api.bring(nodes, 'manage', 'manageable')
    api.bring(nodes, 'provide', 'available')
    cleaned = dict(fleet.counts())
    assert all(what_was_done(cleaned[number]) == {'call home', 'inventory', 'erase metadata'} for number in range(COUNT))
    api.bring(nodes, 'active', 'active')
    assert concurrency.wait_for(lambda: fleet.ask(lambda: {one.stage for one in fleet.machines}) == {'system'}, LONG)
    for number, counts in fleet.counts():
        writes = [count for key, count in counts.items() if key[1:] == ('write image', 'done')]
        assert (writes, counts['ramdisk'], counts['system']) == ([1], 2, 1), (number, counts)
    first = fleet.machines[0].disk.content
    assert first.is_whole
    assert first.chunks == chunks(image), 'the manifest is that of the image'
    assert all(machine.disk.content.chunks is first.chunks for machine in fleet.machines), 'kept once for all'


def what_was_done(counts):
    return {key[1] for key in counts if isinstance(key, tuple) and key[2] == 'done'}


def chunks(image):
    data = image.read_bytes()
    return [hashlib.sha256(data[start:start + 4 * MIB]).hexdigest() for start in range(0, len(data), 4 * MIB)]


def test_a_machine_without_a_record_goes_on_to_its_disk(served):
    """As firmware does, once that the boot server has answered that there is none."""
    _, fleet, _ = served
    fleet.switch(0, 'reset')
    assert concurrency.wait_for(lambda: fleet.ask(lambda: fleet.machines[0].counts['system']) == 2, LONG)
    assert fleet.machines[0].counts['ramdisk'] == 2


FEW = 20


@pytest.fixture
def fleet_command(tmp_path):
    """Run ``ingot fleet run`` in a process of its own; its lines, without the first one, are ``process.stdout``."""
    with contextlib.ExitStack() as stack:
        def start(*words):
            process = subprocess.Popen([sys.executable, '-m', 'ingot.cli.main', 'fleet', 'run', *words], stdout=subprocess.PIPE,
                                       text=True, cwd=tmp_path)
            stack.callback(process.stdout.close)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            assert 'UDP port' in process.stdout.readline()
            return process
        yield start


def test_the_command_has_whole_machines_that_are_deployed_over_their_bmcs(tmp_path, image, fleet_command):
    """One of them freezes in the middle of its first write; one has a slow BMC and says all twice."""
    (tmp_path / 'plan.json').write_text(json.dumps({'faults': [
        {'fault': 'dies', 'machines': [3], 'boots': 2, 'at': 'write image'}, {'fault': 'twice', 'machines': [5]},
        {'bmcs': [5], 'delay': 0.1}]}))
    with serving(tmp_path, image, conductor__silence_timeout=6) as (url, boot):
        process = fleet_command('--count', str(FEW), '--port', '0', '--enrol', url, '--manage', '--boot',
                                f'http://127.0.0.1:{boot}', '--pace', '10', '--faults', 'plan.json')
        assert process.stdout.readline() == f'{FEW} nodes made, 0 were there\n'
        api = Api(url)
        nodes = [node['uuid'] for node in api.ask('GET', '/v1/nodes?fields=uuid,name&sort_key=name')['nodes']]
        assert concurrency.wait_for(lambda: {node['provision_state'] for node in api.states().values()} == {'manageable'}, LONG)
        api.bring(nodes, 'provide', 'available')
        for uuid in nodes:
            api.deploy(uuid, image)
        api.bring(nodes[3:4], 'active', 'deploy failed')
        api.bring(nodes, 'active', 'active')
        assert concurrency.wait_for(lambda: f'{FEW} machines: {FEW} system' in told(process), LONG, every=0.3)
        process.terminate()
        last = process.stdout.read()
    assert f'write image: begun {FEW + 1}, done {FEW}, twice in one operation 0' in last, last
    assert f'erase metadata: begun {FEW}, done {FEW}' in last, last
    assert process.wait(30) == 0


def told(process):
    """What the fleet says at a signal, up to the last line of it."""
    process.send_signal(signal.SIGUSR1)
    lines = []
    while not lines or not re.match('write image', lines[-1]):
        lines.append(process.stdout.readline())
        assert lines[-1], 'the fleet has ended'
    return ''.join(lines)
