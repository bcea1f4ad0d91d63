"""The clients that are out there, unmodified, against a live server."""

import functools

import openstack
import pytest

from ingot.api import app, server
from tests import openstack_command
from tests.api.conftest import set_columns


@pytest.fixture
def url(conf, database, conductor):
    running = server.Server(app.build(conf, database, conductor), '127.0.0.1', 0, 8)
    running.start()
    yield f'http://127.0.0.1:{running.port}'
    running.stop()


@pytest.fixture
def cli(url):
    """Runs ``openstack baremetal`` and returns its JSON (or text)."""
    return functools.partial(openstack_command.run, url)


def test_the_openstack_command_manages_a_node(cli, database, conductor):
    node = cli('node', 'create', '--driver', 'fake-hardware', '--name', 'n1', '--property', 'cpus=4', '--driver-info',
        'password=x')
    assert (node['provision_state'], node['properties'], node['driver_info']) == ('enroll', {'cpus': 4},
        {'password': '******'})
    assert cli('port', 'create', '52:54:00:00:00:01', '--node', node['uuid'])['node_uuid'] == node['uuid']
    assert [(row['name'], row['provision_state']) for row in cli('node', 'list')] == [('n1', 'enroll')]
    assert [row['address'] for row in cli('port', 'list', '--node', 'n1')] == ['52:54:00:00:00:01']
    cli('node', 'set', 'n1', '--extra', 'a=1', '--resource-class', 'gold', '--instance-info',
        'image_source=file:///i', form=None)
    shown = cli('node', 'show', 'n1')
    assert (shown['extra'], shown['resource_class'], shown['conductor']) == ({'a': 1}, 'gold', 'c1')
    cli('node', 'manage', 'n1', form=None)
    set_columns(database, node['uuid'], provision_state='manageable')
    cli('node', 'provide', 'n1', form=None)
    set_columns(database, node['uuid'], provision_state='available')
    cli('node', 'deploy', 'n1', '--config-drive', '{"meta_data": {"a": 1}}', form=None)
    cli('node', 'power', 'on', 'n1', form=None)
    assert conductor.calls == [
        ('provision', node['uuid'], 'manage', {}), ('provision', node['uuid'], 'provide', {}),
        ('provision', node['uuid'], 'active', {'configdrive': {'meta_data': {'a': 1}}}),
        ('power', node['uuid'], 'power on', None)]


def test_the_openstack_command_looks_around(cli):
    assert [row['name'] for row in cli('driver', 'list')] == ['fake-hardware', 'ipmi']
    assert cli('driver', 'show', 'ipmi')['default_boot_interface'] == 'ipxe'
    assert cli('driver', 'property', 'list', 'ipmi') == [{'property': 'ipmi_address', 'description': 'Address of the BMC.'}]
    assert [row['alive'] for row in cli('conductor', 'list')] == [True]
    chassis = cli('chassis', 'create', '--description', 'rack')
    cli('node', 'create', '--driver', 'ipmi', '--name', 'n1', '--chassis-uuid', chassis['uuid'])
    assert len(cli('node', 'list', '--chassis', chassis['uuid'], '--long')) == 1
    assert {row['Interface']: row['Result'] for row in cli('node', 'validate', 'n1')}['deploy'] is False
    assert cli('node', 'boot', 'device', 'show', 'n1') == {'boot_device': 'pxe', 'persistent': False}
    assert cli('node', 'trait', 'list', 'n1') == []
    cli('node', 'maintenance', 'set', 'n1', '--reason', 'disk', form=None)
    assert cli('node', 'show', 'n1', '--fields', 'maintenance_reason')['maintenance_reason'] == 'disk'
    cli('node', 'maintenance', 'unset', 'n1', form=None)
    cli('node', 'unset', 'n1', '--chassis-uuid', form=None)
    cli('node', 'delete', 'n1', form=None)
    cli('chassis', 'delete', chassis['uuid'], form=None)
    assert cli('node', 'list') == []


def test_openstacksdk_manages_a_node(url, database, conductor):
    baremetal = openstack.connect(auth_type='none', endpoint=url).baremetal
    node = baremetal.create_node(name='n1', driver='fake-hardware', provision_state='enroll', driver_info={'a': 1})
    assert (node.name, node.provision_state, node.driver_info) == ('n1', 'enroll', {'a': 1})
    port = baremetal.create_port(address='52:54:00:00:00:01', node_id=node.id)
    assert [one.address for one in baremetal.ports(node='n1')] == ['52:54:00:00:00:01']
    assert baremetal.update_node(node, extra={'b': 2}).extra == {'b': 2}
    assert [one.name for one in baremetal.nodes(details=True, provision_state='enroll')] == ['n1']
    assert baremetal.find_node('n1').id == node.id
    assert baremetal.find_node('nobody') is None
    baremetal.set_node_provision_state('n1', 'manage')
    set_columns(database, node.id, provision_state='manageable')
    assert baremetal.wait_for_nodes_provision_state(['n1'], 'manageable', timeout=30)[0].id == node.id
    baremetal.set_node_power_state('n1', 'power on')
    baremetal.set_node_boot_device('n1', 'disk', persistent=True)
    assert baremetal.validate_node('n1', required=('power',))['deploy'].result is False
    assert [call[0] for call in conductor.calls] == ['provision', 'power', 'set_boot_device', 'validate']
    baremetal.set_node_maintenance(node, 'because')
    assert baremetal.get_node('n1').maintenance_reason == 'because'
    assert [driver.name for driver in baremetal.drivers()] == ['fake-hardware', 'ipmi']
    chassis = baremetal.create_chassis(description='rack')
    assert baremetal.update_chassis(chassis, description='row').description == 'row'
    baremetal.delete_chassis(chassis)
    baremetal.delete_port(port)
    baremetal.delete_node(node)
    assert list(baremetal.nodes()) == []


def test_openstacksdk_pages_through_nodes(url, api):
    names = {api.node(name=f'n{number}', resource_class='x')['name'] for number in range(7)}
    baremetal = openstack.connect(auth_type='none', endpoint=url).baremetal
    assert {node.name for node in baremetal.nodes(limit=2, resource_class='x')} == names
