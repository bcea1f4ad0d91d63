"""A DHCP server for sites without one, a service that drivers share: dnsmasq, which leads machines to ``boot.ipxe``."""

import ipaddress
import logging
import os
import re
import shutil
import stat

from ingot import concurrency, config, errors, programs

LOG = logging.getLogger(__name__)
_PATIENCE = 10
#: What we offer by TFTP and HTTP -> where Debian's package ipxe has it, the best first. snponly.efi uses the firmware's driver.
LOADERS = {'undionly.kpxe': ('undionly.kpxe',), 'ipxe.efi': ('snponly.efi', 'ipxe.efi')}
LOADER_FOLDER = '/usr/lib/ipxe'


def configuration(conf):
    """dnsmasq's configuration; pure. InvalidParameter names the option of [dhcp] that is missing or wrong.

    Client architectures (option 93): RFC 4578 and the list "Processor Architecture Types" of IANA.
    """
    interface, (first, last) = _interface(conf), _range(conf)
    state, url = os.path.abspath(conf.state_dir), config.boot_url(conf)
    return f'''# Written by Ingot at each start: change [dhcp] of ingot.conf, not this file.
port=0
interface={interface}
except-interface=lo
bind-interfaces
log-facility=-
pid-file=
dhcp-authoritative
dhcp-leasefile={state}/dnsmasq/leases
dhcp-range={first},{last},{conf.dhcp.lease_time}

# Without these iPXE waits 17 s for a router advertisement and for a ProxyDHCP server.
enable-ra
ra-param={interface},high,10
dhcp-range=::,constructor:{interface},ra-only
dhcp-option=tag:ipxe,encap:175,176,1b

# iPXE gets the script.
dhcp-match=set:ipxe,175
dhcp-boot=tag:ipxe,{url}/boot.ipxe

# Firmware gets iPXE: by TFTP, or by HTTP where it asks for that.
dhcp-match=set:bios,option:client-arch,0
dhcp-match=set:efi,option:client-arch,7
dhcp-match=set:efi,option:client-arch,9
dhcp-match=set:http,option:client-arch,16
dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe
dhcp-boot=tag:!ipxe,tag:efi,ipxe.efi
dhcp-boot=tag:!ipxe,tag:http,{url}/ipxe/ipxe.efi
dhcp-option-force=tag:!ipxe,tag:http,60,HTTPClient
enable-tftp
tftp-root={state}/tftp
'''


class Dnsmasq:
    """See the module. :param conf: uses state_dir, [dhcp] and [boot]. It does nothing unless [dhcp] provider = dnsmasq."""

    def __init__(self, conf):
        self._conf = conf
        self._state = os.path.abspath(conf.state_dir)
        self._folder = os.path.join(self._state, 'dnsmasq')
        self._log = os.path.join(self._folder, 'dnsmasq.log')
        self._daemon = None

    @property
    def pid(self):
        return self._daemon.pid if self._daemon else None

    def start(self):
        """Return when dnsmasq serves. Raises InvalidParameter, ProgramFailed (its configuration), Unavailable."""
        if self._conf.dhcp.provider != 'dnsmasq':
            return
        file = self._write()
        self._offer_loaders()
        programs.run('dnsmasq', '--test', f'--conf-file={file}')
        self._look_at_interface()
        size = os.path.getsize(self._log) if os.path.exists(self._log) else 0
        self._daemon = programs.Daemon('dnsmasq', ['--keep-in-foreground', f'--conf-file={file}', *self._identity()],
                                       log=self._log, on_restart=self._tell)
        self._daemon.start()
        if not concurrency.wait_for(lambda: 'started, version' in self._said(size), _PATIENCE):
            self.stop()
            words = self._said(size).strip().rpartition('\n')[2]
            raise errors.Unavailable(f'dnsmasq does not start on {self._conf.dhcp.interface}: {words}',
                                     remedy='Only root may serve DHCP, and only one server on an interface.')

    def stop(self):
        if self._daemon:
            self._daemon.stop()
            self._daemon = None

    def _write(self):
        text = configuration(self._conf)
        for name in ('dnsmasq', 'tftp'):
            os.makedirs(os.path.join(self._state, name), mode=0o755, exist_ok=True)
        path = os.path.join(self._folder, 'dnsmasq.conf')
        with open(path, 'w') as file:
            file.write(text)
        return path

    def _offer_loaders(self):
        """Copy iPXE to where TFTP and HTTP serve it; machines whose network card has iPXE in it do not need that."""
        web = os.path.join(self._state, 'http', 'ipxe')
        os.makedirs(web, mode=0o755, exist_ok=True)
        for name, sources in LOADERS.items():
            paths = [path for source in sources if os.path.exists(path := os.path.join(LOADER_FOLDER, source))]
            if not paths:
                LOG.info('No %s for machines without iPXE in their network card: apt-get install ipxe', name)
            for folder in (web, os.path.join(self._state, 'tftp')) if paths else ():
                shutil.copyfile(paths[0], os.path.join(folder, name))

    def _identity(self):
        """dnsmasq becomes nobody, unless nobody could not read what it is to serve by TFTP then."""
        folder = self._folder
        while folder != '/':
            if not os.stat(folder).st_mode & stat.S_IXOTH:
                LOG.warning('dnsmasq keeps its rights, because %s is closed to others; chmod o+x %s', folder, folder)
                return ['--user=root', '--group=root']
            folder = os.path.dirname(folder)
        return []

    def _look_at_interface(self):
        """A router advertisement needs an address to speak of (any but link-local)."""
        try:
            with open('/proc/thread-self/net/if_inet6') as file:
                rows = [line.split() for line in file]
        except FileNotFoundError:
            rows = []
        if not any(row[5] == self._conf.dhcp.interface and row[3] == '00' for row in rows):
            LOG.warning('%s has no IPv6 address: iPXE will wait some 17 s a boot. Remedy: ip address add fd00::1/64 dev %s',
                        self._conf.dhcp.interface, self._conf.dhcp.interface)

    def _said(self, offset):
        with open(self._log, errors='replace') as file:
            file.seek(offset)
            return file.read()

    def _tell(self):
        LOG.warning('dnsmasq had died; it runs again')


def _interface(conf):
    if not re.fullmatch(r'[\w.:@-]{1,15}', conf.dhcp.interface or '', re.ASCII):
        raise errors.InvalidParameter(f'[dhcp] interface is "{conf.dhcp.interface or ""}"; it must be the name of an interface.',
                                      remedy='Set it to the bridge or card on the provisioning network.')
    return conf.dhcp.interface


def _range(conf):
    """(first, last) address of [dhcp] range."""
    try:
        first, last = (ipaddress.IPv4Address(word.strip()) for word in (conf.dhcp.range or '').split(','))
    except ValueError:
        first, last = 1, 0
    if first > last:
        raise errors.InvalidParameter(f'[dhcp] range is "{conf.dhcp.range or ""}"; accepted is 10.0.0.100,10.0.0.199.')
    if not re.fullmatch(r'\d+[smhd]?|infinite', conf.dhcp.lease_time):
        raise errors.InvalidParameter(f'[dhcp] lease_time is "{conf.dhcp.lease_time}"; accepted are 600, 10m, 2h, infinite.')
    return first, last
