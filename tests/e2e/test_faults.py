"""What goes wrong on real machines: each ends with a cause and a remedy, or goes on; nothing is left behind."""

import base64
import gzip
import os
import pathlib
import re
import signal

import pytest
from openstack import exceptions

from ingot import programs
from ingot.cli import client, stage
from ingot.concurrency import wait_for
from ingot.lab import rack
from tests import proc
from tests.e2e.conftest import LONG

RATE = 6 << 20


@pytest.fixture
def site(make_site):
    names = ('no-disk', 'too-big', 'bad-disk', 'unplugged', 'no-chap', 'deleted', 'aborted', 'wrong-token')
    return make_site([{'name': name, 'firmware': 'bios', 'memory_mib': 384} for name in names],
                     **{'conductor.silence_timeout': 300})


def assert_failed(site, uuid, *words):
    """The deployment failed for this reason, with a remedy, and nothing of it is left."""
    node = site.await_state(uuid, 'deploy failed')
    for word in words:
        assert re.search(word, node.last_error), node.last_error
    assert 'Remedy: ' in node.last_error
    assert_clean(site, uuid)


def assert_clean(site, uuid):
    """No record, no export, and the machine is off."""
    name = site.node(uuid).name
    record = site.state / 'http' / 'boot' / f'{site.machine[name]["mac"].replace(":", "-")}.ipxe'
    operations = {event['operation'] for event in site.events(uuid)} - {None}
    assert wait_for(lambda: not record.exists(), 30)
    assert wait_for(lambda: not (operations & exported(site)), 30)
    assert wait_for(lambda: not {m['name']: m['is_on'] for m in rack.status(site.folder / 'rack')}[name], 60), f'{name} is on'


def exported(site):
    """Operations that have an iSCSI target in tgtd now."""
    if pid_of(site, 'tgtd') is None:          # it starts with the first export
        return set()
    return set(re.findall(r'iqn\.2026-01\.org\.ingot:(\S+)', tgtadm(site, '--mode', 'target', '--op', 'show')))


def tgtadm(site, *words):
    environment, control = tgt_environment(site)
    return programs.run('tgtadm', '--lld', 'iscsi', *control, *words, environment=environment)


def tgt_environment(site):
    """How the tgtd of this site is reached: as its own process says."""
    path = pathlib.Path('/proc', str(pid_of(site, 'tgtd')))
    variables = dict(pair.split('=', 1) for pair in (path / 'environ').read_bytes().decode().split('\0') if '=' in pair)
    words = (path / 'cmdline').read_bytes().decode().split('\0')
    control = ['-C', words[words.index('-C') + 1]] if '-C' in words else []
    return {name: value for name, value in variables.items() if name.startswith('TGT')}, control


def is_ours(path, site):
    """Whether the process was started by this site's service, directly or not."""
    try:
        parent = int(proc.fields(path.name)[1])
        return parent == site.serve.pid or (parent > 1 and is_ours(pathlib.Path(f'/proc/{parent}'), site))
    except (OSError, ValueError):
        return False


def pid_of(site, program):
    """Process id of a program that this site's service runs, or None."""
    return next((int(path.name) for path in pathlib.Path('/proc').glob('[0-9]*') if runs(path, site, program)), None)


def runs(path, site, program):
    """Whether the process is this program of this site's service, and no zombie."""
    try:
        return not proc.is_gone(path.name) and is_ours(path, site) and program in (path / 'comm').read_text()
    except OSError:
        return False


def kill(site, program):
    """Return when it is dead: until then it has a process id, and nothing else that could be asked for."""
    pid = pid_of(site, program)
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: pid_of(site, program) != pid, 30)


def test_machines_that_fail_and_machines_that_go_on(site, tmp_path):
    """All at once, for the sake of time: each machine has a fault of its own."""
    huge = site.built / 'image' / 'huge.raw'
    with open(huge, 'wb') as file:
        file.truncate(8 << 30)
        file.seek(510)
        file.write(b'\x55\xaa')
    faults = site.folder / 'rack'
    nodes = {'no-disk': site.enrol('no-disk', properties={'root_device': {'size': '>= 100'}}),
             'too-big': site.enrol('too-big', instance_info={'image_source': f'file://{huge}', 'image_os_hash_value': None,
                                                             'image_os_hash_algo': None}),
             **{name: site.enrol(name) for name in ('bad-disk', 'unplugged', 'no-chap', 'deleted', 'aborted', 'wrong-token')}}
    rack.disk_fault(faults, 'bad-disk', 40 << 20)
    for name in ('unplugged', 'deleted', 'aborted'):
        rack.throttle(faults, name, RATE)
    for name, uuid in nodes.items():
        site.deploy(uuid)
        if name == 'wrong-token':
            spoil_token(site, name)
        if name == 'no-chap':
            spoil_secret(site, uuid)

    site.await_writing(nodes['unplugged'])
    rack.link(faults, 'unplugged', is_up=False)
    site.await_writing(nodes['deleted'])
    site.ask(nodes['deleted'], 'deleted')
    site.await_writing(nodes['aborted'])
    client.abort(site.baremetal, nodes['aborted'])
    kill(site, 'tgtd')
    assert_failed(site, nodes['no-disk'], r'[Nn]o disk fits', 'size')
    assert_failed(site, nodes['too-big'], 'disk', '8589934592|8192|8.0 GiB|8 GiB')
    assert_failed(site, nodes['bad-disk'], 'vda', r'byte \d+')
    assert_failed(site, nodes['no-chap'], 'CHAP|authoriz|refused')
    assert 'aborted on request' in site.await_state(nodes['aborted'], 'deploy failed').last_error
    assert_clean(site, nodes['aborted'])
    site.await_state(nodes['deleted'], 'available')
    assert site.node(nodes['deleted']).instance_info == {}
    assert_clean(site, nodes['deleted'])

    rack.throttle(faults, 'unplugged', None)
    rack.link(faults, 'unplugged', is_up=True)
    site.await_state(nodes['unplugged'], 'active')
    assert wait_for(lambda: 'hostname=unplugged' in site.said('unplugged'), 120), site.said('unplugged')[-2000:]
    assert 'refused' in site.said('wrong-token')
    client.abort(site.baremetal, nodes['wrong-token'])
    site.await_state(nodes['wrong-token'], 'deploy failed')
    assert_clean(site, nodes['wrong-token'])
    for uuid in nodes.values():
        assert not [event for event in site.events(uuid) if 'password' in str(event)]


def spoil_token(site, name):
    """Somebody else's token in the record of the machine, before it reads it."""
    record = site.state / 'http' / 'boot' / f'{site.machine[name]["mac"].replace(":", "-")}.ipxe'
    assert wait_for(record.exists, 60)
    text = record.read_text()
    record.write_text(re.sub(r'ingot\.token=\S+', 'ingot.token=' + 'x' * 43, text))


def spoil_secret(site, uuid):
    """The target has another secret than the plan says."""
    assert wait_for(lambda: any(data['step'] == 'start ramdisk' for data in site.events(uuid, 'step')), 60)
    operation = site.events(uuid, None)[-1]['operation']
    shown = tgtadm(site, '--mode', 'target', '--op', 'show')
    target = re.search(rf'Target (\d+): iqn\S+:{operation}', shown)[1]
    account = re.search(r'Account information:\s+(\S+)', shown[shown.index(f'Target {target}:'):])[1]
    tgtadm(site, '--mode', 'account', '--op', 'unbind', '--tid', target, '--user', account)
    tgtadm(site, '--mode', 'account', '--op', 'new', '--user', f'other{target}', '--password', 'anotherSecret123')
    tgtadm(site, '--mode', 'account', '--op', 'bind', '--tid', target, '--user', f'other{target}')


def test_bmcs_that_refuse_are_silent_or_reset(make_site):
    site = make_site([{'name': 'bmc', 'firmware': 'bios'}])
    machine, faults = site.machine['bmc'], site.folder / 'rack'
    information = {'ipmi_address': machine['bmc_address'], 'ipmi_port': machine['bmc_port'], 'ipmi_username': machine['user']}
    node = site.baremetal.create_node(name='bmc', driver='ipmi', driver_info={**information, 'ipmi_password': 'wrong'})
    site.ask(node.id, 'manage')
    refused = wait_for(lambda: site.node(node.id).last_error, 60)
    assert site.node(node.id).provision_state == 'enroll'
    assert re.search('password|refused', refused)
    assert 'ipmi_password' in refused
    assert 'wrong' not in refused

    site.baremetal.patch_node(node.id, [
        {'op': 'replace', 'path': '/driver_info/ipmi_password', 'value': machine['password']}])
    rack.knob(faults, 'bmc', 'silent', True)
    site.ask(node.id, 'manage')
    silent = wait_for(lambda: (site.node(node.id).provision_state == 'enroll' and site.node(node.id).last_error), 120)
    assert machine['bmc_address'] in silent
    assert 'Remedy' in silent

    rack.knob(faults, 'bmc', 'silent', False)
    site.ask(node.id, 'manage')
    site.await_state(node.id, 'manageable')
    rack.knob(faults, 'bmc', 'reset', True)
    site.baremetal.set_node_power_state(node.id, 'power on')
    assert wait_for(lambda: site.node(node.id).power_state == 'power on', 120), site.node(node.id).last_error
    assert rack.status(faults)[0]['is_on']


def test_before_a_machine_is_touched(make_site):
    """A wrong checksum, and a config drive that is a bomb: the machine stays off."""
    site = make_site([{'name': 'spared', 'firmware': 'bios'}])
    uuid = site.enrol('spared', instance_info={'image_os_hash_value': 'ab' * 32})
    bomb = base64.b64encode(gzip.compress(bytes(80 << 20))).decode()
    with pytest.raises(exceptions.HttpException, match='64 MiB') as refused:
        site.ask(uuid, 'active', config_drive=bomb)
    assert refused.value.status_code in (400, 413)
    assert site.node(uuid).provision_state == 'available'

    site.deploy(uuid)
    assert_failed(site, uuid, 'ab' * 32, stage.digest(site.image))
    assert site.said('spared') == ''


def starts(site, uuid):
    """How often the machine was started to boot the ramdisk."""
    return [data['step'] for data in site.events(uuid, 'step')].count('start ramdisk')


def test_a_machine_that_never_calls_home(make_site):
    """Its cable is out: it boots once more, and is given up then, with the last that was seen of it."""
    site = make_site([{'name': 'mute', 'firmware': 'bios', 'memory_mib': 384}], **{'conductor.silence_timeout': 15})
    uuid = site.enrol('mute')
    rack.link(site.folder / 'rack', 'mute', is_up=False)
    site.deploy(uuid)
    assert_failed(site, uuid, 'call', site.machine['mute']['mac'])
    assert starts(site, uuid) == 2


def test_a_cable_that_is_put_in_again_in_time(make_site):
    """The first netboot failed; the second one deploys the machine."""
    site = make_site([{'name': 'late', 'firmware': 'bios', 'memory_mib': 384}], **{'conductor.silence_timeout': 60})
    uuid = site.enrol('late')
    rack.link(site.folder / 'rack', 'late', is_up=False)
    site.deploy(uuid)
    assert wait_for(lambda: starts(site, uuid) == 2, LONG)
    rack.link(site.folder / 'rack', 'late', is_up=True)
    site.await_state(uuid, 'active')


@pytest.fixture
def busy(make_site):
    """A site with a deployment under way, and the pid of its tgtd."""
    site = make_site([{'name': 'busy', 'firmware': 'bios'}])
    site.deploy(site.enrol('busy'))
    assert wait_for(lambda: pid_of(site, 'tgtd'), 60)
    return site, pid_of(site, 'tgtd')


def test_leaving_ends_what_was_started(busy):
    """SIGTERM: tgtd and all else that the service started is gone."""
    site, tgtd = busy
    site.serve.terminate()
    assert site.serve.wait(60) == 0
    assert wait_for(lambda: not pathlib.Path(f'/proc/{tgtd}').exists(), 10)


def test_kill_9_leaves_no_orphan(busy):
    site, tgtd = busy
    site.serve.kill()
    site.serve.wait()
    assert wait_for(lambda: not pathlib.Path(f'/proc/{tgtd}').exists(), 10)
