"""``ingot demo``: two virtual machines from power-on to a booted system, with everything real between.

It builds ramdisk and image (once), starts a rack and ``ingot serve``, and then does over the REST API what an operator
would do. With a namespace for a network, the part that talks to the API runs inside it (``ingot demo --inside``).
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

from ingot import concurrency, errors
from ingot.cli import client, lab, progress, wait
from ingot.lab import image, rack
from ingot.ramdisk import build

CACHE = pathlib.Path(os.environ.get('INGOT_CACHE') or pathlib.Path.home() / '.cache' / 'ingot')
#: Addresses for the machines, of the rack's network.
DHCP_RANGE = '172.30.0.100,172.30.0.250'
MARKER = re.compile(r'INGOT-BOOTED image=(\S+) root=(\S+) hostname=(\S+)')


def arguments(parser):
    parser.add_argument('--keep', action='store_true', help='leave everything up, print how to play with it')
    parser.add_argument('--network', choices=['namespace', 'user'], help='default: namespace for root, else user')
    parser.add_argument('--machines', type=int, default=2, metavar='N')
    parser.add_argument('--folder', type=pathlib.Path, default=CACHE / 'demo', help='default %(default)s')
    parser.add_argument('--timeout', type=float, default=600, metavar='SECONDS', help='for all of it (default 600)')
    parser.add_argument('--inside', metavar='FILE', type=pathlib.Path, help=argparse.SUPPRESS)


def run(options):
    if options.inside:
        return Walk(json.loads(options.inside.read_text()), options.timeout).run()
    network = options.network or ('namespace' if os.geteuid() == 0 else 'user')
    options.folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(options.folder, network, options.machines)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    status = 1
    try:
        stage.set_up()
        status = subprocess.run([*stage.prefix, sys.executable, '-m', 'ingot.cli.main', 'demo', '--inside',
                                 stage.script, '--timeout', str(options.timeout)], check=False).returncode
    finally:
        if options.keep and status == 0:
            print(stage.hints())
        else:
            stage.tear_down()
    return status


class Stage:
    """What the demo starts and ends: the rack, and ``ingot serve``."""

    def __init__(self, folder, network, machines):
        self.folder, self.network, self.machines = folder, network, machines
        self.state, self.script = folder / 'state', folder / 'demo.json'
        self.ports = free_ports(4) if network == 'user' else (6385, 6386, 6387, 3260)
        self.prefix, self._serve = [], None

    def set_up(self):
        began = time.monotonic()
        rack.down(self.folder / 'rack')
        end_former(self.folder / 'serve.pid')
        build.build(self.folder / 'ramdisk')
        source = image.build(self.folder / 'image')
        print(f'Ramdisk and image ready after {time.monotonic() - began:.1f} s')
        self.rack = rack.up(self.folder / 'rack', lab.plan(self.machines, 512, 4), network=self.network,
                            boot_port=self.ports[2], kernel=self.folder / 'ramdisk' / 'kernel')
        self.prefix = self.rack['argv_prefix']
        self._start_serve()
        self.script.write_text(json.dumps({
            'url': f'http://127.0.0.1:{self.ports[0]}', 'machines': self.rack['machines'], 'image': f'file://{source}',
            'checksum': digest(source)}))

    def _start_serve(self):
        for name in ('ingot.sqlite', 'ingot.sqlite-wal', 'ingot.sqlite-shm'):
            (self.state / name).unlink(missing_ok=True)
        api, agent, boot, iscsi = self.ports
        seen, listen = self.rack['host'], '127.0.0.1' if self.network == 'user' else self.rack['host']
        options = {'agent.host': listen, 'agent.port': agent, 'agent.url': f'http://{seen}:{agent}',
                   'boot.host': listen, 'boot.port': boot, 'boot.url': f'http://{seen}:{boot}',
                   'iscsi.host': listen, 'iscsi.port': iscsi, 'iscsi.portal': f'{seen}:{iscsi}',
                   'boot.kernel': self.folder / 'ramdisk' / 'kernel', 'boot.ramdisk': self.folder / 'ramdisk' / 'initrd',
                   'images.allowed_paths': self.folder / 'image', 'agent.kernel_append': 'console=ttyS0'}
        if self.network == 'namespace':
            options |= {'dhcp.provider': 'dnsmasq', 'dhcp.interface': self.rack['interface'],
                        'dhcp.range': DHCP_RANGE}
        words = [word for name, value in options.items() for word in ('--set', f'{name}={value}')]
        with open(self.folder / 'serve.log', 'wb') as log:
            self._serve = subprocess.Popen(
                [*self.prefix, sys.executable, '-m', 'ingot.cli.main', 'serve', '--port', str(api), '--state-dir',
                 str(self.state), *words], stdout=log, stderr=log, start_new_session=True)
        (self.folder / 'serve.pid').write_text(str(self._serve.pid))
        if not concurrency.wait_for(self._is_ready, 60):
            raise errors.Unavailable(f'ingot serve did not start; its last words:\n{self._last_words()}')

    def _is_ready(self):
        if self._serve.poll() is not None:
            raise errors.Unavailable(f'ingot serve ended at once; its last words:\n{self._last_words()}')
        return b'Ingot serves at' in (self.folder / 'serve.log').read_bytes()

    def _last_words(self):
        return (self.folder / 'serve.log').read_text(errors='replace')[-2000:]

    def tear_down(self):
        """Nothing that was started is left running."""
        if self._serve is not None:
            end(self._serve)
        (self.folder / 'serve.pid').unlink(missing_ok=True)
        rack.down(self.folder / 'rack')

    def hints(self):
        url, inside = f'http://127.0.0.1:{self.ports[0]}', ' '.join(self.prefix)
        ingot = f'{inside} {pathlib.Path(sys.executable).with_name("ingot")}'.strip()
        return '\n'.join([
            'Left up. To play with it:',
            f'  {inside} curl -s {url}/v1/nodes'.replace('   ', '  '),
            f'  {ingot} node list --url {url}',
            f'  {ingot} node undeploy machine-1 --wait --url {url}',
            f'  {inside} env OS_AUTH_TYPE=none OS_ENDPOINT={url} openstack baremetal node list'.replace('   ', '  '),
            f'  {ingot} lab console machine-1 --folder {self.folder / "rack"}',
            'To end it:', f'  kill {self._serve.pid}; {ingot} lab down --folder {self.folder / "rack"}'])


class Walk:
    """The demo as an operator: enrol, make available, deploy, and look whether the system came up."""

    def __init__(self, script, timeout):
        self.script, self.timeout = script, timeout
        self.baremetal = client.connect(script['url'])
        self.began = time.monotonic()
        self.nodes, self.failed, self.booted, self.read = {}, {}, {}, {}

    def run(self):
        with contextlib.suppress(errors.DeadlineExceeded):
            for machine in self.script['machines']:
                node = self.enrol(machine)
                self.nodes[node.id] = machine
            self.display = progress.Display({uuid: machine['name'] for uuid, machine in self.nodes.items()})
            self.feed = client.Feed(self.baremetal)
            for verb, goal in (('manage', 'manageable'), ('provide', 'available'), ('active', 'active')):
                self.bring(verb, goal)
            self.await_systems()
        return self.tell()

    def enrol(self, machine):
        node = self.baremetal.create_node(
            name=machine['name'], driver='ipmi', resource_class='demo',
            properties={'capabilities': f'boot_mode:{machine["firmware"]}'},
            driver_info={'ipmi_address': machine['bmc_address'], 'ipmi_port': machine['bmc_port'],
                         'ipmi_username': machine['user'], 'ipmi_password': machine['password']},
            instance_info={'image_source': self.script['image'], 'image_os_hash_algo': 'sha256',
                           'image_os_hash_value': self.script['checksum']})
        self.baremetal.create_port(node_uuid=node.id, address=machine['mac'])
        return node

    def bring(self, verb, goal):
        """One verb on all that are still well; the reasons of the others are kept."""
        goals = {}
        for uuid, machine in self.nodes.items():
            if uuid in self.failed:
                continue
            if verb == 'active':
                self.read[uuid] = size(machine['console_log'])
            drive = {'meta_data': {'uuid': uuid, 'hostname': machine['name']}} if verb == 'active' else None
            self.baremetal.set_node_provision_state(uuid, verb, config_drive=drive)
            goals[uuid] = goal
        try:
            self.failed |= wait.until(self.baremetal, self.feed, self.display, goals, timeout=self.timeout)
        except errors.DeadlineExceeded as error:
            self.failed |= {uuid: str(error) for uuid in goals if uuid not in self.failed}

    def await_systems(self):
        """Wait for each system's own words on its serial console: its image, its root disk, its host name."""
        def is_told():
            for uuid, machine in self.nodes.items():
                if uuid not in self.failed | self.booted:
                    self.look(uuid, machine)
            return len(self.failed | self.booted) == len(self.nodes)
        if not concurrency.wait_for(is_told, max(self.timeout - self.display.seconds(), 1), every=0.1):
            for uuid in self.nodes.keys() - self.booted.keys():
                self.failed.setdefault(uuid, 'is active, but its system did not speak on the serial console')

    def look(self, uuid, machine):
        with open(machine['console_log'], 'rb') as log:
            log.seek(self.read[uuid])
            found = MARKER.search(log.read().decode(errors='replace'))
        if found and found[3] != machine['name']:
            self.failed[uuid] = f'booted, but calls itself "{found[3]}": it did not read its config drive'
        elif found:
            self.booted[uuid] = self.display.seconds()
            print(f'{machine["name"]:<12} says: {found[0]}')

    def tell(self):
        """Seconds of each phase, the reasons of those that failed, and the last line."""
        for uuid, machine in self.nodes.items():
            marks = self.display.line(uuid).marks + [('system up', self.booted.get(uuid))]
            phases = [f'{name} {after - at:.1f}' for (name, at), (_, after) in itertools.pairwise(marks) if after]
            print(f'{machine["name"]:<12} ({machine["firmware"]}), seconds: ' + ', '.join(phases))
            if uuid in self.failed:
                print(f'{machine["name"]:<12} FAILED: {self.failed[uuid]}')
        print(f'DEPLOYED {len(self.booted)} of {len(self.nodes)} in {time.monotonic() - self.began:.1f} s', flush=True)
        return 0 if len(self.booted) == len(self.script['machines']) else 1


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def size(path):
    """Bytes of a file, 0 where there is none yet."""
    return os.stat(path).st_size if os.path.exists(path) else 0


def free_ports(count):
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        channels = [stack.enter_context(socket.socket()) for _ in range(count)]
        for channel in channels:
            channel.bind(('127.0.0.1', 0))
        return tuple(channel.getsockname()[1] for channel in channels)


def end(process, seconds=20):
    """Terminate a process of ours, kill it when it does not obey."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()


def end_former(pid_file):
    """End the ``ingot serve`` that a demo with --keep has left."""
    with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
        pid = int(pid_file.read_text())
        if b'ingot.cli.main' in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes():
            os.kill(pid, signal.SIGTERM)
            concurrency.wait_for(lambda: not pathlib.Path(f'/proc/{pid}').exists(), 20)
