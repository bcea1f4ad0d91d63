"""``ingot demo``: two virtual machines from power-on to a booted system, with everything real between.

It builds ramdisk and image (once), starts a rack and ``ingot serve``, and then does over the REST API what an operator
would do. With a namespace for a network, the part that talks to the API runs inside it (``ingot demo --inside``).
"""

import argparse
import functools
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from openstack.exceptions import HttpException

from ingot import concurrency, errors
from ingot.cli import client, lab, progress, wait
from ingot.cli.stage import Stage

CACHE = pathlib.Path(os.environ.get('INGOT_CACHE') or pathlib.Path.home() / '.cache' / 'ingot')
MARKER = re.compile(r'INGOT-BOOTED image=(\S+) root=(\S+) hostname=(\S+)')


def arguments(parser):
    parser.add_argument('--keep', action='store_true', help='leave everything up, print how to play with it')
    parser.add_argument('--network', choices=['namespace', 'user'], help='default: namespace for root, else user')
    parser.add_argument('--machines', type=int, default=2, metavar='N')
    parser.add_argument('--folder', type=pathlib.Path, default=CACHE / 'demo', help='default %(default)s')
    parser.add_argument('--timeout', type=float, default=600, metavar='SECONDS', help='for all of it (default 600)')
    parser.add_argument('--stage', action='store_true',
                        help='deploy nothing: leave machines and service up, print what a shell needs to know of them')
    parser.add_argument('--devices', default='', metavar='KINDS', help='PCI devices of each machine, as of "ingot lab"')
    parser.add_argument('--set', action='append', default=[], metavar='GROUP.NAME=VALUE', dest='overrides',
                        help='an option of "ingot serve"; may be repeated')
    parser.add_argument('--inside', metavar='FILE', type=pathlib.Path, help=argparse.SUPPRESS)


def run(options):
    concurrency.tell_stacks()
    if options.inside:
        return client.reporting(Walk(json.loads(options.inside.read_text()), options.timeout).run)
    network = options.network or ('namespace' if os.geteuid() == 0 else 'user')
    options.folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(options.folder, network, lab.plan(options.machines, 512, 4, options.devices),
                  options=dict(word.split('=', 1) for word in options.overrides))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    status = 1
    try:
        stage.set_up()
        status = 0 if options.stage else walk(stage, options.timeout)
    finally:
        if options.stage and status == 0:
            print(stage.variables())
        elif options.keep and status == 0:
            print(stage.hints())
        else:
            stage.tear_down()
    return status


def walk(stage, seconds):
    """Exit status of the demo, as it runs where the network of the machines is."""
    return subprocess.run([*stage.prefix, sys.executable, '-m', 'ingot.cli.main', 'demo', '--inside', stage.script,
                           '--timeout', str(seconds)], check=False).returncode and 1


class Walk:
    """The demo as an operator: enrol, make available, deploy, and look whether the system came up."""

    def __init__(self, script, timeout):
        self.script, self.timeout = script, timeout
        self.began = time.monotonic()
        self.nodes, self.failed, self.booted, self.read = {}, {}, {}, {}

    @functools.cached_property
    def baremetal(self):
        return client.connect(self.script['url'])

    def run(self):
        """Exit status: 0 when every system came up."""
        for machine in self.script['machines']:
            self.nodes[self.enrol(machine).id] = machine
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
            try:
                self.baremetal.set_node_provision_state(uuid, verb, config_drive=drive)
                goals[uuid] = goal
            except HttpException as error:
                self.failed[uuid] = f'"{verb}" was refused: {client.refusal(error)}'
        try:
            self.failed |= wait.until(self.baremetal, self.feed, self.display, goals, timeout=self.timeout)
        except errors.DeadlineExceeded:
            for uuid in goals:
                node = self.baremetal.get_node(uuid)
                if node.provision_state != goal:
                    self.failed[uuid] = node.last_error or f'still "{node.provision_state}" after {self.timeout:.0f} s'

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
            phases = [f'{name} {after - at:.1f}' for (name, at), (_, after) in itertools.pairwise(marks)
                      if after and after - at >= 0.05]
            print(f'{machine["name"]:<12} ({machine["firmware"]}), seconds: ' + ', '.join(phases))
            if uuid in self.failed:
                print(f'{machine["name"]:<12} FAILED: {self.failed[uuid]}')
        print(f'DEPLOYED {len(self.booted)} of {len(self.nodes)} in {time.monotonic() - self.began:.1f} s', flush=True)
        return 0 if len(self.booted) == len(self.script['machines']) else 1


def size(path):
    """Bytes of a file, 0 where there is none yet."""
    return os.stat(path).st_size if os.path.exists(path) else 0
