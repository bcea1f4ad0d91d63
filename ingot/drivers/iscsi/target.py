"""The iSCSI targets of a conductor, a service that drivers share: a tgtd of our own, one target an operation.

Each target has one read-only LUN and a CHAP account of its own. The addresses of machines are not looked at: behind NAT all
are the same, and the secret decides. tgtd keeps everything in memory; our records bring it back when it was killed.
"""

import logging
import os
import shutil
import socket
import tempfile

from ingot import concurrency, config, errors, programs
from ingot.drivers import base
from ingot.drivers.iscsi.record import Records, name
from ingot.drivers.iscsi.tgt import LUN, Tgt

LOG = logging.getLogger(__name__)
_PATIENCE = 10           # seconds for tgtd to answer, or for its port to get free
_SOCKET_LIMIT = 104      # bytes: sun_path has 108 with the zero at its end, and tgtd adds '.0'
_SECTOR = 512
_IO_THREADS = 4          # a LUN; tgtd's default of 16 is for disks that seek


class Targets:
    """See the module. :param conf: uses state_dir and [iscsi]. Every method may be called from many threads.

    tgtd is started with the first export: a conductor that has nothing to export needs neither tgtd nor its port.
    """

    def __init__(self, conf):
        self._conf = conf
        self._folder = os.path.join(os.path.abspath(conf.state_dir), 'iscsi')
        self._records = Records(self._folder)
        self._lock = concurrency.Lock()
        self._daemon = self._tgt = self._short = None

    @property
    def pid(self):
        """Process id of tgtd, None while there is none; for tests and status pages."""
        return self._daemon.pid if self._daemon else None

    def start(self):
        """Bring back the targets that a former conductor left on record; what fails is logged and tried again on demand."""
        if not self._records.operations():
            return
        try:
            with self._lock:
                self._run()
                self._put_back()
        except errors.IngotError as error:
            LOG.error('iSCSI targets are not there yet: %s', error.explain())

    def stop(self):
        """End tgtd; the records stay, so that the next start brings the targets back."""
        with self._lock:
            if self._daemon:
                self._daemon.stop(seconds=0.2)      # it ignores SIGTERM while it has targets, and has nothing to save
                self._daemon = None
            if self._short:
                shutil.rmtree(self._short, ignore_errors=True)
                self._short = None

    def export(self, operation, path):
        """The Export of raw image ``path`` for ``operation``; asking again gives the same one, and leaves sessions alone.

        Raises InvalidImage, Unavailable (the port is taken), ProgramFailed.
        """
        _check(path)
        with self._lock:
            self._run()
            record = self._records.take(operation, path)
            self._insist(lambda: self._ensure(record))
        host, port = config.portal(self._conf)
        return base.Export(host, port, record.iqn, LUN, record.user, record.secret)

    def withdraw(self, operation):
        """Target, sessions, account and record of ``operation`` are gone; fine when there was half or none of it."""
        with self._lock:
            if self._daemon:
                self._insist(lambda: self._tgt.remove(name(operation), operation))
            self._records.remove(operation)

    def has(self, operation):
        """Whether ``operation`` is among those that ``exported`` tells."""
        return self._records.get(operation) is not None

    def exported(self):
        """Operations that have a target, or will have one after the next start."""
        return self._records.operations()

    def _insist(self, act):
        """Do ``act``, which may be done again, at most three times: tgtd may die under it."""
        for is_last in (False, False, True):
            self._await_answer()
            try:
                act()
                break
            except errors.ProgramFailed:
                if is_last:
                    raise

    def _ensure(self, record):
        target = self._tgt.targets().get(record.iqn)
        if not (target and target.is_complete and target.path == record.path and target.accounts == [record.user]):
            self._tgt.add(record.iqn, record.path, record.user, record.secret)

    def _put_back(self):
        for record in self._records.all():
            try:
                self._ensure(record)
            except errors.IngotError as error:
                LOG.error('Target of operation %s is not back: %s', record.operation, error)

    def _restore(self):
        """tgtd died and was started again: it has forgotten everything."""
        with self._lock:
            if self._daemon:
                try:
                    self._await_answer()
                    self._put_back()
                    LOG.warning('tgtd had died; it runs again with %d targets', len(self._records.operations()))
                except errors.IngotError as error:
                    LOG.error('tgtd had died, its targets are not back: %s', error.explain())

    def _run(self):
        if self._daemon is None:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            self._await_port()
            self._tgt = Tgt(self._socket())
            self._daemon = programs.Daemon(
                'tgtd', ['--foreground', '--nr_iothreads', _IO_THREADS, '--iscsi', f'portal={self._portal()}'],
                log=os.path.join(self._folder, 'tgtd.log'), environment=self._tgt.environment, on_restart=self._restore)
            try:
                self._daemon.start()
                self._await_answer()
            except errors.IngotError:
                self._daemon.stop(seconds=0.2)
                self._daemon = None
                raise
        else:
            self._await_answer()

    def _await_answer(self):
        """Return when tgtd answers and listens where it should.

        One that finds its port taken does not end: it listens on port 3260 of every address instead. That one is killed.
        """
        wanted, last = [self._portal()], None

        def is_right():
            nonlocal last
            try:
                portals = self._tgt.portals()
            except errors.ProgramFailed as error:
                last = error
                return False
            if portals != wanted:
                last = errors.Unavailable(f'tgtd listens on {portals}, not on {wanted}.')
                programs.kill(self._daemon.pid)
            return portals == wanted

        if not concurrency.wait_for(is_right, _PATIENCE):
            raise errors.Unavailable(f'tgtd does not serve {wanted[0]}: {last}',
                                     remedy=f'Read {self._folder}/tgtd.log; check [iscsi] host and port.')

    def _await_port(self):
        """Return when the port is free: the tgtd of a killed conductor may take a moment to die."""
        if not concurrency.wait_for(self._is_port_free, _PATIENCE):
            raise errors.Unavailable(f'Port {self._conf.iscsi.port} of {self._conf.iscsi.host} is used by another program.',
                                     remedy='Stop it (systemctl disable --now tgt), or set [iscsi] port.')

    def _is_port_free(self):
        family, address = self._address()
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError:
                return False
        return True

    def _address(self):
        host, port = self._conf.iscsi.host, self._conf.iscsi.port
        try:
            return next((found[0], found[4]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            raise errors.InvalidParameter(f'[iscsi] host "{host}" is not an address: {error}.') from None

    def _portal(self):
        family, address = self._address()
        return f'[{address[0]}]:{address[1]}' if family == socket.AF_INET6 else f'{address[0]}:{address[1]}'

    def _socket(self):
        """Path of tgtd's IPC socket: in our folder, or in a temporary one when that name is too long for a socket."""
        path = os.path.join(self._folder, 'tgtd')
        if len(path.encode()) <= _SOCKET_LIMIT:
            return path
        self._short = self._short or tempfile.mkdtemp(prefix='ingot-')
        return os.path.join(self._short, 'tgtd')


def _check(path):
    """tgtd cuts off what does not fill a sector, and takes any path; both are told here."""
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise errors.InvalidImage(f'Image {path} cannot be exported: {error.strerror}.') from None
    if not size or size % _SECTOR:
        raise errors.InvalidImage(f'Image {path} has {size} bytes, which is no multiple of {_SECTOR}.')
