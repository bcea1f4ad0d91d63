"""Inspection rules in real inspections: by the BMC, and by the machine's agent."""

import dataclasses
import uuid

import pytest
import sqlalchemy as sa

from ingot.db import inventory, models, row, rule
from ingot.db.engine import now


def add_rule(house, actions, conditions=(), priority=0, **more):
    values = {'uuid': str(uuid.uuid4()), 'created_at': now(), 'conditions': list(conditions), 'actions': actions,
              'priority': priority, **more}
    with house.database.write() as connection:
        connection.execute(sa.insert(models.inspection_rules).values(row.dump(models.inspection_rules, values)))


def act(op, **args):
    return {'op': op, 'args': args}


@pytest.mark.parametrize('needs_agent', [False, True], ids=['bmc', 'agent'])
def test_rules_run_with_the_inventory(house, needs_agent):
    house.drivers.hardware['fake-hardware'].interfaces['inspect']['fake'].needs_agent = needs_agent
    service, node = house.service(), house.node('manageable', inspect_interface='fake')
    add_rule(house, [act('add-trait', name='CUSTOM_BIG'), act('set-attribute', path='resource_class', value='big'),
                     act('set-capability', name='cpus', value='{inventory[cpu][count]}'),
                     act('set-plugin-data', path='seen.by', value='{node[uuid]}'),
                     act('set-port-attribute', port_id=house.mac(node), path='physical_network', value='net1'),
                     act('set-port-attribute', port_id='{inventory[boot][pxe_interface]}', path='extra/booted', value=True)],
             [act('gt', values=['{node[properties][memory_mb]}', 65536])])
    add_rule(house, [act('set-attribute', path='resource_class', value='small')],
             [act('lt', values=['{inventory[cpu][count]}', 4])])
    after = house.run(service, node, 'inspect')
    assert (after['provision_state'], after['last_error']) == ('manageable', None)
    assert (after['traits'], after['resource_class'], after['properties']['capabilities']) == (['CUSTOM_BIG'], 'big', 'cpus:32')
    assert (after['properties']['cpus'], after['properties']['memory_mb']) == (32, 131072)
    found = inventory.get(house.database, after)
    assert (found['plugin_data'], found['inventory']['cpu']['count']) == ({'seen': {'by': node}}, 32)
    ports = inventory.ports(house.database, after)
    assert [(port['physical_network'], port['extra'], port['generation']) for port in ports] == [
        ('net1', {}, 2), (None, {'booted': True}, 2)]


def test_rules_of_higher_priority_run_first(house):
    service, node = house.service(), house.node('manageable', inspect_interface='fake')
    add_rule(house, [act('extend-attribute', path='extra/ran', value='low')], priority=1)
    add_rule(house, [act('extend-attribute', path='extra/ran', value='high')], priority=9)
    assert house.run(service, node, 'inspect')['extra'] == {'ran': ['high', 'low']}


def test_a_rule_that_fails_fails_the_inspection_and_nothing_is_stored(house):
    service, node = house.service(), house.node('manageable', inspect_interface='fake')
    add_rule(house, [act('set-attribute', path='extra/a', value=1), act('fail', msg='{inventory[cpu][count]} CPUs are too many')],
             description='cpu limit')
    after = house.run(service, node, 'inspect')
    assert after['provision_state'] == 'inspect failed'
    assert 'Inspection rule cpu limit: 32 CPUs are too many' in after['last_error']
    assert (after['extra'], after['properties']) == ({}, {})


def test_a_rule_chooses_the_driver_with_its_interfaces(house):
    drivers = house.drivers
    drivers.hardware['other'] = dataclasses.replace(drivers.hardware['fake-hardware'], name='other')
    for chosen, state in (('other', 'manageable'), ('none-such', 'inspect failed')):
        rule.clear(house.database)
        rule.STORE.create(house.database, {'actions': [{'op': 'set-attribute', 'args': {'path': '/driver', 'value': chosen}}]},
                          (rule.TABLE.c.id,))
        node = house.node('manageable', driver='fake-hardware')
        row = house.run(house.service(), node, 'inspect')
        assert row['provision_state'] == state, row['last_error']
        assert row['driver'] == ('other' if chosen == 'other' else 'fake-hardware')
    assert 'none-such' in row['last_error']
