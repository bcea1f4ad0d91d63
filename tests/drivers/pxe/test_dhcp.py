"""DHCP: the generated file, and (as root) the real dnsmasq that lends addresses to real clients in namespaces of its own."""

import ctypes
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import pytest

from ingot import concurrency, config, errors, programs
from ingot.drivers.pxe import dhcp
from ingot.drivers.pxe.dhcp import Dnsmasq

GOLDEN = '''# Written by Ingot at each start: change [dhcp] of ingot.conf, not this file.
port=0
interface=br0
except-interface=lo
bind-interfaces
log-facility=-
pid-file=
dhcp-authoritative
dhcp-leasefile=/var/lib/ingot/dnsmasq/leases
dhcp-range=10.0.0.100,10.0.0.199,10m

# Without these iPXE waits 17 s for a router advertisement and for a ProxyDHCP server.
enable-ra
ra-param=br0,high,10
dhcp-range=::,constructor:br0,ra-only
dhcp-option=tag:ipxe,encap:175,176,1b

# iPXE gets the script.
dhcp-match=set:ipxe,175
dhcp-boot=tag:ipxe,http://10.0.0.1:6387/boot.ipxe

# Firmware gets iPXE: by TFTP, or by HTTP where it asks for that.
dhcp-match=set:bios,option:client-arch,0
dhcp-match=set:efi,option:client-arch,7
dhcp-match=set:efi,option:client-arch,9
dhcp-match=set:http,option:client-arch,16
dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe
dhcp-boot=tag:!ipxe,tag:efi,ipxe.efi
dhcp-boot=tag:!ipxe,tag:http,http://10.0.0.1:6387/ipxe/ipxe.efi
dhcp-option-force=tag:!ipxe,tag:http,60,HTTPClient
enable-tftp
tftp-root=/var/lib/ingot/tftp
'''
SETTINGS = {'dhcp__provider': 'dnsmasq', 'dhcp__interface': 'br0', 'dhcp__range': '10.0.0.100, 10.0.0.199',
            'boot__host': '10.0.0.1', 'state_dir': '/var/lib/ingot'}
_NEW_NETWORK = 0x40000000      # CLONE_NEWNET of unshare(2), which only changes the calling thread and what it starts


def test_the_configuration():
    assert dhcp.configuration(config.load(**SETTINGS)) == GOLDEN


def test_dnsmasq_understands_it(tmp_path):
    file = tmp_path / 'dnsmasq.conf'
    file.write_text(dhcp.configuration(config.load(**SETTINGS)))
    programs.run('dnsmasq', '--test', f'--conf-file={file}')


@pytest.mark.parametrize(('option', 'value'), [
    ('interface', None), ('interface', 'br0\nuser=root'), ('interface', 'a,b'), ('range', None), ('range', '10.0.0.1'),
    ('range', '10.0.0.9,10.0.0.1'), ('range', 'a,b'), ('range', '::1,::2'), ('lease_time', '1h\nx'), ('lease_time', 'soon')])
def test_what_is_wrong_is_named(option, value):
    conf = config.load(**SETTINGS)
    conf.set_override(option, value, 'dhcp')
    with pytest.raises(errors.InvalidParameter, match=f'{option} is "'):
        dhcp.configuration(conf)


def test_a_site_with_its_own_dhcp_server_gets_none_of_ours(tmp_path):
    service = Dnsmasq(config.load(state_dir=str(tmp_path)))
    service.start()
    assert service.pid is None
    assert list(tmp_path.iterdir()) == []
    service.stop()


class Site:
    """Two network namespaces, a virtual cable between them, and dnsmasq at one end."""

    def __init__(self, folder):
        self.folder, self.machine = folder, None
        self.conf = config.load(state_dir=str(folder / 'state'), dhcp__provider='dnsmasq', dhcp__interface='veth0',
                                dhcp__range='10.77.0.100,10.77.0.199', boot__host='10.77.0.1')

    def lay_cable(self):
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
            pytest.skip(f'no network namespace: {os.strerror(ctypes.get_errno())}')      # a container without that right
        self.machine = subprocess.Popen(['unshare', '--net', 'sleep', '600'])
        ours = os.readlink('/proc/thread-self/ns/net')
        assert concurrency.wait_for(lambda: os.readlink(f'/proc/{self.machine.pid}/ns/net') != ours, 30)
        for words in ('link add veth0 type veth peer name veth1', f'link set veth1 netns {self.machine.pid}',
                      'address add 10.77.0.1/24 dev veth0', 'address add fd77::1/64 dev veth0 nodad', 'link set veth0 up'):
            programs.run('ip', *words.split())
        self.inside('ip', 'link', 'set', 'veth1', 'up')

    def inside(self, *command):
        """Run a command on the machine's side and return what it says."""
        return subprocess.run(['nsenter', f'--net=/proc/{self.machine.pid}/ns/net', *command], check=True,
                              capture_output=True, text=True, timeout=60, cwd=self.folder).stdout

    def ask(self, *options):
        """What a DHCP client with ``options`` is told: {name: value}."""
        script = self.folder / 'tell'
        script.write_text('#!/bin/sh\n[ "$1" = bound ] && env\nexit 0\n')
        script.chmod(0o755)
        said = self.inside('busybox', 'udhcpc', '-f', '-q', '-n', '-t', '10', '-T', '1', '-i', 'veth1', '-s', str(script),
                           '-O', '175', '-O', 'bootfile', '-O', '60', *options)
        return dict(line.partition('=')[::2] for line in said.splitlines() if '=' in line)


def look(site, service, answers):
    """All that needs the namespace, in the thread that lives in it."""
    site.lay_cable()
    service.start()
    answers['pid'], answers['user'] = service.pid, os.stat(f'/proc/{service.pid}').st_uid
    for name, options in (('ipxe', ['-x', '0xaf:010101', '-x', '0x5d:0007']), ('bios', ['-x', '0x5d:0000']),
                          ('efi', ['-x', '0x5d:0007']), ('http', ['-x', '0x5d:0010', '-V', 'HTTPClient:Arch:00016'])):
        answers[name] = site.ask(*options)
    site.inside('ip', 'address', 'add', '10.77.0.2/24', 'dev', 'veth1')
    site.inside('busybox', 'tftp', '-g', '-r', 'undionly.kpxe', '-l', 'loaded', '10.77.0.1')
    show = ('ip', '-6', 'address', 'show', 'dev', 'veth1')
    answers['advertised'] = concurrency.wait_for(lambda: 'fd77:' in site.inside(*show), 60)
    programs.kill(service.pid)
    assert concurrency.wait_for(lambda: service.pid != answers['pid'], 30)
    answers['after'] = site.ask('-x', '0xaf:010101')
    answers['leases'] = pathlib.Path(site.conf.state_dir, 'dnsmasq/leases').read_text()


@pytest.fixture(scope='module')
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix='ingot-test-'))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope='module')
def answers(folder):
    """What the real dnsmasq told: looked at once, in a thread of its own, which is all that the namespace changes."""
    if os.geteuid() != 0:
        pytest.skip('network namespaces need root')
    site, answers = Site(folder), {}
    loaders = folder / 'loaders'
    loaders.mkdir()
    for name in ('undionly.kpxe', 'snponly.efi'):
        (loaders / name).write_text(name)
    service, pool = Dnsmasq(site.conf), concurrency.Pool(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dhcp, 'LOADER_FOLDER', str(loaders))
        try:
            pool.submit(look, site, service, answers).result()
        finally:
            service.stop()
            if site.machine:
                site.machine.kill()
                site.machine.wait()
            pool.close()
    return answers


def test_ipxe_gets_the_script(answers):
    assert answers['ipxe']['bootfile'] == 'http://10.77.0.1:6387/boot.ipxe'
    assert answers['ipxe']['ip'].startswith('10.77.0.1')
    assert answers['ipxe']['router'] == '10.77.0.1'


def test_ipxe_is_told_not_to_wait_for_another_server(answers):
    assert answers['ipxe']['opt175'] == 'b00101ff'


def test_firmware_gets_ipxe(answers):
    assert answers['bios']['bootfile'] == 'undionly.kpxe'
    assert answers['efi']['bootfile'] == 'ipxe.efi'
    assert answers['bios']['siaddr'] == '10.77.0.1'
    assert answers['http']['bootfile'] == 'http://10.77.0.1:6387/ipxe/ipxe.efi'
    assert 'HTTPClient' in answers['http'].values() or bytes.fromhex(answers['http']['opt60']) == b'HTTPClient'


def test_ipxe_comes_by_tftp(answers, folder):
    assert (folder / 'loaded').read_text() == 'undionly.kpxe'
    assert (folder / 'state/http/ipxe/ipxe.efi').read_text() == 'snponly.efi'


def test_dnsmasq_gives_up_its_rights(answers):
    assert answers['user'] == pwd.getpwnam('nobody').pw_uid


def test_dnsmasq_keeps_its_rights_where_nobody_could_not_read(tmp_path):
    service = Dnsmasq(config.load(state_dir=str(tmp_path)))
    (tmp_path / 'dnsmasq').mkdir()
    tmp_path.chmod(0o750)
    assert service._identity() == ['--user=root', '--group=root']


def test_a_router_advertises_itself(answers):
    assert answers['advertised']


def test_a_killed_dnsmasq_comes_back_and_knows_its_leases(answers):
    assert answers['after']['bootfile'] == 'http://10.77.0.1:6387/boot.ipxe'
    assert answers['after']['ip'] == answers['ipxe']['ip']
    assert answers['ipxe']['ip'] in answers['leases']


def test_an_interface_that_is_not_there_is_told_in_dnsmasq_s_words(tmp_path):
    conf = config.load(state_dir=str(tmp_path), dhcp__provider='dnsmasq', dhcp__interface='no-such0',
                       dhcp__range='10.77.0.100,10.77.0.199')
    service = Dnsmasq(conf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dhcp, '_PATIENCE', 1)
        with pytest.raises(errors.Unavailable, match='unknown interface no-such0'):
            service.start()
    assert service.pid is None
