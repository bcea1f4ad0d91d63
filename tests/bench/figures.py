"""Measure what docs/figures.md tells, and print it as that page: ``make figures``.

One machine after the other on ``ingot serve`` and a virtual rack, in the network that the demo would use (root: a namespace;
this process must then run inside of it, which it sees to itself). Takes about three minutes on a quiet machine.
"""

import itertools
import json
import os
import pathlib
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

from ingot import concurrency
from ingot.cli import client, demo, progress, stage, wait
from ingot.lab import image
from ingot.ramdisk import build

ROOT = pathlib.Path(__file__).parents[2]
FIRMWARES = ('bios', 'uefi')
#: What the phases are made of: the mark that begins each, in order.
PHASES = {'fetch image': 'image into the cache', 'export image': 'export, boot record, power on', 'await machine':
          'firmware, iPXE, kernel, agent', 'call home': 'plan', 'write image': 'log in, wipe, write', 'zero gaps': 'zero gaps',
          'verify image': 'read back and compare', 'write configdrive': 'config drive', 'withdraw export':
          'off, tidy up, on again', 'system up': None}


class Bench(stage.Stage):
    """The demo's stage, with an image that is mostly data beside the sparse one, and the disk measured in the same boot."""

    def build(self):
        self.full = image.build(self.built / 'full', data_mib=880)
        return super().build()

    def settings(self):
        return super().settings() | {'agent.kernel_append': 'console=ttyS0 ingot.measure=1',
                                     'images.allowed_paths': self.built}


def main(folder):
    if len(sys.argv) > 1:
        return inside(json.loads(pathlib.Path(sys.argv[1]).read_text()))
    network = 'namespace' if os.geteuid() == 0 else 'user'
    bench = Bench(folder, network, [{'name': firmware, 'firmware': firmware} for firmware in FIRMWARES],
                  built=demo.CACHE / 'figures')
    bench.built.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        bench.set_up()
        script = json.loads(bench.script.read_text()) | {
            'full': f'file://{bench.full}', 'full_checksum': stage.digest(bench.full), 'pid': bench.serve.pid,
            'database': str(bench.state / 'ingot.sqlite')}
        bench.script.write_text(json.dumps(script))
        print(f'# Figures\n\nMeasured with `make figures` on {cores()} cores of {model()}, {bench.rack["accelerator"]}, '
              f'Python {platform.python_version()}.\n')
        subprocess.run([*bench.prefix, sys.executable, __file__, str(bench.script)], check=True)
        start_and_size(bench)
    finally:
        bench.tear_down()
    print(f'\nIn all {time.monotonic() - began:.0f} s.')
    return 0


def inside(script):
    """Deploy both images on each machine, and tell what it took."""
    baremetal = client.connect(script['url'])
    columns = {}
    for machine in script['machines']:
        walk = Deployment(baremetal, script, machine)
        for kind, source, checksum in (('sparse', script['image'], script['checksum']),
                                       ('full', script['full'], script['full_checksum'])):
            columns[machine['name'], kind] = walk.deploy(source, checksum)
            walk.delete()
    names = list(columns)
    print('| deployment of 1 GiB, seconds | ' + ' | '.join(f'{name}, {kind}' for name, kind in names) + ' |')
    print('|---' * (len(names) + 1) + '|')
    for phase in [label for label in PHASES.values() if label] + ['to the words of the system']:
        seconds = [columns[name]['phases'].get(phase, 0) for name in names]
        if max(seconds) >= 0.05:
            print(f'| {phase} | ' + ' | '.join(f'{value:.1f}' for value in seconds) + ' |')
    print('| **all** | ' + ' | '.join(f'**{columns[name]["all"]:.1f}**' for name in names) + ' |')
    for label, value in (('data moved, MB', lambda w: w['bytes'] / 1e6),
                         ('copy, MB/s', lambda w: w['bytes'] / w['seconds'] / 1e6),
                         ('the disk alone in the same boot, MB/s', lambda w: w['disk_limit_mbs'])):
        print(f'| {label} | ' + ' | '.join(f'{value(columns[name]["write"]):.0f}' for name in names) + ' |')
    status = pathlib.Path(f'/proc/{script["pid"]}/status').read_text()
    peak, now = (next(line.split()[1] for line in status.splitlines() if line.startswith(key)) for key in ('VmHWM', 'VmRSS'))
    print(f'\nMemory of `ingot serve` after that: {int(now) / 1024:.0f} MiB (at most {int(peak) / 1024:.0f} MiB).')
    return 0


class Deployment:
    """One machine, deployed and deleted again and again."""

    def __init__(self, baremetal, script, machine):
        self.baremetal, self.script, self.machine = baremetal, script, machine
        self.uuid = demo.Walk(script, 600).enrol(machine).id
        baremetal.update_node(self.uuid, is_automated_clean_enabled=False)
        for verb, goal in (('manage', 'manageable'), ('provide', 'available')):
            self.bring(verb, goal)

    def bring(self, verb, goal, **values):
        feed, display = client.Feed(self.baremetal), progress.Display({self.uuid: self.machine['name']}, stream=Silent())
        self.baremetal.set_node_provision_state(self.uuid, verb, **values)
        failed = wait.until(self.baremetal, feed, display, {self.uuid: goal}, timeout=600)
        assert not failed, failed
        return display

    def deploy(self, source, checksum):
        console, name = self.machine['console_log'], self.machine['name']
        self.baremetal.patch_node(self.uuid, [
            {'op': 'add', 'path': f'/instance_info/{key}', 'value': value} for key, value in
            (('image_source', source), ('image_os_hash_algo', 'sha256'), ('image_os_hash_value', checksum))])
        start = demo.size(console)
        display = self.bring('active', 'active', config_drive={'meta_data': {'hostname': name}})

        def is_up():
            return f'hostname={name}' in pathlib.Path(console).read_bytes()[start:].decode(errors='replace')
        assert concurrency.wait_for(is_up, 120), 'the system did not speak'
        return self.result(display, display.seconds())

    def result(self, display, end):
        marks = [*display.line(self.uuid).marks, ('to the words of the system', end)]
        phases, label = {}, 'image into the cache'
        for (name, at), (_, after) in itertools.pairwise(marks):
            label = 'to the words of the system' if name == 'start instance' else PHASES.get(name) or label
            phases[label] = phases.get(label, 0) + after - at
        with sqlite3.connect(self.script['database']) as database:
            [[report]] = database.execute('select report from operations where flow = ? order by id desc limit 1', ['deploy'])
        return {'phases': phases, 'all': end, 'write': json.loads(report)['data']['write']}

    def delete(self):
        self.bring('deleted', 'available')


class Silent:
    """A terminal that nobody looks at."""

    def isatty(self):
        return False

    def write(self, text):
        del text

    def flush(self):
        """Nothing is kept."""


def start_and_size(bench):
    """Time from start to the first answer, memory then, and sizes of what is built and installed."""
    state = bench.folder / 'fresh'
    began = time.monotonic()
    api, agent, boot, iscsi = stage.free_ports(4)
    process = subprocess.Popen(
        [sys.executable, '-m', 'ingot.cli.main', 'serve', '--port', str(api), '--state-dir', str(state), '--set',
         f'agent.port={agent}', '--set', f'boot.port={boot}', '--set', f'iscsi.port={iscsi}'],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert concurrency.wait_for(lambda: answers(f'http://127.0.0.1:{api}/v1/nodes'), 60, every=0.01)
        seconds = time.monotonic() - began
        rss = next(int(line.split()[1]) for line in pathlib.Path(f'/proc/{process.pid}/status').read_text().splitlines()
                   if line.startswith('VmRSS'))
    finally:
        stage.end(process)
    small = build.build(bench.built / 'ramdisk')
    full = build.build(bench.built / 'ramdisk-full', flavour='full')
    packages = (ROOT / 'debian-packages.txt').read_text().split()
    python = subprocess.run([sys.executable, '-m', 'pip', 'list', '--format=json', '--disable-pip-version-check'],
                            capture_output=True, check=True, text=True)
    print(f'`ingot serve` from start (empty folder: the database is made) to its first answer: {seconds:.1f} s; '
          f'{rss / 1024:.0f} MiB then.\n')
    print('| ramdisk | kernel MB | initrd MB |\n|---|---|---|')
    for name, built in (('small', small), ('full', full)):
        print(f'| {name} | {size(built.kernel):.1f} | {size(built.initrd):.1f} |')
    print(f'\nDebian packages asked for: {len(packages)} (`debian-packages.txt`); Python packages in `.venv`, those of the tests '
          f'included: {len(json.loads(python.stdout))}.')


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def size(path):
    return os.stat(path).st_size / 1e6


def cores():
    return len(os.sched_getaffinity(0))


def model():
    """What the processor calls itself."""
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.machine()


if __name__ == '__main__':
    with tempfile.TemporaryDirectory(prefix='ingot-figures-') as scratch:
        sys.exit(main(pathlib.Path(scratch)))
