"""The devices that a match means are the same whether the database helps to find them or not."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ingot.db import models, pci_flavor
from ingot.scheduler import match
from tests import pci
from tests.db.test_inventory import enroll

DEVICES = [
    {'vendor_id': vendor, 'product_id': product, 'function': function, 'driver': driver, 'link_width': width,
     'class_id': '020000', 'extra_info': labels, 'labels': {'group': 'b'}}
    for number, (vendor, product, function) in enumerate((
        ('10de', '20f1', None), ('8086', '1592', 'pf'), ('8086', '1889', 'vf'), (None, None, None)))
    for driver, width, labels in (('ice', 16, {'group': 'a'}), (None, 8, {}), ('ICE', None, {'rack': number}))]
VALUES = {'vendor_id': ['10de', '8086', '0x8086', '10DE', 'ffff', None], 'product_id': ['20f1', '1889', None],
          'function': ['pf', 'vf', None], 'driver': ['ice', 'ICE', None], 'link_width': [8, 16, None], 'class_id': ['020000'],
          'group': ['a', 'b', None], 'rack': [1, '1', True]}


def conditions(name):
    value = some.sampled_from(VALUES[name])
    kinds = [value, some.lists(value, min_size=1, max_size=3), some.builds(lambda one: {'!=': one}, value)]
    if name in ('vendor_id', 'driver', 'group'):
        kinds.append(some.builds(lambda one: {'glob': one}, some.sampled_from(['*', '1*', '*e', '80*6'])))
    if name == 'link_width':
        kinds.append(some.builds(lambda sign: {sign: 8}, some.sampled_from(['<', '<=', '>', '>='])))
    return some.one_of(kinds)


MATCHES = some.lists(some.lists(some.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: some.fixed_dictionaries({name: conditions(name) for name in names})), min_size=1, max_size=3)


@pytest.fixture
def known(database):
    """{uuid: what a match sees of it}"""
    node = enroll(database)
    uuids = pci.add(database, node['uuid'], *DEVICES)
    return {uuid: match.attributes(pci.get(database, uuid)) for uuid in uuids}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MATCHES)
def test_the_database_helps_and_decides_nothing(database, known, wanted):
    match.check(wanted)
    means = match.compiled(wanted)
    with database.read() as connection:
        found = [uuid for uuid, in pci_flavor.meant(connection, wanted, (models.devices.c.uuid,))]
    assert found == [uuid for uuid, facts in known.items() if means(facts)]


def test_what_is_removed_is_meant_by_nothing(database, known):
    gone = next(iter(known))
    pci.change(database, gone, state='removed')
    with database.read() as connection:
        found = [uuid for uuid, in pci_flavor.meant(connection, [{'class_id': '020000'}], (models.devices.c.uuid,))]
    assert found == [uuid for uuid in known if uuid != gone]


def test_long_lists_come_in_parts_and_nothing_twice(database, known, monkeypatch):
    monkeypatch.setattr(pci_flavor, '_AT_ONCE', 5)
    with database.read() as connection:
        found = [uuid for uuid, in pci_flavor.meant(connection, [{'class_id': {'glob': '02*'}}], (models.devices.c.uuid,))]
    assert found == list(known)
