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


def test_live_operations_keep_what_they_need(house):
    service, node = house.service(), house.node(driver_info=SILENT)
    house.run(service, node, 'active')
    before = house.world.leftovers(node)
    orphans.search(service.crew)
    assert house.world.leftovers(node) == before
    assert len(before) == 4


def test_caches_are_trimmed(house, monkeypatch):
    trimmed = []
    deploy = house.drivers.hardware['fake-hardware'].interfaces['deploy']['fake']
    monkeypatch.setattr(deploy, 'trim', lambda: trimmed.append(True), raising=False)
    orphans.trim(house.service().crew)
    assert trimmed == [True]
