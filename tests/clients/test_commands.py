"""Every command of the ``openstack baremetal`` plug-in (python-ironicclient), run against a live ``ingot serve``.

The shell runs in this process: starting Python for each of about 120 commands would take minutes.
"""

import contextlib
import importlib.metadata
import io
import json
import os

import pytest
from openstackclient.shell import OpenStackShell

from ingot import concurrency
from tests import databases
from tests.clients import serve

COMMANDS = {entry.name.replace('_', ' ') for group in ('openstack.baremetal.v1', 'openstack.baremetal_introspection.v1')
            for entry in importlib.metadata.entry_points(group=group)}
STEP = {'interface': 'deploy', 'step': 'erase_devices_metadata', 'args': {}}


class Cli:
    """Runs commands, and remembers which."""

    def __init__(self, url):
        self.url, self.ran = url, set()

    def __call__(self, text, *more, status=0):
        """What ``openstack baremetal``, the words of ``text`` and ``more``, print: parsed where it is JSON."""
        words = ['baremetal', *text.split(), *more]
        name = max((name for name in COMMANDS if words[:len(name.split())] == name.split()), key=len)
        self.ran.add(name)
        for form in (['-f', 'json'], []):       # commands without a result refuse -f, with status 2
            code, out, err = self._run([*words, *form])
            if code != 2:
                break
        assert code == status, f'{words}: {err[-2000:]}'
        if status:
            return err
        return lower(json.loads(out)) if form and out.strip() else out

    def _run(self, words):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = OpenStackShell().run(['--os-auth-type', 'none', '--os-endpoint', self.url, *words])
            except SystemExit as end:
                code = end.code
        return code, out.getvalue(), err.getvalue()


def lower(found):
    """Names of columns in lower case: some commands print titles, others fields."""
    return [{key.lower(): value for key, value in row.items()} for row in found] if isinstance(found, list) else found


@pytest.fixture(scope='module')
def cli(tmp_path_factory):
    if os.environ.get('INGOT_URL'):
        yield Cli(os.environ['INGOT_URL'])
        return
    folder = tmp_path_factory.mktemp('commands')
    with serve.ingot(folder, databases.new(folder)) as (url, _):
        yield Cli(url)


@pytest.fixture
def node(cli):
    """The name of a node that is manageable."""
    name = f'n{len(cli("node list --fields uuid"))}-{os.getpid()}'
    cli(f'node create --driver fake-hardware --name {name} --resource-class gold --property cpus=4')
    cli(f'node manage --wait 60 {name}')
    cli(f'node power off {name}')
    assert wait(lambda: field(cli, name, 'power_state') == 'power off')
    yield name
    cli(f'node maintenance set {name} --reason test-ends')
    cli(f'node delete {name}')


def state(cli, node):
    return cli(f'node show {node} --fields provision_state')['provision_state']


def wait(condition):
    return concurrency.wait_for(condition, 30, every=0.2)


def field(cli, node, name):
    return cli(f'node show {node} --fields {name}')[name]


def test_nodes_are_written_and_read(cli, node):
    cli(f'node set {node} --extra a=1 --description rack7 --owner me --shard s1')
    assert [field(cli, node, name) for name in ('extra', 'description', 'owner')] == [{'a': 1}, 'rack7', 'me']
    assert {'name': 's1', 'count': 1} in cli('shard list')
    cli(f'node unset {node} --extra a --description --shard')
    assert (field(cli, node, 'extra'), field(cli, node, 'description')) == ({}, None)
    assert node in [row['name'] for row in cli('node list')]
    child = cli(f'node create --driver fake-hardware --name {node}-child --parent-node {field(cli, node, "uuid")}')
    assert child['uuid'] in str(cli(f'node children list {node}'))
    cli(f'node delete {node}-child')
    assert {row['interface']: row['result'] for row in cli(f'node validate {node}')}['power'] is True
    cli(f'node maintenance set {node} --reason disk')
    assert field(cli, node, 'maintenance_reason') == 'disk'
    cli(f'node maintenance unset {node}')
    assert field(cli, node, 'maintenance') is False
    assert f'Node {node}-x could not be found' in cli(f'node show {node}-x', status=1)


def test_nodes_have_traits(cli, node):
    cli(f'node add trait {node} CUSTOM_A CUSTOM_B')
    cli(f'node trait add {node} HW_CPU_X86_VMX')
    assert {row['traits'] for row in cli(f'node trait list {node}')} == {'CUSTOM_A', 'CUSTOM_B', 'HW_CPU_X86_VMX'}
    cli(f'node trait remove {node} CUSTOM_A')
    cli(f'node remove trait {node} --all')
    assert cli(f'node trait list {node}') == []


def test_nodes_are_managed_by_hand(cli, node):
    cli(f'node power on {node}')
    assert wait(lambda: field(cli, node, 'power_state') == 'power on')
    cli(f'node reboot {node}')
    cli(f'node power off --power-timeout 60 {node}')
    assert wait(lambda: field(cli, node, 'power_state') == 'power off')
    cli(f'node boot device set {node} pxe --persistent')
    assert cli(f'node boot device show {node}') == {'boot_device': 'pxe', 'persistent': True}
    assert 'pxe' in str(cli(f'node boot device show {node} --supported'))
    cli(f'node boot mode set {node} uefi')
    cli(f'node secure boot on {node}')
    cli(f'node secure boot off {node}')
    cli(f'node inject nmi {node}')
    cli(f'node console enable {node}')
    assert wait(lambda: cli(f'node console show {node}')['console_enabled'] is True)
    cli(f'node console disable {node}')
    assert wait(lambda: cli(f'node console show {node}')['console_enabled'] is False)
    assert isinstance(cli(f'node bios setting list {node}'), list)
    assert 'nothing' in cli(f'node bios setting show {node} nothing', status=1)
    assert isinstance(cli(f'node firmware list {node}'), list)


def test_nodes_have_vifs_and_vendors_methods(cli, node):
    cli(f'port create 52:54:00:77:00:01 --node {field(cli, node, "uuid")}')
    cli(f'node vif attach {node} vif-1')
    assert cli(f'node vif list {node}') == [], 'of a noop network nobody keeps a list'
    cli(f'node vif detach {node} vif-1')
    assert 'second_method' in [row['name'] for row in cli(f'node passthru list {node}')]
    assert cli(f'node passthru call {node} fourth_method_shared_lock --http-method POST --arg bar=woof') is not None
    assert isinstance(cli('driver passthru list fake-hardware'), list)      # fake-hardware may have none
    assert 'no_method' in cli('driver passthru call fake-hardware no_method --http-method GET', status=1)


def test_a_node_lives(cli, node):
    cli(f'node inspect --wait 60 {node}')
    cli(f'node clean --wait 60 {node} --clean-steps', json.dumps([STEP]))
    cli(f'node provide --wait 60 {node}')
    cli(f'node set {node} --instance-info image_source=file:///i --instance-info image_checksum=0123456789abcdef0123456789abcdef')
    cli(f'node deploy --wait 60 {node} --config-drive', '{"meta_data": {"a": 1}}')
    assert state(cli, node) == 'active'
    cli(f'node rebuild --wait 60 {node}')
    cli(f'node rescue --wait 60 {node} --rescue-password secret')
    assert state(cli, node) == 'rescue'
    cli(f'node unrescue --wait 60 {node}')
    cli(f'node service --wait 60 {node} --service-steps', json.dumps([{'interface': 'bios', 'step': 'factory_reset'}]))
    assert state(cli, node) == 'active'
    cli(f'node undeploy --wait 60 {node}')
    assert state(cli, node) == 'available'
    cli(f'node manage --wait 60 {node}')
    cli(f'node set {node} --instance-info image_source=file:///i')
    cli(f'node adopt --wait 60 {node}')
    assert state(cli, node) == 'active'


def test_a_node_is_held_let_go_and_aborted(cli, node):
    hold = json.dumps([{'interface': 'deploy', 'step': 'hold'}])
    cli(f'node clean {node} --clean-steps', hold)
    assert wait(lambda: state(cli, node) == 'clean hold')
    cli(f'node unhold {node}')
    assert wait(lambda: state(cli, node) == 'manageable')
    cli(f'node clean {node} --clean-steps', hold)
    assert wait(lambda: state(cli, node) == 'clean hold')
    cli(f'node abort {node}')
    assert wait(lambda: state(cli, node) == 'clean failed')
    rows = cli(f'node history list {node}')
    assert rows
    assert cli(f'node history get {node} {rows[-1]["uuid"]}')['uuid'] == rows[-1]['uuid']


def test_an_inventory_is_saved(cli, node):
    cli(f'node inspect --wait 60 {node}')
    assert 'inventory' in str(cli(f'node inventory save {node}'))


def test_ports_and_groups(cli, node):
    owner = field(cli, node, 'uuid')
    group = cli(f'port group create --node {owner} --name g1-{node} --address 52:54:00:77:01:01')['uuid']
    cli(f'port group set {group} --mode 802.3ad --property miimon=100 --extra a=1')
    assert cli(f'port group show {group}')['mode'] == '802.3ad'
    cli(f'port group unset {group} --extra a --property miimon --address')
    assert cli(f'port group show {group}')['extra'] == {}
    assert group in [row['uuid'] for row in cli(f'port group list --node {owner}')]
    port = cli(f'port create 52:54:00:77:01:02 --node {owner} --port-group {group}')['uuid']
    cli(f'port set {port} --extra a=1 --pxe-disabled')
    assert cli(f'port show {port}')['extra'] == {'a': 1}
    cli(f'port unset {port} --extra a --port-group')
    assert [row['uuid'] for row in cli(f'port list --node {owner}')] == [port]
    cli(f'port delete {port}')
    cli(f'port group delete {group}')
    assert cli(f'port list --node {owner}') == []


def test_chassis(cli):
    chassis = cli('chassis create --description rack')['uuid']
    cli(f'chassis set {chassis} --description row --extra a=1')
    assert cli(f'chassis show {chassis}')['description'] == 'row'
    cli(f'chassis unset {chassis} --description --extra a')
    assert chassis in [row['uuid'] for row in cli('chassis list')]
    cli(f'chassis delete {chassis}')
    assert 'could not be found' in cli(f'chassis show {chassis}', status=1)


def test_volumes(cli, node):
    owner = field(cli, node, 'uuid')
    for noun, words, change in (('connector', '--type iqn --connector-id iqn.2017-07.org.openstack:01', '--type ip'),
                                ('target', '--type iscsi --boot-index 0 --volume-id v1', '--boot-index 1')):
        uuid = cli(f'volume {noun} create --node {owner} {words} --extra a=1')['uuid']
        cli(f'volume {noun} set {uuid} {change}')
        assert str(cli(f'volume {noun} show {uuid}')[change.split()[0][2:].replace('-', '_')]) == change.split()[1]
        cli(f'volume {noun} unset {uuid} --extra a')
        assert uuid in [row['uuid'] for row in cli(f'volume {noun} list --node {owner}')]
        cli(f'volume {noun} delete {uuid}')
        assert cli(f'volume {noun} list --node {owner}') == []


def test_drivers_and_conductors(cli):
    assert 'fake-hardware' in str(cli('driver list'))
    assert cli('driver show fake-hardware')['default_power_interface'] == 'fake'
    assert isinstance(cli('driver property list fake-hardware'), list)
    assert 'raid_level' in str(cli('driver raid property list fake-hardware'))
    host = cli('conductor list')[0]['hostname']
    assert cli(f'conductor show {host}')['hostname'] == host


def test_allocations(cli, node):
    cli(f'node provide --wait 60 {node}')
    one = cli(f'allocation create --resource-class gold --candidate-node {node} --name a-{node} --wait 60')['uuid']
    assert cli(f'allocation show {one}')['state'] == 'active'
    cli(f'allocation set {one} --name b-{node} --extra a=1')
    assert cli(f'allocation show b-{node}')['extra'] == {'a': 1}
    cli(f'allocation unset {one} --extra a --name')
    assert one in [row['uuid'] for row in cli(f'allocation list --node {node}')]
    cli(f'allocation delete {one}')
    assert field(cli, node, 'instance_uuid') is None


def test_templates(cli):
    uuid = cli('deploy template create CUSTOM_T1 --extra a=1 --steps', json.dumps([{**STEP, 'priority': 10}]))['uuid']
    cli(f'deploy template set {uuid} --name CUSTOM_T2')
    assert cli('deploy template show CUSTOM_T2')['steps'][0]['step'] == 'erase_devices_metadata'
    cli(f'deploy template unset {uuid} --extra a')
    assert uuid in [row['uuid'] for row in cli('deploy template list')]
    cli(f'deploy template delete {uuid}')
    assert uuid not in [row['uuid'] for row in cli('deploy template list')]


def test_runbooks(cli):
    uuid = cli('runbook create --name CUSTOM_R1 --extra a=1 --steps', json.dumps([{**STEP, 'order': 1}]))['uuid']
    cli(f'runbook set {uuid} --name CUSTOM_R2 --description long')
    assert cli('runbook show CUSTOM_R2')['description'] == 'long'
    cli(f'runbook unset {uuid} --extra a --description')
    cli(f'runbook trait add {uuid} CUSTOM_A CUSTOM_B')
    cli(f'runbook trait remove {uuid} CUSTOM_A')
    assert 'CUSTOM_B' in str(cli(f'runbook trait list {uuid}'))
    assert uuid in [row['uuid'] for row in cli('runbook list')]
    cli(f'runbook delete {uuid}')
    assert uuid not in [row['uuid'] for row in cli('runbook list')]


def test_inspection_rules(cli):
    rule = cli('inspection rule create --description d --conditions', '[{"op": "is-true", "args": {"value": true}}]',
               '--actions', '[{"op": "set-attribute", "args": {"path": "/extra/a", "value": 1}}]')['uuid']
    cli(f'inspection rule set {rule} --priority 10')
    assert cli(f'inspection rule show {rule}')['priority'] == 10
    cli(f'inspection rule unset {rule} --description --priority')
    assert cli(f'inspection rule show {rule}')['description'] is None
    assert rule in [row['uuid'] for row in cli('inspection rule list')]
    cli(f'inspection rule delete {rule}')
    assert rule not in [row['uuid'] for row in cli('inspection rule list')]


def test_a_file_of_resources(cli, tmp_path):
    (tmp_path / 'rack.json').write_text(json.dumps({'chassis': [{'description': 'by file', 'nodes': [
        {'driver': 'fake-hardware', 'name': 'by-file', 'ports': [{'address': '52:54:00:77:09:01'}]}]}]}))
    cli(f'create {tmp_path}/rack.json')
    shown = cli('node show by-file')
    assert [row['address'] for row in cli(f'port list --node {shown["uuid"]}')] == ['52:54:00:77:09:01']
    cli('node delete by-file')
    cli(f'chassis delete {shown["chassis_uuid"]}')


def test_every_command_was_run(cli, request):
    """The last of this file: it wants that the others have run."""
    if len(request.session.items) > 1:
        assert len(COMMANDS) > 110
        assert COMMANDS - cli.ran == set()

