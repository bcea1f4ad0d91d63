"""The boot interface: the next netboot of a machine gets the ramdisk with the words of its operation."""

import os
import re
import time

from ingot import errors
from ingot.drivers import base
from ingot.drivers.pxe import script, words
from ingot.drivers.pxe.dhcp import Dnsmasq
from ingot.drivers.pxe.server import BootServer

_URL = re.compile(r'https?://[!-~]+')
_REMEDY = 'Run: ingot ramdisk build. Or set driver_info/{key}, or [boot] {name}.'
PROPERTIES = {
    'deploy_kernel': 'Kernel of the ramdisk: a path on the conductor or an http(s):// URL. Default: [boot] kernel.',
    'deploy_ramdisk': 'Initramfs of the ramdisk: a path on the conductor or an http(s):// URL. Default: [boot] ramdisk.',
    'kernel_append_params': 'Words for the kernel line of the ramdisk; %default% stands for [agent] kernel_append.',
}


class PxeBoot:
    """Implements ``base.Boot`` with the shared services ``BootServer`` and ``Dnsmasq``."""

    def __init__(self, context):
        self._conf = context.conf
        self._server = context.service(BootServer)
        self._folder = self._server.folder
        context.service(Dnsmasq)

    def properties(self):
        return PROPERTIES

    def validate(self, node):
        """InvalidParameter names the file or word that is wrong; Unavailable when boot files cannot be served."""
        files = base.boot_files(node, self._conf, {})
        _source(node, files.kernel, 'kernel')
        _source(node, files.ramdisk, 'ramdisk')
        words.line(node, {}, words.append_text(node, self._conf.agent.kernel_append))
        self._server.check()

    def publish(self, node, macs, files):
        """A record for each of ``macs``. Raises what ``validate`` raises, also for ``files.parameters``."""
        line = words.line(node, files.parameters, words.append_text(node, self._conf.agent.kernel_append))
        kernel, ramdisk = _source(node, files.kernel, 'kernel'), _source(node, files.ramdisk, 'ramdisk')
        self._server.check()
        self._folder.lay_out()
        for mac in macs:
            mark = f'?mac={mac.lower().replace(":", "-")}'      # tells our server who loads it: see BootServer.last_seen
            self._folder.put(mac, script.record(
                f'node {node["uuid"]}', self._place(kernel, 'kernel', mark), self._place(ramdisk, 'initrd', mark), line))

    def withdraw(self, node, macs):
        for mac in macs:
            self._folder.remove(mac)

    def published(self):
        return self._folder.macs()

    def last_seen(self, mac):
        """'kernel sent 3 s ago': how far the machine came on its way to the ramdisk, or None; for error messages."""
        seen = self._server.last_seen(mac)
        return seen and f'{seen[0]} {time.time() - seen[1]:.0f} s ago'

    def _place(self, source, name, mark):
        return source if _URL.fullmatch(source) else self._folder.add(source, name) + mark


def _source(node, source, name):
    """The URL, or the path of a file that is there and can be read."""
    key, source = f'deploy_{name}', str(source)
    if source.startswith(('http://', 'https://')):
        if not _URL.fullmatch(source) or '${' in source:
            raise errors.InvalidParameter(f'Node {node["uuid"]}: driver_info/{key} is not a URL that iPXE can load: {source!r}.',
                                          remedy='Use printable ASCII without spaces and without "${".')
        return source
    path = source.removeprefix('file://')
    if not (os.path.isfile(path) and os.access(path, os.R_OK)):
        raise errors.InvalidParameter(f'Node {node["uuid"]}: there is no {name} of a ramdisk at {path} that can be read.',
                                      remedy=_REMEDY.format(key=key, name=name))
    return path
