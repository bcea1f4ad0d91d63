"""A stage for machines: a virtual rack, and ``ingot serve`` beside it. The demo and the end-to-end tests stand on it."""

import contextlib
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from ingot import concurrency, errors
from ingot.lab import image, rack
from ingot.ramdisk import build

#: Addresses for the machines, of the rack's network.
DHCP_RANGE = '172.30.0.100,172.30.0.250'


class Stage:
    """A rack and ``ingot serve``, started and ended together.

    :param options: {'group.name': value} for ``ingot serve``, over what the stage needs itself.
    """

    def __init__(self, folder, network, machines, *, built=None, options=None):
        self.folder, self.network, self.machines = folder, network, machines
        self.built = built or folder
        self.state, self.script, self.log = folder / 'state', folder / 'demo.json', folder / 'serve.log'
        self.ports = free_ports(4) if network == 'user' else (6385, 6386, 6387, 3260)
        self.options = options or {}
        self.prefix, self.serve = [], None

    @property
    def url(self):
        return f'http://127.0.0.1:{self.ports[0]}'

    @property
    def kernel(self):
        """With what KVM is tried, or None to do without."""
        return self.built / 'ramdisk' / 'kernel'

    def set_up(self):
        """Build what is not built yet, start the rack and the service."""
        began = time.monotonic()
        rack.down(self.folder / 'rack')
        end_former(self.folder / 'serve.pid')
        self.image = self.build()
        print(f'Ramdisk and image ready after {time.monotonic() - began:.1f} s', file=sys.stderr)
        self.rack = rack.up(self.folder / 'rack', self.machines, network=self.network, boot_port=self.ports[2],
                            kernel=self.kernel)
        self.prefix = self.rack['argv_prefix']
        for name in ('ingot.sqlite', 'ingot.sqlite-wal', 'ingot.sqlite-shm'):
            (self.state / name).unlink(missing_ok=True)
        self.start_serve()
        self.script.write_text(json.dumps({'url': self.url, 'machines': self.rack['machines'],
                                           'image': f'file://{self.image}', 'checksum': digest(self.image)}))

    def build(self):
        """The ramdisk, and the image that will be deployed, where they are not built yet; returns the image's path."""
        build.build(self.built / 'ramdisk')
        return image.build(self.built / 'image')

    def start_serve(self):
        """Start ``ingot serve``, and wait until it serves."""
        words = [word for name, value in (self.settings() | self.options).items() for word in ('--set', f'{name}={value}')]
        with open(self.log, 'wb') as log:
            self.serve = subprocess.Popen(
                [*self.prefix, sys.executable, '-m', 'ingot.cli.main', 'serve', '--port', str(self.ports[0]), '--state-dir',
                 str(self.state), *words], stdout=log, stderr=log, start_new_session=True)
        (self.folder / 'serve.pid').write_text(str(self.serve.pid))
        if not concurrency.wait_for(self._is_ready, 120):
            raise errors.Unavailable(f'ingot serve did not start; its last words:\n{self._last_words()}')

    def settings(self):
        """Where the service listens, and what machines are told."""
        _, agent, boot, iscsi = self.ports
        seen, listen = self.rack['host'], '127.0.0.1' if self.network == 'user' else self.rack['host']
        options = {'agent.host': listen, 'agent.port': agent, 'agent.url': f'http://{seen}:{agent}',
                   'boot.host': listen, 'boot.port': boot, 'boot.url': f'http://{seen}:{boot}',
                   'iscsi.host': listen, 'iscsi.port': iscsi, 'iscsi.portal': f'{seen}:{iscsi}',
                   'boot.kernel': self.built / 'ramdisk' / 'kernel', 'boot.ramdisk': self.built / 'ramdisk' / 'initrd',
                   'images.allowed_paths': self.built / 'image', 'agent.kernel_append': 'console=ttyS0',
                   'conductor.silence_timeout': 120}
        if self.network == 'namespace':
            options |= {'dhcp.provider': 'dnsmasq', 'dhcp.interface': self.rack['interface'], 'dhcp.range': DHCP_RANGE}
        return options

    def _is_ready(self):
        if self.serve.poll() is not None:
            raise errors.Unavailable(f'ingot serve ended at once; its last words:\n{self._last_words()}')
        return b'Ingot serves at' in self.log.read_bytes()

    def _last_words(self):
        return self.log.read_text(errors='replace')[-2000:]

    def tear_down(self):
        """Nothing that was started is left running."""
        if self.serve is not None:
            end(self.serve)
        (self.folder / 'serve.pid').unlink(missing_ok=True)
        rack.down(self.folder / 'rack')

    def variables(self):
        """What a shell needs to know, to be evaluated by it; the arguments of "ingot node create" for machine-1 in $MACHINE_1."""
        machines = [f'MACHINE_{number}="--mac {one["mac"]} -d ipmi_address={one["bmc_address"]} -d ipmi_port={one["bmc_port"]} '
                    f'-d ipmi_username={one["user"]} -d ipmi_password={one["password"]}"'
                    for number, one in enumerate(self.rack['machines'], 1)]
        return '\n'.join([
            f'export INGOT_URL={self.url}', f'IMAGE=file://{self.image}', f'CHECKSUM={digest(self.image)}',
            f'RACK={self.folder / "rack"}', f'SERVE={self.serve.pid}', f'INSIDE="{" ".join(self.prefix)}"', *machines])

    def hints(self):
        """What to type now."""
        inside = ' '.join(self.prefix) + ' ' if self.prefix else ''
        ingot, openstack = (pathlib.Path(sys.executable).with_name(name) for name in ('ingot', 'openstack'))
        lab = f'--folder {self.folder / "rack"}'
        return '\n'.join([
            'Left up. To play with it:',
            f'  {inside}curl -s {self.url}/v1/nodes',
            f'  {inside}{ingot} node list --url {self.url}',
            f'  {inside}{ingot} node undeploy machine-1 --wait --url {self.url}',
            f'  {inside}{ingot} node deploy machine-1 --image file://{self.image} --wait --url {self.url}',
            f'  {inside}env OS_AUTH_TYPE=none OS_ENDPOINT={self.url} {openstack} baremetal node list',
            f'  {ingot} lab console machine-1 {lab}',
            'To end it:', f'  kill {self.serve.pid}; {ingot} lab down {lab}'])


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


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
