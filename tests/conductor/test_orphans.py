"""What ended operations left behind is found and put away; what live ones need stays."""

import pytest

from ingot.conductor import orphans
from ingot.db import lease

SILENT = {'fake': {'deploy.machine_report': {'silent': True}}}


@pytest.fixture
def failed(house):
    """A deployment whose undo failed everywhere: all that it put out is still there."""
    service, node = house.service(), house.node(driver_info=SILENT)
    house.run(service, node, 'active')

    def refuse(kind, method, row):
        if method in ('withdraw', 'release'):
            raise RuntimeError('no')
    house.world.before = refuse
    house.run(service, node, 'abort')
    house.world.before = None
    assert len(house.world.leftovers(node)) == 3
    return service, node


def test_orphans_are_put_away(house, failed):
    service, node = failed
    orphans.search(service.crew)
    assert house.world.leftovers(node) == []
    assert house.row(node)['lock_owner'] is None


def test_orphans_of_a_node_that_is_gone_are_put_away(house, failed):
    service, node = failed
    with house.database.write() as connection:
        for table in ('ports', 'operations', 'nodes'):
            connection.exec_driver_sql(f'DELETE FROM {table}')
    orphans.search(service.crew)
    assert house.world.macs(node) == []


def test_a_boot_record_is_left_while_somebody_works_on_the_node(house, failed):
    service, node = failed
    lease.take(house.database, node, 'there', 'deploy', 10)
    orphans.search(service.crew)
    assert [one for one in house.world.leftovers(node) if 'boot record' in one]


def test_an_operation_that_began_since_we_looked_keeps_its_boot_record(house):
    service, node = house.service(), house.node(driver_info=SILENT)
    house.run(service, node, 'active')
    boot = house.drivers.hardware['fake-hardware'].interfaces['boot']['fake']
    orphans._withdraw(service.crew, boot, node, house.mac(node))
    assert house.world.macs(node) == [house.mac(node)]
    assert house.row(node)['lock_owner'] is None


def test_live_operations_keep_what_they_need(house):
    service, node = house.service(), house.node(driver_info=SILENT)
    house.run(service, node, 'active')
    before = house.world.leftovers(node)
    orphans.search(service.crew)
    assert house.world.leftovers(node) == before
    assert len(before) == 4


class Cache:
    """A shared service as drivers have them."""

    def __init__(self, holders):
        self.held, self.trimmed = list(holders), 0

    def holders(self):
        return list(self.held)

    def release(self, holder):
        self.held.remove(holder)

    def trim(self):
        self.trimmed += 1


def test_holds_on_images_end_with_their_operation(house):
    service, node = house.service(), house.node(driver_info=SILENT)
    house.run(service, node, 'active')
    live = house.row(node)['operation']
    cache = house.drivers.context.services[Cache] = Cache([live, 'ended'])
    orphans.search(service.crew)
    assert cache.held == [live]
    orphans.trim(service.crew)
    assert cache.trimmed == 1
