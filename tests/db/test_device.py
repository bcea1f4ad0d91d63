"""PCI devices as rows: what is found, what vanishes, what comes back, and whose it is meanwhile."""

import pytest
import sqlalchemy as sa

from ingot.db import device, models
from ingot.db.engine import now
from tests.db.test_inventory import enroll

GPU = {'address': '0000:17:00.0', 'vendor_id': '10de', 'product_id': '20f1', 'serial': 'A', 'class_id': '030200',
       'link_width': 16, 'link_speed': 16.0}
NIC = {'address': '0000:3b:00.0', 'vendor_id': '8086', 'product_id': '1592', 'serial': None, 'class_id': '020000'}


class Machine:
    """A node and what its inspections find."""

    def __init__(self, database):
        self.database, self.node = database, enroll(database)

    def inspect(self, *found):
        with self.database.write() as connection:
            return device.reconcile(connection, self.node, list(found))

    def rows(self):
        with self.database.read() as connection:
            return {one['address']: one for one in device.of_node(connection, self.node)}

    def change(self, address, **values):
        with self.database.write() as connection:
            connection.execute(sa.update(models.devices).where(models.devices.c.address == address).values(values))

    def claim(self, address, state='claimed'):
        with self.database.write() as connection:
            key = connection.execute(sa.insert(models.allocations).values(uuid=address, created_at=now())).inserted_primary_key[0]
        self.change(address, state=state, allocation_id=key)
        return key


@pytest.fixture
def machine(database):
    return Machine(database)


def test_what_is_found_waits_at_the_gate(machine):
    told = machine.inspect(NIC, GPU)
    rows = machine.rows()
    assert [one['address'] for one in told['added']] == list(rows) == ['0000:17:00.0', '0000:3b:00.0']
    assert told.keys() == {'added'}
    gpu = rows['0000:17:00.0']
    assert {name: gpu[name] for name in GPU} == GPU
    assert (gpu['state'], gpu['offered'], gpu['extra_info'], gpu['labels'], gpu['generation']) == ('not_ready', False, {}, {}, 1)


def test_the_same_again_is_no_change(machine):
    machine.inspect(NIC, GPU)
    before = machine.rows()
    assert machine.inspect(GPU, NIC) == {}
    assert machine.rows() == before


def test_what_changed_is_told_with_before_and_after(machine):
    machine.inspect(GPU)
    told = machine.inspect(GPU | {'link_width': 8, 'driver': 'vfio-pci'})
    assert told == {'changed': [{'what': '0000:17:00.0', 'before': {'driver': None, 'link_width': 16},
                                 'after': {'driver': 'vfio-pci', 'link_width': 8}}]}
    assert (machine.rows()['0000:17:00.0']['link_width'], machine.rows()['0000:17:00.0']['generation']) == (8, 2)


def test_a_link_that_saves_power_is_no_news_but_known(machine):
    machine.inspect(GPU)
    assert machine.inspect(GPU | {'link_speed': 2.5}) == {}
    assert machine.rows()['0000:17:00.0']['link_speed'] == 2.5


def test_an_inspector_that_tells_less_takes_nothing_away(machine):
    machine.inspect(GPU)
    assert machine.inspect({'address': GPU['address'], 'vendor_id': '10de', 'product_id': '20f1'}) == {}
    assert machine.inspect(GPU | {'serial': None}) == {}
    assert {name: machine.rows()['0000:17:00.0'][name] for name in GPU} == GPU


def test_what_vanishes_keeps_its_row_and_comes_back_to_the_gate(machine):
    machine.inspect(GPU, NIC)
    uuid = machine.rows()['0000:17:00.0']['uuid']
    machine.change('0000:17:00.0', state='ready', labels='{"a": "b"}')
    assert [one['uuid'] for one in machine.inspect(NIC)['removed']] == [uuid]
    gone = machine.rows()['0000:17:00.0']
    assert (gone['state'], gone['removed_at'] is None, gone['state_reason']) == (
        'removed', False, 'The last inspection did not find it.')
    assert machine.inspect(NIC) == {}, 'it is told once'
    assert [one['uuid'] for one in machine.inspect(NIC, GPU)['added']] == [uuid]
    back = machine.rows()['0000:17:00.0']
    assert (back['state'], back['removed_at'], back['state_reason'], back['labels']) == ('not_ready', None, None, {'a': 'b'})


@pytest.mark.parametrize(('provision_state', 'state'), [('available', 'claimed'), ('active', 'in_use')])
def test_a_claim_on_what_vanished_stays_and_is_told(machine, provision_state, state):
    machine.inspect(GPU)
    key = machine.claim('0000:17:00.0', state)
    assert [one['allocation'] for one in machine.inspect()['removed']] == [key]
    gone = machine.rows()['0000:17:00.0']
    assert (gone['state'], gone['allocation_id']) == ('removed', key)
    assert 'Its allocation keeps it until it ends.' in gone['state_reason']
    machine.node['provision_state'] = provision_state
    machine.inspect(GPU)
    assert (machine.rows()['0000:17:00.0']['state'], machine.rows()['0000:17:00.0']['allocation_id']) == (state, key)


@pytest.mark.parametrize('other', [{'serial': 'B'}, {'product_id': '20b0'}, {'vendor_id': '1002'}])
def test_another_card_at_the_same_address_is_another_device(machine, other):
    machine.inspect(GPU)
    old = machine.rows()['0000:17:00.0']
    machine.change('0000:17:00.0', state='ready', labels='{"a": "b"}')
    told = machine.inspect(GPU | other)
    new = machine.rows()['0000:17:00.0']
    assert ([one['uuid'] for one in told['removed']], [one['uuid'] for one in told['added']]) == ([old['uuid']], [new['uuid']])
    assert (new['uuid'] != old['uuid'], new['state'], new['labels']) == (True, 'not_ready', {})


def test_another_card_at_the_address_of_a_claimed_one_waits_for_the_end_of_the_claim(machine):
    machine.inspect(GPU)
    uuid = machine.rows()['0000:17:00.0']['uuid']
    machine.claim('0000:17:00.0')
    told = machine.inspect(GPU | {'serial': 'B'})
    gone = machine.rows()['0000:17:00.0']
    assert (told.keys(), gone['uuid'], gone['state']) == ({'removed'}, uuid, 'removed')
    assert 'but 10de:20f1, serial number B, at its address' in gone['state_reason']
    assert machine.inspect(GPU | {'serial': 'B'}) == {}
    machine.change('0000:17:00.0', allocation_id=None)
    told = machine.inspect(GPU | {'serial': 'B'})
    assert (told.keys(), machine.rows()['0000:17:00.0']['serial'], machine.rows()['0000:17:00.0']['state']) == (
        {'added'}, 'B', 'not_ready')


def test_what_an_operator_said_of_a_device_holds_when_it_comes_back(machine):
    machine.inspect(GPU)
    machine.change('0000:17:00.0', state_reason='Overheats.')
    machine.inspect()
    machine.inspect(GPU)
    back = machine.rows()['0000:17:00.0']
    assert (back['state'], back['state_reason']) == ('not_ready', 'Overheats.')


def test_devices_belong_to_one_node(machine, database):
    other = Machine(database)
    machine.inspect(GPU)
    assert other.inspect(NIC).keys() == {'added'}
    assert list(machine.rows()) == ['0000:17:00.0']
    assert list(other.rows()) == ['0000:3b:00.0']
