"""The boot file server, a service that drivers share: static files by HTTP, and who came how far."""

import logging
import re
import time

from ingot import concurrency, config, errors
from ingot.drivers.pxe import nginx, script, web
from ingot.drivers.pxe.folder import Folder

LOG = logging.getLogger(__name__)
_RECORD = re.compile(r'boot/((?:[0-9a-f]{2}-){5}[0-9a-f]{2})\.ipxe')
_FILE = re.compile(r'files/[0-9a-f]+/(kernel|initrd)')
_STAGES = {'kernel': 'kernel sent', 'initrd': 'ramdisk sent'}
_REMEMBERED = 10000        # MACs


class BootServer:
    """See the module. :param conf: uses state_dir and [boot]. With [boot] server = nginx it only writes nginx's configuration.

    A port that is taken does not keep the rest of Ingot from working: it is logged, and every netboot is refused with the
    reason until the port is free. ``port`` is the real one, also when [boot] port is 0.

    ``elsewhere(mac)``, once it is set, tells the base URL of the boot server that has the record of a machine, or None.
    """

    elsewhere = None

    def __init__(self, conf):
        self._conf = conf
        self.folder = Folder(conf)
        self.port = conf.boot.port
        self._lock = concurrency.Lock()
        self._web = self._failure = None
        self._seen = {}      # mac -> (stage, seconds since the epoch), the oldest first

    def start(self):
        self.folder.lay_out()
        if self._conf.boot.server == 'nginx':
            LOG.info('nginx serves boot files: include %s in its http block', nginx.write(self._conf))
            return
        with self._lock:
            self._listen()
        if self._failure:
            LOG.error('No machine can netboot: %s', self._failure.explain())

    def stop(self):
        with self._lock:
            if self._web:
                self._web.stop()
            self._web = self._failure = None

    def check(self):
        """Unavailable when boot files should be served and cannot be; tries once more."""
        with self._lock:
            if self._failure:
                self._listen()
            if self._failure:
                raise self._failure

    def trim(self):
        """Remove kernels and ramdisks that no record names any more; called now and then, for it reads all records."""
        self.folder.sweep()

    def last_seen(self, mac):
        """(stage, seconds since the epoch) of the last request of ``mac``: record sent, no record, kernel sent, ramdisk sent.

        None when nothing was seen, which with nginx is always so.
        """
        return self._seen.get(mac.lower())

    def _listen(self):
        boot = self._conf.boot
        try:
            self._web = web.Server(self.folder.path, (boot.host, boot.port), self._note, self._lead)
        except OSError as error:
            self._failure = errors.Unavailable(
                f'Boot files cannot be served at {boot.host}:{boot.port}: {error.strerror or error}.',
                remedy='Set [boot] host and port to a free address of this machine.')
            return
        self._failure, self.port = None, self._web.port
        self._web.start()
        LOG.info('Boot files are served at %s:%d, machines are told %s', boot.host, self.port, config.boot_url(self._conf))

    def _lead(self, path):
        """The script for a machine whose record is at another boot server, or None."""
        found = _RECORD.fullmatch(path)
        mac = found and found[1].replace('-', ':')
        url = mac and self.elsewhere and self.elsewhere(mac)
        if not url:
            return None
        LOG.info('%s: its record is at %s', mac, url)
        return script.moved(url, mac)

    def _note(self, client, path, query, status):
        """Remember what a machine fetched, when its request tells which machine it is."""
        record, file = _RECORD.fullmatch(path), _FILE.fullmatch(path)
        mac = (record[1] if record else query.get('mac', '')).replace('-', ':').lower()
        if record:
            stage = 'record sent' if status < 400 else 'no record'
        elif file and mac and status < 400:
            stage = _STAGES[file[1]]
        else:
            return
        LOG.info('%s: %s (to %s)', mac, stage, client)
        with self._lock:
            self._seen.pop(mac, None)
            self._seen[mac] = (stage, time.time())
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]
